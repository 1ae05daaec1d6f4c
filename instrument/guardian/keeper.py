"""The keeper: the one thread that speaks to the device, and turns its laser off for every reason there is."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from ..errors import DeviceRefused, InstrumentError, LaserMayBeOn
from .jobs import Job, Reply
from .operating import Operator
from .permit import Confirmation, Permit
from .port import LaserPort
from .states import Ledger, State
from .wire import Message

_log = logging.getLogger(__name__)

#: A laser not read back as off so long after that was due is said to be on, s: chosen, four times the usual.
OVERDUE_S = 1.0
#: More requests that wait are a mistake.
MAX_JOBS = 64
_LOOK_S = 0.05


class LaserKeeper:
    """Carry out what clients ask of a laser or unit, and turn the laser off when that is due.

    Parameters
    ----------
    port
        The device's port.
    permit
        The rules before light.
    max_on_s
        Longest uninterrupted emission, s.
    changed
        Called after each step and each change of state, from the thread that made it.
    """

    def __init__(
        self, port: LaserPort, permit: Permit, *, max_on_s: float, changed: Callable[[], None]
    ) -> None:
        self._port = port
        self._permit = permit
        self._changed = changed
        self._ready = threading.Condition()
        self._ledger = Ledger(changed)
        self._operator = Operator(
            port, permit, self._ledger, max_on_s=max_on_s, lock=self._ready, interrupted=self._interrupted
        )
        self._jobs: deque[Job] = deque()
        self._current: Job | None = None
        self._off_reason = ""
        self._off_replies: list[Reply] = []
        self._closing = False
        self._busy, self._moved_at = True, time.monotonic()
        self._thread = threading.Thread(target=self._run, name="laser-keeper", daemon=True)

    def start(self) -> None:
        """Open the device and force its laser off, in the keeper's thread."""
        self._moved_at = time.monotonic()
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
            resting = self._ledger.known.state in {State.OFF, State.UNREACHABLE}
            return resting and not (self._busy or self._off_reason or self._jobs)

    @property
    def off_is_due(self) -> bool:
        """Whether the laser was to be turned off, and has not been yet."""
        return self._operator.off_since is not None

    def stuck_s(self) -> float:
        """Return for how long the thread has been in one step without a sign of life, s."""
        return time.monotonic() - self._moved_at if self._busy else 0.0

    def snapshot(self) -> Message:
        """Return the state as reply fields; with an error, its class and message."""
        return {**self._ledger.known.fields(), **self._port.facts}

    def submit(self, job: Job) -> None:
        """Queue one of `LASER_OPS` or `SPECTROMETER_OPS`; raises `DeviceRefused` for one too many."""
        with self._ready:
            if len(self._jobs) >= MAX_JOBS:
                raise DeviceRefused("the guardian has more to do than a program asks for; wait for answers")
            self._jobs.append(job)
            self._ready.notify()

    def stop_acquiring(self) -> None:
        """End an acquisition that is under way or queued; the laser stays as it is."""
        with self._ready:
            for job in (*self._jobs, *([self._current] if self._current else [])):
                job.stopped = True

    def confirm(self, given: Confirmation) -> None:
        """Take note of the answers to the safety questions; raises `DeviceRefused`."""
        with self._ready:
            self._permit.confirm(given, time.monotonic())

    def note_claim(self, claimed: bool) -> None:
        """Take note that a client has the laser, or that none has any more."""
        with self._ready:
            self._operator.claimed = claimed
            self._permit.end_claim()
            self._ready.notify()

    def demand_off(self, reason: str, reply: Reply | None = None) -> None:
        """Turn the laser off before anything else that waits; what waits is refused."""
        with self._ready:
            dropped, self._jobs = self._jobs, deque()
            self._off_reason = self._off_reason or reason
            self._operator.off_since = self._operator.off_since or time.monotonic()
            if reply is not None:
                self._off_replies.append(reply)
            self._ready.notify()
        for job in dropped:
            job.refuse(reason)

    def turn_off_and_wait(self, reason: str) -> None:
        """Turn the laser off and return once that is verified, however long it takes."""
        self.demand_off(reason)
        while self._thread.is_alive() and not self.settled:
            time.sleep(_LOOK_S)

    def watch_overdue(self) -> None:
        """Say that the laser may be on where it was to be off by now; for the loop, which never waits."""
        with self._ready:
            known = self._ledger.known
            # Opening the device takes its time too.
            limit = OVERDUE_S if known.state is not State.STARTING else 2 * OVERDUE_S
            since = self._operator.off_since
            overdue = since is not None and time.monotonic() - since > limit
            if overdue and self._port.fired and known.state is not State.LASER_MAY_BE_ON:
                error = LaserMayBeOn("the laser was not read back as off in time; leave the beam path")
                reason = self._off_reason or self._operator.off_reason
                self._ledger.enter(State.LASER_MAY_BE_ON, reason, error)

    def _run(self) -> None:
        left_on = "; its predecessor may have left it on" if self._port.fired else ""
        self._operator.turn_off(f"the guardian started and forced the laser off{left_on}")
        while not self._closing:
            self._busy = False
            self._changed()
            try:
                self._step()
            except Exception as error:
                self._mend(error)
                time.sleep(_LOOK_S)
        self._port.close()
        self._busy = False

    def _step(self) -> None:
        with self._ready:
            self._ready.wait_for(self._is_due, timeout=self._operator.wait_s())
            self._busy, self._moved_at = True, time.monotonic()
            reason = self._off_reason or self._operator.own_reason(self._moved_at)
            self._off_reason, replies = "", self._off_replies
            self._off_replies = []
            if not reason:
                self._current = self._operator.own_job(self._moved_at) or self._next_job()
        if reason:
            self._operator.turn_off(reason)
            for reply in replies:
                reply({"ok": self._ledger.known.error is None, **self.snapshot()})
        elif self._current is not None:
            self._carry_out(self._current)
        self._current = None

    def _next_job(self) -> Job | None:
        return self._jobs.popleft() if self._jobs else None

    def _is_due(self) -> bool:
        return bool(self._off_reason or self._jobs or self._closing) or self._operator.wait_s() == 0.0

    def _carry_out(self, job: Job) -> None:
        try:
            fields = self._operator.done(job)
        except InstrumentError as error:
            job.fail(error, self.snapshot())
            return
        except Exception as error:
            self._mend(error)
            job.fail(error, self.snapshot())
            return
        if fields is not None:
            job.reply({**self.snapshot(), "ok": True, **fields})

    def _mend(self, error: Exception) -> None:
        """Turn the laser off: whatever is wrong with this program, the light must not depend on it."""
        _log.exception("an error in the guardian")
        self._operator.turn_off(f"an error in the guardian: {error}")

    def _interrupted(self, job: Job) -> bool:
        """Whether an acquisition is to end now; asking is a sign of life."""
        self._moved_at = now = time.monotonic()
        return bool(job.stopped or self._off_reason or self._closing) or now >= self._operator.deadline
