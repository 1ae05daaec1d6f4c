"""Files that arrived together, sorted: spectra, reports beside them, and what can be neither."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from spectra.errors import FormatError
from spectra.formats import Decoded

from ..interfaces import OriginalFile
from .answers import is_report
from .decoding import decode_file
from .scans import FileScan, scan_of
from .source import Source

#: Most reports kept with one spectrum, and most bytes of all of them: chosen; a report takes a few pages.
MAX_REPORTS = 8
MAX_REPORT_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class ArrivedFile:
    """One file, with its bytes."""

    name: str
    """Its name, without folders, printable."""
    sha256: str
    """Digest of its bytes."""
    data: bytes = field(repr=False)
    """Its bytes."""
    mtime_ns: int | None = None
    """When it says it was written, ns since 1970: a claim."""
    is_new: bool = True
    """False for content that was dealt with before."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Files of one stem that arrived together."""

    arrival_id: str
    """Digest of what is new in it."""
    files: tuple[ArrivedFile, ...]
    """All of them, by name."""
    taken_at: str
    """When they arrived, by the bench's clock, RFC 3339 in UTC."""
    clock: str = "unknown"
    """State of the bench's clock."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """What came of an arrival."""

    scans: tuple[FileScan, ...]
    """Its new spectra as scans, with their reports."""
    refused: tuple[tuple[ArrivedFile, str], ...]
    """New files that are neither, with the reason."""
    late: tuple[ArrivedFile, ...]
    """New reports of a spectrum that was dealt with before."""


def arrival_scans(arrival: Arrival, source: Source) -> Sorted:
    """Sort an arrival by content; a name tells only what may be a report."""
    spectra, others = _decoded(arrival.files, source)
    reports = [(one, why) for one, why in others if is_report(one.name)]
    beside = _bounded([one for one, _ in reports]) if spectra else ()
    scans: list[FileScan] = []
    refused = [(one, why) for one, why in others if one.is_new and one not in beside]
    for file, found in spectra:
        if not file.is_new:
            continue
        try:
            scans += [_scan(one, file, beside, arrival, source) for one in found]
        except FormatError as error:
            refused.append((file, str(error)))
    late = () if scans else tuple(one for one in beside if one.is_new)
    return Sorted(tuple(scans), tuple(refused), late)


def _decoded(
    files: Sequence[ArrivedFile], source: Source
) -> tuple[list[tuple[ArrivedFile, tuple[Decoded, ...]]], list[tuple[ArrivedFile, str]]]:
    spectra, others = [], []
    for file in files:
        try:
            found = decode_file(file.data, file.name, technique=source.technique, laser_nm=source.laser_nm)
        except FormatError as error:
            others.append((file, str(error)))
        else:
            spectra.append((file, found))
    return spectra, others


def _bounded(reports: list[ArrivedFile]) -> tuple[ArrivedFile, ...]:
    kept: list[ArrivedFile] = []
    room = MAX_REPORT_BYTES
    for one in reports[:MAX_REPORTS]:
        if len(one.data) <= room:
            room -= len(one.data)
            kept.append(one)
    return tuple(kept)


def _scan(
    decoded: Decoded, file: ArrivedFile, beside: Sequence[ArrivedFile], arrival: Arrival, source: Source
) -> FileScan:
    return scan_of(
        decoded,
        OriginalFile(file.name, file.data, decoded.format),
        source,
        taken_at=arrival.taken_at,
        sidecars=[OriginalFile(one.name, one.data, "") for one in beside],
        mtime_ns=file.mtime_ns,
        clock=arrival.clock,
    )
