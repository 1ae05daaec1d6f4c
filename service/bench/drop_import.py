"""From a folder into archive and queue: raw first, and nothing is done twice."""

import logging
from typing import TYPE_CHECKING, Any

from calibration.errors import CalibrationError
from instrument.drop_folder import Arrival, Intake, PassReport
from instrument.drop_folder.answers import answer_in_report
from instrument.drop_folder.scans import FileScan
from instrument.errors import InstrumentError
from library.errors import LibraryError
from spectra.errors import SpectraError

from ..errors import ServiceError, UsageError
from . import flow
from .drop_join import join
from .drop_queue import Drop, DropQueue
from .drop_requests import JoinRequest
from .item import clean_label

if TYPE_CHECKING:
    from .agent import Bench

_log = logging.getLogger(__name__)

#: What one file or one pass may fail by, and the next may not.
FAILURES = (OSError, InstrumentError, ServiceError, SpectraError, CalibrationError, LibraryError)


def run_pass(bench: "Bench", intake: Intake, queue: DropQueue) -> PassReport:
    """Copy what is new in the folder, archive its scans, and let them wait or join.

    Raises
    ------
    OSError, InstrumentError, ServiceError
        Our own disk failed, or is full; what was copied is taken up by a later pass.
    """
    report = intake.collect()
    for arrival in intake.waiting():
        with intake.turn:
            imported = _imported(bench, intake, queue, arrival)
        for drop, items in imported:
            _join_by_label(bench, queue, drop, items)
    return report


def _imported(
    bench: "Bench", intake: Intake, queue: DropQueue, arrival: Arrival
) -> list[tuple[Drop, tuple[str, ...]]]:
    """Archive an arrival's scans and let them wait; then the intake may forget its copies."""
    found = intake.sorted(arrival)
    drops = []
    for one in found.scans:
        bench.archive.require_space(flow.SCAN_BYTES)
        archived = bench.archive.put(one.scan, b"", one.original, one.sidecars)
        original = archived.scan.settings["original"]["sha256"]
        drop = Drop(archived.scan_id, intake.name, "waiting", original, _facts(one))
        queue.add(drop)
        drops.append((drop, one.items))
    if found.late:
        answers = [answer_in_report(file.name, file.data) for file in found.late]
        answer = next((one for one in answers if one is not None), None)
        late: dict[str, Any] = {"late": [{"name": f.name, "sha256": f.sha256} for f in found.late]}
        late |= {"device_answer": answer.to_json()} if answer is not None else {}
        for file in arrival.files:
            queue.annotate(file.sha256, late)
    intake.done(arrival)
    return drops


def _join_by_label(bench: "Bench", queue: DropQueue, drop: Drop, items: tuple[str, ...]) -> None:
    """Join a scan whose file holds the exact identifier of one item that is open; nothing else joins."""
    opened = bench.outbox.open_screenings()
    named = {label for label in map(_label, items) if label in opened}
    if len(named) != 1:
        return
    try:
        request = JoinRequest(scan_id=drop.scan_id, item=named.pop())
        join(bench, queue, request, by="the item's identifier in the file")
    except FAILURES as error:
        # It waits for the officer instead, like every other file.
        _log.warning("dropped scan %s could not be joined by its label: %s", drop.scan_id[:12], error)


def _label(text: str) -> str:
    try:
        return clean_label(text)
    except UsageError:
        return ""


def _facts(one: FileScan) -> dict[str, Any]:
    scan, said = one.scan, one.scan.settings["file"]
    return {
        "file": one.original.name,
        "format": said["format"],
        "title": said["title"],
        "model": scan.device.model,
        "serial": scan.device.serial,
        "emulated": scan.device.emulated,
        "technique": str(scan.technique),
        "laser_nm": scan.laser_nm,
        "arrived_at": scan.taken_at,
        "claimed_time": said["claimed_time"] or said["claimed_written"],
        "items_in_file": list(one.items),
        "sidecars": [file.name for file in one.sidecars],
        "device_answer": scan.settings["device_answer"],
    }
