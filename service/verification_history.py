"""The verifications of this installation's instruments as points of control charts.

`verification_points` is the one place that knows where the bench keeps them.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from calibration.chart_series import VerificationPoint
from spectra.values import DeviceInfo

from .archive.journal import Archive
from .bench.outbox_file import OutboxFile
from .errors import ServiceError
from .settings import Settings

_VERDICTS = {"passed": True, "failed": False, "no_verdict": None}
_COLUMNS = "device, verdict, scan_id, standard, at, axis_id, intensity_id, outcome"


def verification_points(settings: Settings) -> tuple[VerificationPoint, ...]:
    """Return every positive control made at this bench, oldest first; none where there never was one.

    Raises
    ------
    OutboxError
        The bench's file cannot be read.
    """
    if not settings.outbox_path.exists():
        return ()
    with OutboxFile(settings.outbox_path).transaction() as database:
        kept = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'verifications'").fetchone()
        if kept is None:
            return ()
        query = f"SELECT {_COLUMNS} FROM verifications WHERE control = 'positive' ORDER BY seq"  # noqa: S608
        rows = database.execute(query).fetchall()
    return tuple(_point(dict(zip(_COLUMNS.split(", "), row, strict=True))) for row in rows)


def instruments_named(settings: Settings, name: str, points: Sequence[VerificationPoint]) -> tuple[str, ...]:
    """Return the instruments, ``model/serial``, verified under a configured name; nothing is opened."""
    from instrument.config import load_config

    config = load_config(settings.devices_path).get(name)
    if config is None:
        return ()
    newest = {point.device: point for point in points}
    return tuple(
        identity
        for identity, point in newest.items()
        if (info := device_of(settings, point)) is not None and info.url == config.spectrometer
    )


def device_of(settings: Settings, point: VerificationPoint) -> DeviceInfo | None:
    """Return which instrument a verification's scan is of; None where the scan is not in this archive."""
    if not point.scan_id or not settings.archive_dir.is_dir():
        return None
    try:
        return Archive(settings.archive_dir).get(point.scan_id).device
    except ServiceError:
        return None


def _point(row: Mapping[str, Any]) -> VerificationPoint:
    outcome = _object(row["outcome"])
    return VerificationPoint(
        at=str(row["at"]),
        device=str(row["device"]),
        standard=str(row["standard"]),
        passed=_VERDICTS.get(str(row["verdict"])),
        deviations=_deviations(outcome.get("lines")),
        width=_number(outcome.get("resolution_cm1")),
        intensity=_number(outcome.get("intensity")),
        snr=_number(outcome.get("snr")),
        calibration_id=str(row["axis_id"]),
        intensity_id=str(row["intensity_id"]),
        scan_id=str(row["scan_id"]),
    )


def _deviations(lines: Any) -> tuple[tuple[float, float], ...]:
    found = []
    for line in lines if isinstance(lines, list) else []:
        expected, there = _number(line.get("expected_cm1")), _number(line.get("found_cm1"))
        if expected is not None and there is not None:
            found.append((expected, there - expected))
    return tuple(found)


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if usable else None
