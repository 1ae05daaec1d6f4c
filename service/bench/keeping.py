"""What was measured and what it showed, noted wherever the bench looks for it later."""

from typing import TYPE_CHECKING, Any

from instrument.interfaces import OriginalFile
from spectra.values import Scan

from ..archive.journal import ArchivedScan
from .blanks import alarming
from .notes import instrument_key

if TYPE_CHECKING:
    from .agent import Bench


def keep(
    bench: "Bench",
    scan: Scan,
    transcript: bytes,
    original: OriginalFile | None = None,
    sidecars: tuple[OriginalFile, ...] = (),
) -> ArchivedScan:
    """Put what was measured into the archive, and note where it belongs.

    Parameters
    ----------
    bench
        The bench.
    scan, transcript
        The scan, and what went over the wires for it.
    original
        The file the device wrote for it.
    sidecars
        Reports that came with that file.

    Raises
    ------
    ArchiveError
        It cannot be kept.
    """
    archived = bench.archive.put(scan, transcript, original, sidecars)
    bench.attempts.keep(archived)
    bench.drops.note_taken(archived)
    return archived


def remember(bench: "Bench", archived: ArchivedScan, identification: dict[str, Any]) -> None:
    """Note what a scan of a sample showed: at its attempt, and at an accessory it may have soiled."""
    scan = archived.scan
    bench.attempts.settle(archived, identification)
    touched = scan.settings.get("contact")
    if touched and alarming(identification):
        identity = instrument_key(scan.device.model, scan.device.serial)
        bench.contacts.soil(identity, touched["device"], touched["accessory"], item=scan.item)
    bench.uses.note(archived, identification)
