"""The way of the data, one way: a newcomer reads this first.

``device ─Scan─▶ archive (raw first!) ─▶ calibration ─Spectrum─▶ recipe ─▶ identify(method, blank)
─Identification─▶ outbox ─▶ result ─▶ screening of a parcel``
"""

from typing import TYPE_CHECKING, Any

from calibration.apply import spectrum_of
from instrument.acquisition import ScanPlan
from instrument.errors import InstrumentError
from spectra.identification import identify

from ..archive.journal import ArchivedScan
from . import operations
from .device import Device
from .notes import rfc3339, utc_now

if TYPE_CHECKING:
    from .agent import Bench

#: Room a scan of the largest detector and its transcript can need, bytes.
SCAN_BYTES = 48 * 1024 * 1024

Answer = dict[str, Any]


def screen(
    bench: "Bench", device: Device, plan: ScanPlan, remarks: Answer, *, complete: bool
) -> tuple[ArchivedScan, Answer]:
    """Scan a sample, keep it, say what it is, and tell the server."""
    archived = capture(bench, device, plan, remarks)
    identification = examine(bench, archived)
    tell(bench, archived, identification, complete=complete)
    return archived, identification


def capture(bench: "Bench", device: Device, plan: ScanPlan, remarks: Answer) -> ArchivedScan:
    """Take a scan into the archive; a full disk refuses before firing, an aborted scan is kept too."""
    bench.archive.require_space(SCAN_BYTES)
    try:
        taken = device.take(plan, remarks)
    except InstrumentError as error:
        if error.scan is not None:
            bench.archive.put(error.scan, device.last_transcript)
        raise
    return bench.archive.put(taken.scan, taken.transcript)


def examine(bench: "Bench", archived: ArchivedScan) -> Answer:
    """Identify an archived scan; everything the answer depends on is named in it."""
    scan = archived.scan
    blank = spectrum_of(bench.archive.get(scan.blank_id)) if scan.blank_id else None
    found = identify(
        spectrum_of(scan),
        bench.method(),
        blank=blank,
        state=bench.state_at(scan),
        source=archived.scan_id,
        scan_id=archived.scan_id,
        now=rfc3339(utc_now()),
    )
    return found.to_json()


def tell(bench: "Bench", archived: ArchivedScan, identification: Answer, *, complete: bool) -> None:
    """Put all the server needs into the outbox, in one transaction."""
    ops = operations.telling(archived, identification, bench.name, complete=complete)
    bench.outbox.add(ops, closes=archived.scan.item if complete else "")
