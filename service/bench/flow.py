"""The way of the data, one way: a newcomer reads this first.

``device ─Scan─▶ archive (raw first!) ─▶ calibration ─Spectrum─▶ recipe ─▶ identify(method, blank)
─Identification─▶ outbox ─▶ result ─▶ screening of a parcel``
"""

import logging
from typing import TYPE_CHECKING, Any

from instrument.acquisition import Enough, ScanPlan
from instrument.errors import InstrumentError
from spectra.values import Scan

from ..archive.journal import ArchivedScan
from ..looking import look_at
from . import operations
from .device import Device
from .keeping import keep, remember
from .notes import rfc3339, utc_now
from .standing import calibration_of, state_at

if TYPE_CHECKING:
    from .agent import Bench

_log = logging.getLogger(__name__)

#: Room a scan of the largest detector and its transcript can need, bytes.
SCAN_BYTES = 48 * 1024 * 1024

Answer = dict[str, Any]


def screen(
    bench: "Bench",
    device: Device,
    plan: ScanPlan,
    remarks: Answer,
    *,
    complete: bool,
    enough: Enough | None = None,
) -> tuple[ArchivedScan, Answer]:
    """Scan a sample, keep it, say what it is, and tell the server."""
    archived = capture(bench, device, plan, remarks, enough=enough)
    identification = examine(bench, archived)
    tell(bench, archived, identification, complete=complete)
    return archived, identification


def capture(
    bench: "Bench", device: Device, plan: ScanPlan, remarks: Answer, *, enough: Enough | None = None
) -> ArchivedScan:
    """Take a scan into the archive; a full disk refuses before firing, an aborted scan is kept too."""
    bench.archive.require_space(SCAN_BYTES)
    try:
        taken = device.take(plan, remarks, enough=enough)
    except InstrumentError as error:
        if error.scan is not None:
            _keep_aborted(bench, error.scan, device.last_transcript)
        raise
    return keep(bench, taken.scan, taken.transcript, taken.original, taken.sidecars)


def _keep_aborted(bench: "Bench", scan: Scan, transcript: bytes) -> None:
    """Keep what an aborted scan left; a failure here must not hide why it ended: a laser may be on."""
    try:
        keep(bench, scan, transcript)
    except Exception:
        _log.exception("what an aborted scan left could not be kept")


def examine(bench: "Bench", archived: ArchivedScan) -> Answer:
    """Identify an archived scan; everything the answer depends on is named in it.

    The scan spends its part of the false-alarm rate that the method promises for the whole screening.
    """
    scan = archived.scan
    found = look_at(
        scan,
        bench.method(),
        records=calibration_of(bench, scan),
        blank=bench.archive.get(scan.blank_id) if scan.blank_id else None,
        state=state_at(bench, scan),
        scan_id=archived.scan_id,
        now=rfc3339(utc_now()),
    )
    return found.to_json()


def tell(bench: "Bench", archived: ArchivedScan, identification: Answer, *, complete: bool) -> None:
    """Note at the bench what a scan showed, then put all the server needs into the outbox, at once."""
    remember(bench, archived, identification)
    used = str(identification["provenance"]["method"]["digest"])
    told = operations.Told(
        bench.name,
        bench.settings.site,
        operator=bench.attempts.operator_of(archived),
        method=bench.method_files.operation_for(used, bench.loaded_method),
        records=calibration_of(bench, archived.scan).records,
    )
    ops = operations.telling(archived, identification, told, complete=complete)
    bench.outbox.add(ops, closes=archived.scan.item if complete else "")
