"""The keeper: the one thread that speaks to the laser, and that turns it off for every reason there is."""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum

from ..errors import DeviceRefused, InstrumentError, LaserMayBeOn, SettingOutOfRange
from ..interfaces import LaserStatus
from .port import LaserPort, as_instrument_error
from .wire import Message, error_fields

_log = logging.getLogger(__name__)

#: Pause between tries to verify that the laser is off, s.
RETRY_S = 0.5
#: How often a laser that is on is asked how it is, s.
POLL_S = 2.0
_LOOK_S = 0.05

#: Called with the fields of a reply, from the keeper's thread.
Reply = Callable[[Message], None]


class State(StrEnum):
    """What is known of the laser."""

    STARTING = "starting"
    OFF = "off"
    ON = "on"
    UNREACHABLE = "unreachable"
    LASER_MAY_BE_ON = "laser_may_be_on"


@dataclass(frozen=True, slots=True)
class _Known:
    state: State
    reason: str
    error: InstrumentError | None


@dataclass(frozen=True, slots=True)
class _Job:
    op: str
    reply: Reply
    power_mw: float


class LaserKeeper:
    """Carry out what clients ask of a laser, and turn it off when that is due.

    Parameters
    ----------
    port
        The laser's port.
    max_on_s
        Longest uninterrupted emission, s.
    changed
        Called from the keeper's thread after each step.
    """

    def __init__(self, port: LaserPort, *, max_on_s: float, changed: Callable[[], None]) -> None:
        self._port = port
        self._max_on_s = max_on_s
        self._changed = changed
        self._ready = threading.Condition()
        self._jobs: deque[_Job] = deque()
        self._off_reason = ""
        self._off_replies: list[Reply] = []
        self._closing = self._busy = False
        self._known = _Known(State.STARTING, "", None)
        self._deadline = self._retry_at = self._poll_at = math.inf
        self._thread = threading.Thread(target=self._run, name="laser-keeper", daemon=True)

    def start(self) -> None:
        """Open the laser and force it off, in the keeper's thread."""
        self._thread.start()

    def close(self) -> None:
        """Let go of the port and end the thread; the caller has seen the laser verified off."""
        with self._ready:
            self._closing = True
            self._ready.notify()
        self._thread.join()

    @property
    def settled(self) -> bool:
        """Whether the laser was verified off, or was never fired, and nothing waits."""
        with self._ready:
            resting = self._known.state in {State.OFF, State.UNREACHABLE}
            return resting and not (self._busy or self._off_reason or self._jobs)

    def snapshot(self) -> Message:
        """Return the state as reply fields; with an error, its class and message."""
        known = self._known
        fields = {"state": str(known.state), "reason": known.reason, **self._port.facts}
        return fields | (error_fields(known.error) if known.error is not None else {})

    def submit(self, op: str, reply: Reply, *, power_mw: float = 0.0) -> None:
        """Queue ``on``, ``set_power``, ``status`` or ``transcript``."""
        with self._ready:
            self._jobs.append(_Job(op, reply, power_mw))
            self._ready.notify()

    def demand_off(self, reason: str, reply: Reply | None = None) -> None:
        """Turn the laser off before anything else that waits; what waits is refused."""
        with self._ready:
            dropped, self._jobs = self._jobs, deque()
            self._off_reason = self._off_reason or reason
            if reply is not None:
                self._off_replies.append(reply)
            self._ready.notify()
        for job in dropped:
            job.reply(
                {"ok": False, **error_fields(DeviceRefused(f"the laser is being turned off: {reason}"))}
            )

    def turn_off_and_wait(self, reason: str) -> None:
        """Turn the laser off and return once that is verified, however long it takes."""
        self.demand_off(reason)
        while self._thread.is_alive() and not self.settled:
            time.sleep(_LOOK_S)

    def _run(self) -> None:
        left_on = "; its predecessor may have left it on" if self._port.fired else ""
        self._turn_off(f"the guardian started and forced the laser off{left_on}")
        self._changed()
        while not self._closing:
            try:
                self._step()
            except Exception as error:
                # Whatever is wrong with this program, the light must not depend on it.
                _log.exception("an error in the guardian")
                self._turn_off(f"an error in the guardian: {error}")
            self._busy = False
            self._changed()
        self._port.close()

    def _step(self) -> None:
        with self._ready:
            self._ready.wait_for(self._is_due, timeout=self._wait_s())
            now = time.monotonic()
            reason, self._off_reason = self._off_reason or self._own_reason(now), ""
            replies, self._off_replies = self._off_replies, []
            job = self._jobs.popleft() if self._jobs and not reason else None
            self._busy = True
        if reason:
            self._turn_off(reason)
            for reply in replies:
                reply({"ok": self._known.error is None, **self.snapshot()})
        elif job is not None:
            job.reply(self._carried_out(job))
        elif now >= self._poll_at:
            self._carried_out(_Job("status", lambda _: None, 0.0))

    def _own_reason(self, now: float) -> str:
        if now >= self._deadline:
            return f"it had been on for {self._max_on_s:g} s, the longest allowed"
        return self._known.reason if now >= self._retry_at else ""

    def _next_at(self) -> float:
        return min(self._deadline, self._retry_at, self._poll_at)

    def _is_due(self) -> bool:
        return bool(self._off_reason or self._jobs or self._closing) or time.monotonic() >= self._next_at()

    def _wait_s(self) -> float | None:
        return None if math.isinf(self._next_at()) else max(self._next_at() - time.monotonic(), 0.0)

    def _turn_off(self, reason: str) -> None:
        """Try once to turn the laser off and read that back; set the state that follows."""
        self._deadline = self._poll_at = math.inf
        try:
            self._port.force_off()
        except InstrumentError as error:
            shout = self._port.fired or isinstance(error, LaserMayBeOn)
            self._enter(State.LASER_MAY_BE_ON if shout else State.UNREACHABLE, reason, error)
            self._retry_at = time.monotonic() + RETRY_S if shout else math.inf
        else:
            self._retry_at = math.inf
            self._enter(State.OFF, reason, None)

    def _enter(self, state: State, reason: str, error: InstrumentError | None) -> None:
        if (state, reason) != (self._known.state, self._known.reason):
            level = logging.ERROR if error else logging.INFO
            _log.log(level, "%s: %s%s", state, reason, f": {error}" if error else "")
        self._known = _Known(state, reason, error)

    def _carried_out(self, job: _Job) -> Message:
        try:
            if job.op == "transcript":
                return {"ok": True, "transcript": self._port.transcript().decode("ascii", "replace")}
            if self._known.state is State.UNREACHABLE:
                self._turn_off("the guardian tried again to reach the laser")
            self._check()
            fields = self._done(job)
        except InstrumentError as error:
            return {"ok": False, **self.snapshot(), **error_fields(error)}
        return {"ok": True, **self.snapshot(), **fields}

    def _check(self) -> None:
        if self._known.error is not None:
            raise self._known.error

    def _done(self, job: _Job) -> Message:
        if job.op == "on":
            self._fire()
        elif job.op == "set_power":
            self._set_power(job.power_mw)
        else:
            return {"status": asdict(self._status())}
        return {}

    def _fire(self) -> None:
        if self._known.state is State.ON:
            return
        self._port.arm()
        self._deadline = time.monotonic() + self._max_on_s
        try:
            self._port.laser.on()
        except Exception as error:
            raise self._after_failure("laser-on failed", error) from error
        self._enter(State.ON, "", None)
        self._poll_at = time.monotonic() + POLL_S

    def _set_power(self, milliwatts: float) -> None:
        most = float(self._port.facts["max_power_mw"])
        if not 0.0 < milliwatts <= most:
            raise SettingOutOfRange(f"a laser power of {milliwatts:g} mW is outside 0–{most:g} mW")
        try:
            self._port.set_power(milliwatts)
        except Exception as error:
            raise self._after_failure("setting the power failed", error) from error

    def _status(self) -> LaserStatus:
        try:
            status = self._port.laser.status()
        except Exception as error:
            raise self._after_failure("the laser did not say how it is", error) from error
        if trouble := self._trouble(status):
            self._turn_off(trouble)
            self._check()
        elif self._known.state is State.ON:
            self._poll_at = time.monotonic() + POLL_S
        return status

    def _trouble(self, status: LaserStatus) -> str:
        if self._known.state is not State.ON:
            self._port.fired = status.emitting
            return "it emitted though it had been turned off" if status.emitting else ""
        if not status.interlock_closed:
            return "its interlock opened"
        return status.fault or ("" if status.emitting else "it had gone off by itself")

    def _after_failure(self, what: str, error: Exception) -> InstrumentError:
        """Turn the laser off after a failure; return what to raise: that it may be on outranks all else."""
        self._turn_off(f"{what}: {error}")
        if self._known.state is State.LASER_MAY_BE_ON and self._known.error is not None:
            return self._known.error
        return as_instrument_error(error)
