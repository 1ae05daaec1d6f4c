"""What a person decides about a dropped scan: it is of the open item, it is of a standard, it is nothing."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from calibration.standards import sharp_lines, standard_name
from spectra.values import Role, Scan

from ..archive.attached import Attached
from ..archive.journal import ArchivedScan
from . import flow, operations
from .answers import scan_answer
from .blanks import usable_blank
from .drop_compare import compare
from .drop_queue import Drop, DropQueue
from .drop_requests import DiscardRequest, DropVerifyRequest, JoinRequest
from .item import clean_label
from .notes import instrument_key
from .refusals import NothingOpen
from .verifying import judged, require_serial, settled
from .visit import describe_visit

if TYPE_CHECKING:
    from .agent import Bench

Answer = dict[str, Any]

#: How a scan may come to its item.
BY_OFFICER = "the officer at the bench"


def join(bench: "Bench", queue: DropQueue, request: JoinRequest, *, by: str = BY_OFFICER) -> Answer:
    """Make a waiting scan one of the item open at the bench, identify it, and tell the server.

    The scan as it arrived stays in the archive; a second one, which names the item, the first and how both
    answers compare, is what the result is of.

    Raises
    ------
    DropUnknown
        It does not wait.
    NothingOpen
        No screening of that item is open here.
    NotSignedIn
        Officers must sign in, nobody has, and it is joined by somebody's word.
    BlankUnusable
        The blank is unknown, expired or of another instrument.
    """
    with queue.deciding:
        return _joined(bench, queue, request, by)


def _joined(bench: "Bench", queue: DropQueue, request: JoinRequest, by: str) -> Answer:
    drop, item = queue.need(request.scan_id), clean_label(request.item)
    # What a file says of itself joins under nobody's name but that of who is there.
    operator = bench.signing_in.operator_for() if by == BY_OFFICER else bench.signing_in.officer
    screening = bench.outbox.screening_of(item)
    if screening is None:
        raise NothingOpen(f"no screening of {item} is open at this bench: open the item first")
    raw, files = bench.archive.get(drop.scan_id), bench.archive.attached(drop.scan_id)
    identity = instrument_key(raw.device.model, raw.device.serial)
    blank = usable_blank(bench.notes, request.blank, identity).scan_id if request.blank else ""
    number = len(bench.attempts.of(screening)) + 1
    who = {"device": identity, "operator": operator}
    with bench.attempts.begun(screening, item, request.spot, attempt=None, **who) as attempt:
        scan = replace(
            raw,
            item=item,
            screening_id=screening,
            spot=request.spot,
            attempt=attempt,
            presentation=request.presentation,
            blank_id=blank,
            settings={**raw.settings, "scan_number": number},
        )
        archived = _rearchived(bench, drop, scan, files, by=by)
        queue.settle(drop.scan_id, "joined", {"scan_id": archived.scan_id, "item": item})
        bench.attempts.keep(archived)
        found = flow.examine(bench, archived)
        flow.tell(bench, archived, found, complete=request.complete)
    bench.flusher.kick()
    posted = bench.posted(operations.result_key(archived.scan_id))
    answer = scan_answer(archived, found, posted, describe_visit(bench, screening, item))
    answer["comparison"] = archived.scan.settings["comparison"]
    queue.complete_outcome(drop.scan_id, answer)
    return answer


def verify(bench: "Bench", queue: DropQueue, request: DropVerifyRequest) -> Answer:
    """Take a waiting scan for that of a standard and check the axis of the device that made it.

    Raises
    ------
    DropUnknown
        It does not wait.
    UsageError
        Nobody says which instrument made it.
    UnknownStandard
        No lines are chosen for the standard.
    """
    sharp_lines(request.standard)
    with queue.deciding:
        return _verified(bench, queue, request)


def _verified(bench: "Bench", queue: DropQueue, request: DropVerifyRequest) -> Answer:
    drop = queue.need(request.scan_id)
    raw = bench.archive.get(drop.scan_id)
    require_serial(raw)
    scan = replace(
        raw, role=Role.VERIFICATION, name=standard_name(request.standard), settings=_with_origin(raw, drop)
    )
    files = bench.archive.attached(drop.scan_id)
    archived = bench.archive.put(scan, b"", files.original, files.sidecars)
    # In the order in which scans were joined here: files say when by clocks that nobody checks.
    after = bench.verifications.begun_so_far()
    outcome = settled(bench, archived, judged(bench, archived, request.standard), after)
    queue.settle(drop.scan_id, "verified", outcome)
    return outcome


def discard(queue: DropQueue, request: DiscardRequest) -> Answer:
    """Take a scan off the queue with a reason; it stays in the archive. Raises `DropUnknown`."""
    with queue.deciding:
        drop = queue.need(request.scan_id)
        outcome = {"scan_id": drop.scan_id, "reason": request.reason.strip()}
        queue.settle(drop.scan_id, "discarded", outcome)
    return outcome


def _rearchived(bench: "Bench", drop: Drop, scan: Scan, files: Attached, *, by: str) -> ArchivedScan:
    """Archive the scan of an item, with the comparison of both answers in its settings."""
    arrived = ArchivedScan(drop.scan_id, bench.archive.path_of(drop.scan_id), scan)
    answer = scan.settings.get("device_answer") or drop.facts.get("device_answer")
    comparison = compare(flow.examine(bench, arrived), answer)
    settings = {
        **_with_origin(scan, drop),
        "joined_by": by,
        "device_answer": answer,
        "late_reports": drop.facts.get("late", []),
        "comparison": comparison,
    }
    return bench.archive.put(replace(scan, settings=settings), b"", files.original, files.sidecars)


def _with_origin(scan: Scan, drop: Drop) -> dict[str, Any]:
    return {**scan.settings, "arrived_as": drop.scan_id}
