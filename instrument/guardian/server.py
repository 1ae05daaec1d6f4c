"""The guardian's socket: who may speak, who is heard, and what happens when somebody falls silent."""

import math
import os
import socket
import time
from collections.abc import Callable

from ..errors import DeviceRefused, InstrumentError, PortBusy, ProtocolError
from .connections import Connection, Mailbox, Switchboard
from .jobs import LASER_OPS, SPECTROMETER, SPECTROMETER_OPS, Job, Reply
from .keeper import LaserKeeper
from .permit import Confirmation
from .relief import Relief
from .wire import SILENCE_S, Message, error_fields

#: How often the clock is looked at when nothing else happens, s.
TICK_S = 0.1
#: A connection that only looks on is dropped after so much silence, s.
OBSERVER_SILENCE_S = 10.0
#: A guardian whose lock file is gone tries for so long to turn the laser off, s; then a successor has to.
FORFEIT_S = 10.0
#: A driver that shows no sign of life for so long has hung: chosen, longer than any time-out of a driver, s.
STUCK_S = 30.0
#: The same where the laser was to be off, s: chosen, several times what drivers try.
OFF_STUCK_S = 8.0

_STOP = f"{SPECTROMETER}stop"
#: What only the client that has claimed the laser may ask for.
_ACTIVE_OPS = frozenset({"on", "set_power", "transcript", "confirm", _STOP}) | SPECTROMETER_OPS


class GuardianServer:
    """One thread, one loop: it never waits for the laser, so silence is noticed in time.

    Parameters
    ----------
    listener
        Bound, listening Unix socket.
    keeper
        The laser's keeper, not yet started.
    mailbox
        What the keeper's ``changed`` wakes.
    about
        Fields added to the answer to ``hello``: laser URL, limits.
    idle_s
        With no client for so long, and the laser verified off, the guardian ends.
    owns
        Whether this process still holds the socket's lock.
    relief
        What starts a new guardian should this one die.
    """

    def __init__(
        self,
        listener: socket.socket,
        keeper: LaserKeeper,
        mailbox: Mailbox,
        *,
        about: Message,
        idle_s: float,
        owns: Callable[[], bool],
        relief: Relief,
    ) -> None:
        self._keeper = keeper
        self._mailbox = mailbox
        self._relief = relief
        self._about = {**about, "pid": os.getpid(), "relief": relief.pid}
        self._idle_s = idle_s
        self._owns = owns
        self._board = Switchboard(listener, mailbox, heard=self._heard, left=self._left)
        self._active: Connection | None = None
        self.stop_reason = ""
        """Why it was told to end; empty where it was not."""
        self._stopping = False
        self._forfeit_at = math.inf
        self._used_at = time.monotonic()
        self._last_state: Message = {}

    def stop(self, reason: str) -> None:
        """Turn the laser off, and end once that is verified; safe in a signal handler."""
        self.stop_reason = self.stop_reason or reason
        self._mailbox.wake()

    @property
    def forfeited(self) -> bool:
        """Whether it ended because the laser may be another guardian's by now."""
        return not math.isinf(self._forfeit_at)

    def run(self) -> None:
        """Serve until stopped or idle, and in either case until the laser is verified off."""
        self._keeper.start()
        while not self._finished():
            self._board.serve(TICK_S)
            self._keeper.watch_overdue()
            self._deliver()
            self._check_silence()
            self._check_ownership()
            self._check_relief()
        self._keeper.close()
        self._deliver()
        self._board.close()

    def _finished(self) -> bool:
        now = time.monotonic()
        if self.stop_reason and not self._stopping:
            self._stopping = True
            self._keeper.demand_off(self.stop_reason)
        if self._active is not None:
            self._used_at = now
        idle = now - self._used_at > self._idle_s
        return now > self._forfeit_at or ((self._stopping or idle) and self._keeper.settled)

    def _check_ownership(self) -> None:
        if not self._stopping and not self._owns():
            self._forfeit_at = time.monotonic() + FORFEIT_S
            self.stop("the guardian's lock file is gone: another guardian may own the laser")

    def _check_relief(self) -> None:
        """Tell the relief that this guardian works; without one there is no light."""
        stuck_s = self._keeper.stuck_s()
        if stuck_s < (OFF_STUCK_S if self._keeper.off_is_due else STUCK_S):
            self._relief.beat()
        if not self._stopping and not self._relief.lives:
            self.stop("the guardian's relief is gone; both have to be started again")

    def _heard(self, connection: Connection, message: Message) -> None:
        if message.get("op") == "beat":
            return
        number = message.get("id")

        def reply(fields: Message) -> None:
            self._mailbox.post(connection, {**fields, "id": number})

        try:
            self._handle(connection, message, reply)
        except InstrumentError as error:
            reply({**self._keeper.snapshot(), "ok": False, **error_fields(error)})

    def _handle(self, connection: Connection, message: Message, reply: Reply) -> None:
        op = str(message.get("op"))
        self._used_at = time.monotonic()
        if op in _ACTIVE_OPS and connection is not self._active:
            raise DeviceRefused(f"{op!r} is for the guardian's one active client; claim the laser first")
        if op == "on" and self.stop_reason:
            raise DeviceRefused(f"the guardian is ending: {self.stop_reason}")
        if op == "off":
            self._keeper.demand_off("a client asked for it", reply)
        elif op in LASER_OPS | SPECTROMETER_OPS:
            self._keeper.submit(Job(op, message, reply))
        else:
            self._answered_here(op, connection, message)
            ending = bool(self.stop_reason)
            reply({**self._about, **self._keeper.snapshot(), "ending": ending, "ok": True})

    def _answered_here(self, op: str, connection: Connection, message: Message) -> None:
        """Do what needs no device."""
        if op == "claim":
            self._claim(connection)
        elif op == "confirm":
            self._keeper.confirm(_confirmation(message))
        elif op == _STOP:
            self._keeper.stop_acquiring()
        elif op == "quit":
            self._quit(connection)
        elif op != "hello":
            raise ProtocolError(f"the guardian knows no request {op[:40]!r}")

    def _claim(self, connection: Connection) -> None:
        if self.stop_reason:
            raise PortBusy(f"the guardian is ending: {self.stop_reason}")
        if self._active not in {None, connection}:
            raise PortBusy("another program holds the laser; close it and try again")
        if self._active is None:
            self._keeper.note_claim(True)
        self._active = connection

    def _quit(self, connection: Connection) -> None:
        if self._active not in {None, connection}:
            raise PortBusy("another program holds the laser; the guardian stays")
        self.stop("a client asked the guardian to end")

    def _deliver(self) -> None:
        while self._mailbox.replies:
            self._board.send(*self._mailbox.replies.popleft())
        state = self._keeper.snapshot()
        if state != self._last_state:
            self._last_state = state
            self._board.send_all({"event": "state", **state})

    def _check_silence(self) -> None:
        now = time.monotonic()
        for connection in list(self._board.connections):
            limit = SILENCE_S if connection is self._active else OBSERVER_SILENCE_S
            if now - connection.heard_at > limit:
                self._board.drop(connection, f"its client was silent for more than {limit:g} s")

    def _left(self, connection: Connection, reason: str) -> None:
        if connection is self._active:
            self._active = None
            self._keeper.demand_off(reason)
            self._keeper.note_claim(False)


def _confirmation(message: Message) -> Confirmation:
    eyewear, energetic = message.get("eyewear"), message.get("energetic")
    if not all(isinstance(answer, bool | None) for answer in (eyewear, energetic)):
        raise ProtocolError("answers to the safety questions are true, false or null")
    return Confirmation(eyewear, energetic, str(message.get("asked_on")))
