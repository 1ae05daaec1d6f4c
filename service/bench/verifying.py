"""Verifying an instrument: a standard where it should be, and nothing where nothing is.

``scan ─▶ archive ─▶ calibration.positive | identify + calibration.negative ─▶ note, flags ─▶ outbox``
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from calibration.apply import spectrum_of
from calibration.due import Due, Passed, due
from calibration.limits import LIMITS
from calibration.negative import negative_control
from calibration.positive import verify_axis
from calibration.standards import sharp_lines, standard_name
from calibration.verification import Verification
from instrument.interfaces import StopCheck
from spectra.values import Presentation, Role, Scan

from ..archive.journal import ArchivedScan
from ..errors import UsageError
from . import blanks, flow, operations
from .contacts import usual_presentation
from .notes import instrument_key, rfc3339, utc_now
from .outbox import OutboxOp
from .requests import VerifyRequest
from .standing import calibration_of
from .trust import reconnected_since, temperatures_of, trust_of
from .verifications import Flag, VerificationNote
from .work import identity_of, may_fire, planned

if TYPE_CHECKING:
    from .agent import Bench

Answer = dict[str, Any]

#: So many of the last verifications tell of a drift, and are looked through after a crash.
_LOOKED_BACK = 10

#: What a negative control is a scan of.
EMPTY = "empty place"

#: Longest automatic exposure of a standard, s. Chosen: three frames with their dark ones leave the verdict
#: time within 20 s of asking; whoever has a weaker instrument states an exposure.
LONGEST_S = 1.0

_DUE_WORDS = {
    "usual": "the longest interval allowed",
    "first": "the first one after a start, reconnect or calibration comes soon",
    "could_drift": "an axis that begins to drift would be off soon after",
    "drifts": "the drift seen reaches the limit then",
}


def verify(bench: "Bench", request: VerifyRequest, stop: StopCheck) -> Answer:
    """Scan a standard, or an empty place, and judge the instrument by it; see `Bench.verify`."""
    # An unknown standard is refused before anything fires.
    name = EMPTY if request.negative else standard_name(request.standard)
    if request.negative:
        bench.method()
    else:
        sharp_lines(name)
    device, remarks = may_fire(bench, request)
    bench.warming.wait_recovered()
    with device.claimed(stop):
        after = bench.verifications.begun_so_far()
        presentation = usual_presentation(device.config.contact, Presentation.DIRECT)
        # What is faint may show where nothing is; the lines of a standard are not.
        longest = {} if request.negative else {"exposure_max_s": LONGEST_S}
        fields = {"role": Role.VERIFICATION, "name": name, "presentation": presentation, **longest}
        plan = planned(bench, request, device, **fields)
        archived = flow.capture(bench, device, plan, remarks)
        require_serial(archived.scan)
        outcome = _empty(bench, archived) if request.negative else judged(bench, archived, name)
    return settled(bench, archived, outcome, after)


def require_serial(scan: Scan) -> None:
    """Raise `UsageError` where nobody says which instrument made a scan."""
    if not scan.device.serial:
        raise UsageError(
            "the file names no serial number, so that its instrument cannot be told from another one; "
            "state serial= in the folder's URL"
        )


def judged(bench: "Bench", archived: ArchivedScan, standard: str) -> Verification:
    """Return what a scan of a standard says of the instrument that made it."""
    scan, name = archived.scan, standard_name(standard)
    passes = bench.verifications.passes(identity_of(archived), name, *_records(bench, scan))
    baseline = next((found for note in passes if (found := note.found) is not None), None)
    return verify_axis(
        spectrum_of(scan, calibration_of(bench, scan)),
        at=rfc3339(utc_now()),
        standard=name,
        device_serial=scan.device.serial,
        scan_id=archived.scan_id,
        limits=replace(LIMITS, position_cm1=bench.settings.verification_limit_cm1),
        light=_light(scan),
        baseline=baseline,
    )


def settled(bench: "Bench", archived: ArchivedScan, outcome: Verification, after_seq: int) -> Answer:
    """Keep a verification, flag what it puts in doubt, tell the server, and return the answer.

    Parameters
    ----------
    bench
        The bench.
    archived
        The scan.
    outcome
        What it says.
    after_seq
        Number of the last attempt begun before it.
    """
    axis_id, intensity_id = _records(bench, archived.scan)
    note = VerificationNote(
        device=identity_of(archived),
        control=outcome.control,
        verdict=outcome.verdict,
        scan_id=archived.scan_id,
        standard=outcome.standard,
        taken_at=outcome.at,
        due_at=outcome.at,
        after_seq=after_seq,
        axis_id=axis_id,
        intensity_id=intensity_id,
        temperatures=temperatures_of(archived.scan.settings),
        outcome=outcome.to_json(),
    )
    when = _due(bench, note, outcome) if outcome.passed else None
    if when is not None:
        due_at = datetime.fromisoformat(note.taken_at) + timedelta(hours=when.hours)
        note = replace(note, due_at=rfc3339(due_at), due_why=when.why)
    note, flags = bench.verifications.keep(note)
    bench.outbox.add(telling(bench, note, flags))
    bench.flusher.kick()
    return _answer(bench, note, when, flags)


def tell_again(bench: "Bench") -> None:
    """Put into the outbox what a crash may have kept out of it; what is there already changes nothing."""
    # One verification at a time and the outbox right after it: a crash can have kept out but the last.
    for note in bench.verifications.history()[-_LOOKED_BACK:]:
        if bench.outbox.state_of(f"verification:{note.scan_id}") is None:
            flags = bench.verifications.flags(verification=note.scan_id)
            bench.outbox.add(telling(bench, note, flags))


def telling(bench: "Bench", note: VerificationNote, flags: Sequence[Flag]) -> list[OutboxOp]:
    """Return all the server needs for one verification, in the order it needs it.

    What has no verdict says nothing of the instrument, and the server is not told.
    """
    if note.verdict == "no_verdict":
        return []
    told = operations.verification(note, standard=note.standard, bench=bench.name)
    return [operations.raw(note.scan_id), told, *map(_flagging, flags)]


def _flagging(flag: Flag) -> OutboxOp:
    return operations.flag(
        flag.flag_id,
        device=flag.device,
        verification=flag.verification,
        since=flag.since,
        until=flag.until,
        result_ids=flag.result_ids,
    )


def _answer(bench: "Bench", note: VerificationNote, when: Due | None, flags: Sequence[Flag]) -> Answer:
    trust = trust_of(bench, note.device)
    flagged = [result for flag in flags for result in flag.result_ids]
    return {
        "device": note.device,
        "passed": note.passed,
        "verdict": note.verdict,
        "scan_id": note.scan_id,
        "expires_at": note.due_at,
        "due": {"at": note.due_at, "why": note.due_why, "words": _due_words(when)},
        "state": trust.axis,
        "state_why": trust.why,
        "verification": dict(note.outcome),
        "flagged": {
            "count": len(flagged),
            "result_ids": flagged,
            "since": flags[0].since if flags else None,
        },
    }


def _due_words(when: Due | None) -> str:
    if when is None:
        return "at once"
    seen = f"; the axis drifts by {when.rate_cm1_h:+.2f} cm⁻¹ an hour" if when.rate_cm1_h else ""
    return f"in {when.hours:.1f} h: {_DUE_WORDS[when.why]}{seen}"


def _due(bench: "Bench", note: VerificationNote, outcome: Verification) -> Due:
    if note.control == "negative":
        return Due(bench.settings.verify_hours, "usual")
    passes = bench.verifications.passes(note.device, note.standard, note.axis_id, note.intensity_id)
    passes = passes[-_LOOKED_BACK:]
    known = [
        (datetime.fromisoformat(one.taken_at), found) for one in passes if (found := one.found) is not None
    ]
    now = datetime.fromisoformat(note.taken_at)
    history = [Passed((at - now).total_seconds() / 3600.0, found) for at, found in known]
    last = bench.verifications.last(note.device, "positive", passed=True)
    return due(
        [*history, Passed(0.0, outcome)],
        most_h=bench.settings.verify_hours,
        drift_cm1_h=bench.settings.verify_drift_cm1_h,
        fresh=last is None
        or last.axis_id != note.axis_id
        or datetime.fromisoformat(last.taken_at) < bench.started_at
        or reconnected_since(bench, last),
    )


def _empty(bench: "Bench", archived: ArchivedScan) -> Verification:
    """Return what a scan of an empty place says: the method in force must find nothing in it."""
    scan = archived.scan
    found = flow.examine(bench, archived)
    crystal = blanks.crystal_of(spectrum_of(scan, calibration_of(bench, scan)), scan.presentation)
    residue = None if crystal is None else ("" if crystal.clean else crystal.words)
    before = bench.verifications.last(identity_of(archived), "positive")
    return negative_control(
        found,
        at=rfc3339(utc_now()),
        what=EMPTY,
        device_serial=scan.device.serial,
        scan_id=archived.scan_id,
        residue=residue,
        standard=before.standard if before else "",
    )


def _records(bench: "Bench", scan: Scan) -> tuple[str, str]:
    """Return the ids of the records of axis and intensity that a scan is used with."""
    used = calibration_of(bench, scan)
    axis, intensity = ("" if one is None else one.record_id for one in (used.axis, used.intensity))
    return axis, intensity


def _light(scan: Scan) -> float | None:
    """Return exposure times power, s mW; the exposure alone where the power is not known."""
    if scan.exposure_s <= 0:
        return None
    return scan.exposure_s * (scan.laser_mw or 1.0)


def described(bench: "Bench", model: str, serial: str) -> Mapping[str, Any]:
    """Return what programs and pages are told of an instrument's verification."""
    identity = instrument_key(model, serial)
    trust = trust_of(bench, identity)
    last = bench.verifications.last(identity, "positive", passed=True)
    flagged: list[Flag] = []
    if trust.axis == "failed" and trust.note is not None:
        flagged = list(bench.verifications.flags(verification=trust.note.scan_id))
    return {
        "state": trust.axis,
        "why": trust.why,
        "verified_at": last.taken_at if last else None,
        "due_at": trust.due_at,
        "flagged": {
            "count": sum(len(flag.result_ids) for flag in flagged),
            "since": flagged[0].since if flagged else None,
        },
    }
