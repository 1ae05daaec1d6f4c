"""From a decoded file to a scan: its one spectrum as one accumulation on its axis in cm⁻¹."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from spectra.formats import Decoded
from spectra.values import DeviceInfo, Scan

from ..interfaces import OriginalFile
from .answers import DeviceAnswer, answer_in, answer_in_report
from .claims import Claims, claims_of
from .source import Source

#: What stands for the model where neither the file nor a person says one.
UNKNOWN_MODEL = "unknown"


@dataclass(frozen=True, slots=True)
class FileScan:
    """A scan read from a device's file, with the file."""

    scan: Scan
    """The scan; of no item yet."""
    original: OriginalFile
    """The file."""
    sidecars: tuple[OriginalFile, ...]
    """Reports beside it."""
    items: tuple[str, ...]
    """Texts in the file that may be an item's identifier, as the file has them."""


def scan_of(
    decoded: Decoded,
    original: OriginalFile,
    source: Source,
    *,
    taken_at: str,
    sidecars: Sequence[OriginalFile] = (),
    mtime_ns: int | None = None,
    clock: str = "unknown",
) -> FileScan:
    """Return the scan of one spectrum of a file.

    Parameters
    ----------
    decoded
        The spectrum and what the file says.
    original
        The file.
    source
        The folder it came from.
    taken_at
        When the file arrived, by the bench's clock, RFC 3339 in UTC: the device's clock is not trusted.
    sidecars
        Reports beside it.
    mtime_ns
        When the file says it was written, ns since 1970; kept as a claim.
    clock
        State of the bench's clock.

    Raises
    ------
    FormatError
        The file is of another device than the one stated for the folder.
    """
    spectrum, claims = decoded.spectrum, claims_of(decoded, source)
    answer = _answer(decoded, sidecars)
    settings: dict[str, Any] = {
        "folder": str(source.root),
        "file": _file_facts(decoded, claims, mtime_ns),
        "device_answer": None if answer is None else answer.to_json(),
    }
    scan = Scan(
        technique=spectrum.technique,
        counts=spectrum.intensity[None, :],
        device=DeviceInfo(
            claims.model or UNKNOWN_MODEL, claims.serial, claims.firmware, source.url, source.emulated
        ),
        exposure_s=claims.exposure_s,
        taken_at=taken_at,
        axis=spectrum.axis,
        axis_unit="cm-1",
        laser_nm=spectrum.laser_nm,
        laser_mw=claims.laser_mw,
        clock=clock,
        settings=settings,
    )
    return FileScan(scan, original, tuple(sidecars), claims.items)


def _answer(decoded: Decoded, sidecars: Sequence[OriginalFile]) -> DeviceAnswer | None:
    """Return the device's answer: the first that names something, else the first of all."""
    found = [answer_in(decoded.meta.items(), source="header", form=decoded.format)]
    found += [answer_in_report(one.name, one.data) for one in sidecars]
    given = [answer for answer in found if answer is not None]
    return next((answer for answer in given if answer.name), given[0] if given else None)


def _file_facts(decoded: Decoded, claims: Claims, mtime_ns: int | None) -> dict[str, Any]:
    spectrum = decoded.spectrum
    return {
        "format": decoded.format,
        "title": decoded.title,
        "history": list(spectrum.history),
        "resolution_cm1": spectrum.resolution_cm1,
        "saturated": spectrum.saturated,
        "averages": claims.averages,
        "claimed_time": claims.time,
        "claimed_written": _written(mtime_ns),
        "claimed_items": list(claims.items),
        "header": dict(decoded.meta),
    }


def _written(mtime_ns: int | None) -> str:
    if mtime_ns is None:
        return ""
    try:
        moment = datetime.fromtimestamp(mtime_ns / 1e9, UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
