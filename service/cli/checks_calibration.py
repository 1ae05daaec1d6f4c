"""The check of ``opioscan doctor`` on calibration: what counts for which device, and until when."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..settings import Settings
from .checks import Check, State

if TYPE_CHECKING:
    from ..calibration_states import Listed

#: A record that ends within this time is told of as about to end. Chosen: time to order a lamp.
SOON = timedelta(days=14)

NONE_KEPT = "no calibration record: the device's own axis counts; opioscan calibrate makes one"


def calibrations(settings: Settings) -> Iterator[Check]:
    """Which records are in force for each device that is known, and which files cannot be used."""
    from ..calibration_states import State as RecordState
    from ..calibrations import Calibrations

    store = Calibrations(settings.calibrations_dir)
    counting: dict[str, list[Listed]] = {}
    for one in store.listed():
        mine = counting.setdefault(one.record.device_serial, [])
        if one.state in {RecordState.IN_FORCE, RecordState.EXPIRED}:
            mine.append(one)
    for serial in _known_serials(settings):
        counting.setdefault(serial, [])
    if not counting:
        yield Check("calibration", State.NOTE, NONE_KEPT)
    for serial, found in sorted(counting.items()):
        yield _device(serial, found)
    for damaged in store.damaged():
        text = f"{damaged.path}: {damaged.what}; it is not used: bring it back from a copy, or recalibrate"
        yield Check("calibration record", State.PROBLEM, text, {"path": str(damaged.path)})


def _device(serial: str, found: "list[Listed]") -> Check:
    from calibration.record import Kind

    now = datetime.now(UTC)
    ends = [one.record.valid_until for one in found if one.record.valid_until]
    late = any(datetime.fromisoformat(end) <= now for end in ends)
    soon = any(datetime.fromisoformat(end) <= now + SOON for end in ends)
    words = "; ".join(map(_record, found))
    if not any(one.record.kind is Kind.AXIS for one in found):
        words = f"{words}; {NONE_KEPT}" if words else NONE_KEPT
    if late:
        words += ": recalibrate, until then no scan can say that nothing is there"
    elif soon:
        words += ": recalibrate soon"
    facts = {
        "device": serial,
        "records": {str(one.record.kind): one.record_id for one in found},
        "valid_until": {str(one.record.kind): one.record.valid_until for one in found},
    }
    state = State.PROBLEM if late else State.NOTE if soon or not found else State.OK
    return Check("calibration", state, f"{serial}: {words}", facts)


def _record(one: "Listed") -> str:
    record = one.record
    until = f"until {record.valid_until[:10]}" if record.valid_until else "no end"
    return f"{record.kind} {one.record_id[:12]}{' (emulated)' if record.emulated else ''}, {until}"


def _known_serials(settings: Settings) -> tuple[str, ...]:
    """Return the serial numbers of the instruments this bench has verified; nothing is opened."""
    from ..verification_history import verification_points

    return tuple(sorted({point.device.partition("/")[2] for point in verification_points(settings)}))
