"""What is known of a laser: one state at a time, and a line in the log for every change of it.

::

    starting ─▶ off ─▶ warning ─▶ on ─▶ off
    any ─▶ laser_may_be_on ─▶ off    once it was fired, only reading it back as off leads out
    any but on ─▶ unreachable        its port is gone, and nobody here fired it
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ..errors import InstrumentError
from .wire import Message, error_fields

_log = logging.getLogger(__name__)


class State(StrEnum):
    """What is known of the laser."""

    STARTING = "starting"
    """Nothing yet."""
    OFF = "off"
    """It was read back as off."""
    WARNING = "warning"
    """It is off, and fires when the warning is over."""
    ON = "on"
    """It was fired."""
    UNREACHABLE = "unreachable"
    """Its port is gone, and nobody here fired it since it was read back as off."""
    LASER_MAY_BE_ON = "laser_may_be_on"
    """It cannot be read back as off, and it was fired, or does not say how it is."""


_ALWAYS = frozenset({State.OFF, State.LASER_MAY_BE_ON})
#: What may follow on a state; the same state again, for another reason, may always.
FOLLOWS: dict[State, frozenset[State]] = {
    State.STARTING: _ALWAYS | {State.UNREACHABLE},
    State.OFF: _ALWAYS | {State.WARNING, State.ON, State.UNREACHABLE},
    State.WARNING: _ALWAYS | {State.ON, State.UNREACHABLE},
    State.ON: _ALWAYS,
    State.UNREACHABLE: _ALWAYS,
    State.LASER_MAY_BE_ON: _ALWAYS | {State.UNREACHABLE},
}


@dataclass(frozen=True, slots=True)
class Known:
    """A state, and why it is so."""

    state: State
    """What is known of the laser."""
    reason: str = ""
    """What led to it."""
    error: InstrumentError | None = None
    """What stands in the way; None in order."""
    ends_at_s: float | None = None
    """When a warning is over, monotonic s; None in other states."""
    number: int = 0
    """Counts the changes."""

    def fields(self) -> Message:
        """Return it as fields of a message."""
        said: Message = {
            "state": str(self.state),
            "reason": self.reason,
            "ends_at_s": self.ends_at_s,
            "seq": self.number,
        }
        return said | (error_fields(self.error) if self.error is not None else {})


class Ledger:
    """The state, changed step by step, each step logged and announced at once.

    Parameters
    ----------
    changed
        Called after each change, from the thread that made it.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._lock = threading.Lock()
        self._known = Known(State.STARTING)

    @property
    def known(self) -> Known:
        """What is known now."""
        return self._known

    def enter(
        self,
        state: State,
        reason: str,
        error: InstrumentError | None = None,
        *,
        ends_at_s: float | None = None,
    ) -> None:
        """Enter a state; one that cannot follow is a mistake in this program, logged and entered."""
        with self._lock:
            before = self._known
            self._known = Known(state, reason, error, ends_at_s, before.number + 1)
        if state is not before.state and state not in FOLLOWS[before.state]:
            # Not raised: whatever is wrong here, what is known of the light has to be told.
            _log.error("a mistake in the guardian: %s cannot follow on %s", state, before.state)
        if (state, reason) != (before.state, before.reason):
            level = logging.ERROR if state is State.LASER_MAY_BE_ON else logging.INFO
            _log.log(level, "%s (was %s): %s%s", state, before.state, reason, f": {error}" if error else "")
        self._changed()


@dataclass(frozen=True, slots=True)
class LaserState:
    """What a client is told of the laser."""

    state: State
    """What is known of it."""
    reason: str
    """Why."""
    ends_at_s: float | None = None
    """When a warning is over, on this machine's monotonic clock, s; None in other states."""

    @property
    def warning_left_s(self) -> float:
        """How long a warning still lasts, s; 0 in other states."""
        return max(0.0, self.ends_at_s - time.monotonic()) if self.ends_at_s is not None else 0.0


def state_from(message: Message) -> LaserState | None:
    """Return the state a message of the guardian tells; None where it tells none."""
    try:
        state = State(message["state"])
    except (KeyError, ValueError, TypeError):
        return None
    reason = str(message.get("reason", ""))
    if state in {State.LASER_MAY_BE_ON, State.UNREACHABLE} and "message" in message:
        reason = f"{reason}: {message['message']}" if reason else str(message["message"])
    ends = message.get("ends_at_s")
    return LaserState(state, reason, float(ends) if isinstance(ends, int | float) else None)
