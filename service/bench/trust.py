"""How far the axis of an instrument can be trusted now: by its verifications, and by what happened since."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from calibration.due import FIRST_H

from ..calibrated import in_force_at
from .notes import expired, rfc3339, utc_now
from .verifications import VerificationNote

if TYPE_CHECKING:
    from .agent import Bench

#: A change of temperature by more than this since the last verification puts it out of date, °C. Chosen: an
#: uncompensated handheld moves some 0.1 cm⁻¹ per °C, which makes half of the limit of a position.
TEMPERATURE_JUMP_C = 5.0

#: Longest text kept of why a device was reconnected, characters.
_MAX_WORDS = 200


@dataclass(frozen=True, slots=True)
class Trust:
    """What an instrument's verifications are worth now."""

    axis: str
    """``verified``, ``overdue``, ``missing`` or ``failed``."""
    why: str
    """In words; empty where it is verified."""
    note: VerificationNote | None
    """The verification that says so: the last positive control, or the control that failed."""
    due_at: str | None
    """When the next one is due, RFC 3339, UTC; None where none was ever made."""


def trust_of(bench: "Bench", identity: str, temperatures: Mapping[str, float] | None = None) -> Trust:
    """Return how far the axis of an instrument can be trusted.

    A control that failed counts until the same control passes. What passed is out of date after its time, and
    at once after the device was reconnected, its temperature jumped, or its axis was calibrated anew.

    Parameters
    ----------
    bench
        The bench.
    identity
        ``model/serial``.
    temperatures
        What the instrument says now, by place, °C; None where nobody asked.
    """
    kept = bench.verifications
    positive, negative = kept.last(identity, "positive"), kept.last(identity, "negative")
    for note in (positive, negative):
        if note is not None and not note.passed:
            return Trust("failed", str(note.outcome.get("why", "")), note, note.due_at)
    if positive is None:
        return Trust("missing", "it was never verified", None, None)
    due_at = _due(bench, positive)
    why = _outdated(bench, positive, due_at, temperatures) or _negative_due(bench, negative)
    return Trust("overdue" if why else "verified", why, positive, due_at)


def note_reconnect(bench: "Bench", identity: str, words: str) -> None:
    """Note that an instrument went away and came back: whatever was verified before is out of date."""
    last = bench.verifications.last(identity, "positive")
    if last is not None:
        said = {"after": last.seq, "words": words[:_MAX_WORDS]}
        bench.outbox.set_state(f"reconnected:{identity}", json.dumps(said))


def reconnected_since(bench: "Bench", note: VerificationNote) -> bool:
    """Return whether an instrument was reconnected since a verification."""
    try:
        said = json.loads(bench.outbox.get_state(f"reconnected:{note.device}") or "{}")
        return int(said.get("after", 0)) >= note.seq
    except (ValueError, TypeError, AttributeError):
        return True


def temperatures_of(settings: Mapping[str, Any]) -> dict[str, float]:
    """Return the temperatures a spectrometer told of with a scan, by place, °C."""
    told = settings.get("temperatures_c")
    if not isinstance(told, Mapping):
        return {}
    return {
        str(place): float(value)
        for place, value in told.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _due(bench: "Bench", note: VerificationNote) -> str:
    """Return when the next verification is due; sooner where the agent was started since.

    Whether the instrument was switched off while no agent ran cannot be told.
    """
    if datetime.fromisoformat(note.taken_at) >= bench.started_at:
        return note.due_at
    first = rfc3339(bench.started_at + timedelta(hours=FIRST_H))
    return min(note.due_at, first, key=datetime.fromisoformat)


def _outdated(
    bench: "Bench", note: VerificationNote, due_at: str, temperatures: Mapping[str, float] | None
) -> str:
    if _axis_id(bench, str(note.outcome.get("device_serial", ""))) != note.axis_id:
        return "its axis was calibrated since the last verification"
    if reconnected_since(bench, note):
        return "it was reconnected since the last verification"
    for place, now in (temperatures or {}).items():
        then = note.temperatures.get(place)
        if then is not None and abs(now - then) > TEMPERATURE_JUMP_C:
            return f"its temperature changed from {then:.0f} to {now:.0f} °C since the last verification"
    return f"its verification was due at {due_at}" if expired(due_at) else ""


def _axis_id(bench: "Bench", serial: str) -> str:
    axis = in_force_at(bench.calibrations, serial, utc_now()).records.axis
    return "" if axis is None else axis.record_id


def _negative_due(bench: "Bench", negative: VerificationNote | None) -> str:
    if not bench.settings.require_negative_control:
        return ""
    if negative is None:
        return "no negative control was ever made with it"
    until = datetime.fromisoformat(negative.taken_at) + timedelta(hours=bench.settings.verify_hours)
    return f"its negative control was due at {rfc3339(until)}" if expired(rfc3339(until)) else ""
