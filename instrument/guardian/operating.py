"""What is done with the device: light after its warning, questions, settings, off after any failure.

Only the keeper's thread calls it, one thing at a time.
"""

import math
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from ..errors import AcquisitionAborted, DeviceRefused, InstrumentError, LaserMayBeOn, SettingOutOfRange
from ..interfaces import LaserStatus
from .jobs import SPECTROMETER, Job, TranscriptPieces, ask_spectrometer, number, plain
from .permit import Permit
from .port import GONE, LaserPort, as_instrument_error
from .states import Ledger, State
from .wire import Message

Said = TypeVar("Said")

#: Pause between tries to verify that the laser is off, s.
RETRY_S = 0.25
#: How often a port that is gone is looked for while somebody has claimed its dark laser, s.
LOOK_AGAIN_S = 2.0
#: Pause between two questions to a laser that is on, s: its loss is to be told within two seconds.
POLL_S = 0.3
#: The same for a laser that is off and claimed, s: chosen; one that comes on by itself is turned off.
IDLE_POLL_S = 5.0


class Operator:
    """Use a laser or unit as it was asked for, and note what follows from it.

    Parameters
    ----------
    port
        The device's port.
    permit
        The rules before light.
    ledger
        Where the state is kept.
    max_on_s
        Longest uninterrupted emission, s.
    lock
        Held while a state is entered that others watch.
    interrupted
        Whether an acquisition is to end now; asked often during one.
    """

    def __init__(
        self,
        port: LaserPort,
        permit: Permit,
        ledger: Ledger,
        *,
        max_on_s: float,
        lock: threading.Condition,
        interrupted: Callable[[Job], bool],
    ) -> None:
        self._port, self._permit, self._ledger = port, permit, ledger
        self._max_on_s = max_on_s
        self._lock = lock
        self._interrupted = interrupted
        self._pieces = TranscriptPieces(port)
        self._warned: Job | None = None
        self._retry_at = self._fire_at = math.inf
        self._asked_at = 0.0
        self.claimed = False
        """Whether a client has the laser."""
        self.off_reason = ""
        """Why the laser is being, or was last, turned off."""
        self.off_since: float | None = None
        """Since when the laser is to be off without having been read back, monotonic s; None otherwise."""
        self.deadline = math.inf
        """When the laser has been on for the longest time allowed, monotonic s."""

    def wait_s(self) -> float | None:
        """Return after how long something is due without anybody asking, s; None for never."""
        due = min(self.deadline, self._retry_at, self._fire_at, self._poll_at())
        return None if math.isinf(due) else max(due - time.monotonic(), 0.0)

    def own_reason(self, now: float) -> str:
        """Return why the laser is to be turned off now without anybody asking; empty for no reason."""
        if now >= self.deadline:
            return f"it had been on for {self._max_on_s:g} s, the longest allowed"
        return self._ledger.known.reason if now >= self._retry_at else ""

    def own_job(self, now: float) -> Job | None:
        """Return what is due without anybody asking: light after its warning, or a look at the laser."""
        if self._warned is not None and now >= self._fire_at:
            return self._taken_back()
        return Job("poll", {}, lambda _: None) if now >= self._poll_at() else None

    def turn_off(self, reason: str) -> None:
        """Try once to turn the laser off and read that back; set the state that follows. Never raises."""
        if (job := self._taken_back()) is not None:
            job.refuse(reason)
        self.deadline = math.inf
        self.off_reason, self.off_since = reason, self.off_since or time.monotonic()
        was_fired, error = self._port.fired, None
        try:
            self._port.force_off()
        except Exception as failure:
            error = as_instrument_error(failure)
        with self._lock:
            now = self._asked_at = time.monotonic()
            if was_fired and not self._port.fired:
                self._permit.note_dark(now)
            shout = error is not None and (self._port.fired or isinstance(error, LaserMayBeOn))
            look = LOOK_AGAIN_S if error is not None and self.claimed else math.inf
            self._retry_at = now + (RETRY_S if shout else look)
            failed = State.LASER_MAY_BE_ON if shout else State.UNREACHABLE
            self._ledger.enter(State.OFF if error is None else failed, reason, error)
            self.off_since = None

    def done(self, job: Job) -> Message | None:
        """Do what was asked; return the fields of the reply, None where it comes later.

        Raises
        ------
        InstrumentError
            It could not be done; where that says anything about the light, the laser was turned off.
        """
        if job.op == "transcript":
            return self._pieces.next(first=job.fields.get("first") is not False)
        if self._ledger.known.state is State.UNREACHABLE:
            self.turn_off(self._ledger.known.reason)
        self._check()
        if job.op.startswith(SPECTROMETER):
            return self._ask_spectrometer(job)
        match job.op:
            case "on":
                return self._switch_on(job)
            case "set_power":
                self._set_power(number(job.fields, "power_mw"))
                return {}
            case "settings":
                what = "the laser did not say how it is set"
                read = self._tried(what, lambda: self._port.laser.settings())
                return {"settings": plain(read)}
            case "poll":
                return self._poll()
            case _:
                return {"status": plain(self._status())}

    def _poll_at(self) -> float:
        state = self._ledger.known.state
        if state is State.ON:
            return self._asked_at + POLL_S
        return self._asked_at + IDLE_POLL_S if state is State.OFF and self.claimed else math.inf

    def _taken_back(self) -> Job | None:
        job, self._warned, self._fire_at = self._warned, None, math.inf
        return job

    def _check(self) -> None:
        if (error := self._ledger.known.error) is not None:
            raise error

    def _switch_on(self, job: Job) -> Message | None:
        """Fire, or begin the warning that comes before; then the same job is due again at its end."""
        known, now = self._ledger.known, time.monotonic()
        if known.state is State.ON:
            return {}
        if self._warned is not None:
            raise DeviceRefused("the warning is running already")
        self._permit.check(now)
        if known.state is not State.WARNING and (warn_s := self._permit.warn_s(now)) > 0:
            self._warned, self._fire_at = job, now + warn_s
            reason = f"a client asked for light; it comes in {warn_s:g} s"
            self._ledger.enter(State.WARNING, reason, ends_at_s=self._fire_at)
            return None
        self._fire(job)
        return {}

    def _fire(self, job: Job) -> None:
        try:
            self._port.arm()
            if self._interrupted(job):
                raise DeviceRefused("the laser is being turned off")
            self.deadline = time.monotonic() + self._max_on_s
            self._port.laser.on()
        except Exception as error:
            raise self._after_failure("laser-on failed", error) from error
        self._asked_at = time.monotonic()
        self._permit.note_lit()
        self._ledger.enter(State.ON, "a client asked for light")

    def _set_power(self, milliwatts: float) -> None:
        most = float(self._port.facts["max_power_mw"])
        if not 0.0 < milliwatts <= most:
            raise SettingOutOfRange(f"a laser power of {milliwatts:g} mW is outside 0–{most:g} mW")
        self._tried("setting the power failed", lambda: self._port.set_power(milliwatts))

    def _poll(self) -> Message:
        before = self._ledger.known
        if before.state is State.OFF:
            self._port.set_aside()
        self._status()
        if before.state is State.OFF and self._ledger.known is before:
            # Nothing happened: the next scan's record need not hold every question of the night.
            self._port.forget()
        return {}

    def _status(self) -> LaserStatus:
        status = self._tried("the laser did not say how it is", lambda: self._port.laser.status())
        self._asked_at = time.monotonic()
        if trouble := self._trouble(status):
            self.turn_off(trouble)
            self._check()
        return status

    def _trouble(self, status: LaserStatus) -> str:
        if self._ledger.known.state is not State.ON:
            if status.emitting:
                self._port.suspect()
                return "it emitted though it had been turned off"
            return ""
        if not status.interlock_closed:
            return "its interlock opened"
        return status.fault or ("" if status.emitting else "it had gone off by itself")

    def _ask_spectrometer(self, job: Job) -> Message:
        try:
            return ask_spectrometer(self._port, job, lambda: self._interrupted(job))
        except (AcquisitionAborted, SettingOutOfRange):
            raise
        except InstrumentError as error:
            if self._port.fired or isinstance(error, GONE):
                silent = isinstance(error, GONE)
                raise self._after_failure("the spectrometer failed", error, silent=silent) from error
            raise
        except Exception as error:
            raise self._after_failure("the spectrometer's driver failed", error) from error

    def _tried(self, what: str, call: Callable[[], Said]) -> Said:
        """Ask the laser; a failure turns it off."""
        try:
            return call()
        except Exception as error:
            # An answer that refuses is an answer.
            silent = not isinstance(error, DeviceRefused)
            raise self._after_failure(what, error, silent=silent) from error

    def _after_failure(self, what: str, error: Exception, *, silent: bool = False) -> InstrumentError:
        """Turn the laser off after a failure; return what to raise: that it may be on outranks all else.

        With ``silent`` the laser itself does not answer any more.
        """
        reason = f"{what}: {error}"
        self._port.lost |= isinstance(error, GONE)
        lit = self._ledger.known.state is State.ON
        if self._port.fired and ((lit and silent) or isinstance(error, LaserMayBeOn)):
            # Said before anything is tried: trying takes time in which somebody may reach into the beam.
            shout = LaserMayBeOn("it was lost while it was on")
            self._ledger.enter(State.LASER_MAY_BE_ON, reason, shout)
        self.turn_off(reason)
        known = self._ledger.known
        if known.state is State.LASER_MAY_BE_ON and known.error is not None:
            return known.error
        return as_instrument_error(error)
