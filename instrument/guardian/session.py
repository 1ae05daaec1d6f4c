"""A program's claim on a guardian: kept by a heartbeat, and brought back when the guardian dies."""

import threading
import time
from collections.abc import Callable
from typing import Any

from ..errors import ConnectionLost, InstrumentError, LaserMayBeOn, PortBusy
from .launch import GuardianHandle
from .link import Answer, Link
from .spawn import start_again
from .states import LaserState, State, state_from
from .wire import Message

#: Longest wait for one answer, s: a driver's own time-outs are shorter.
REQUEST_S = 10.0
#: A request waits so long for a guardian that is being brought back, s.
BACK_S = 5.0
#: A guardian gone for longer, with a laser that may have been lit, is said to have left it on, s.
GONE_S = 1.5
#: A predecessor's claim ends within its heartbeat's silence, s.
_RECONNECT_S = 2.0
_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0
_DARK = frozenset({State.OFF, State.UNREACHABLE, State.STARTING})

#: Called with each new state; from any thread, and not to wait for anything.
Listener = Callable[[LaserState], None]


class Session:
    """A connection to a guardian that has claimed its laser.

    When the guardian dies it is looked for, or started again, until it is back or the session is closed: only
    a guardian can force the laser off. The request under way fails with `ConnectionLost` and is not repeated.

    Parameters
    ----------
    handle
        The guardian, from `start_guardian`.

    Raises
    ------
    PortBusy
        Another program holds the laser.
    LaserMayBeOn
        The laser cannot be read back as off.
    InstrumentError
        The laser cannot be reached, as its driver says it.
    """

    def __init__(self, handle: GuardianHandle) -> None:
        self.handle = handle
        self.facts: Message = {}
        """What the guardian said when it was claimed last."""
        self.claims = 0
        """Counts the claims: what was set under an earlier one may be gone."""
        self._listeners: list[Listener] = []
        self._back = threading.Condition()
        self._closed = self._reviving = False
        self._seq = -1
        self._trouble: InstrumentError | None = None
        self._state = LaserState(State.STARTING, "")
        self._link = self._claimed(tolerant=False)
        self._link.when_lost(self._on_lost)

    @property
    def state(self) -> LaserState:
        """What the guardian last said of the laser; that it may be on where the guardian stays away."""
        return self._state

    def when_changed(self, listener: Listener) -> None:
        """Have ``listener`` called with each new state, and with the present one at once."""
        self._listeners.append(listener)
        listener(self._state)

    def request(self, op: str, *, timeout_s: float = REQUEST_S, **fields: Any) -> Message:
        """Ask the guardian; raises the error it reports, `ConnectionLost` or `DeviceTimeout`."""
        return self.ask(op, **fields).get(timeout_s)

    def ask(self, op: str, **fields: Any) -> Answer:
        """Ask the guardian, and return what its answer can be had from."""
        return self._living().ask(op, **fields)

    def fetch_transcript(self) -> bytes:
        """Return what went over the wire since the last call, as JSON lines."""
        pieces, first = [], True
        while True:
            reply = self.request("transcript", first=first)
            pieces.append(str(reply["transcript"]))
            if not reply.get("more"):
                return "".join(pieces).encode()
            first = False

    def close(self) -> None:
        """Hang up; may be called twice. The guardian then sees to it that the laser is off."""
        with self._back:
            self._closed = True
            self._back.notify_all()
            link = self._link
        # Outside the lock: the link's thread may be waiting for it.
        link.close()

    @property
    def closed(self) -> bool:
        """Whether it was closed here."""
        return self._closed

    def _living(self) -> Link:
        with self._back:
            self._back.wait_for(lambda: self._closed or self._link.alive, timeout=BACK_S)
            if self._closed:
                raise ConnectionLost("this laser was closed; open it again")
            if not self._link.alive:
                raise self._trouble or ConnectionLost("the guardian is gone, and is being looked for")
            return self._link

    def _on_lost(self) -> None:
        """Bring the guardian back, in the thread of the link that broke; nothing but closing ends this."""
        with self._back:
            if self._reviving or self._closed:
                return
            self._reviving = True
        lost_at, pause, was = time.monotonic(), _PAUSE_S, self._state
        self._tell(LaserState(State.STARTING, "the guardian went away"))
        while not self._is_back():
            try:
                start_again(self.handle, timeout_s=GONE_S)
                self._adopt(self._claimed(tolerant=True))
            except InstrumentError as error:
                self._trouble = error
                if was.state not in _DARK and time.monotonic() - lost_at >= GONE_S:
                    words = f"the guardian went away while the laser was on, and is not back: {error}"
                    self._tell(LaserState(State.LASER_MAY_BE_ON, words))
                with self._back:
                    self._back.wait_for(lambda: self._closed, timeout=pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _is_back(self) -> bool:
        with self._back:
            if not (self._closed or self._link.alive):
                return False
            self._reviving = False
            return True

    def _adopt(self, link: Link) -> None:
        with self._back:
            if not self._closed:
                self._link, self._trouble = link, None
                self._back.notify_all()
        if self._closed:
            link.close()
        else:
            link.when_lost(self._on_lost)

    def _claimed(self, *, tolerant: bool) -> Link:
        """Connect and claim the laser, which turns it off; ``tolerant``: also where that is not verified."""
        deadline = time.monotonic() + _RECONNECT_S
        while True:
            try:
                return self._tried(tolerant=tolerant)
            except (PortBusy, ConnectionLost) as error:
                if self._closed or time.monotonic() > deadline:
                    raise
                if isinstance(error, ConnectionLost) and not self.handle.socket_path.exists():
                    # It was just ending when it was found.
                    start_again(self.handle, timeout_s=BACK_S)
                time.sleep(2 * _PAUSE_S)

    def _tried(self, *, tolerant: bool) -> Link:
        self._seq = -1
        link = Link(self.handle.socket_path, seen=self._see)
        try:
            self._claim(link, tolerant=tolerant)
        except BaseException:
            link.close()
            raise
        return link

    def _claim(self, link: Link, *, tolerant: bool) -> None:
        facts = link.request("claim", timeout_s=REQUEST_S)
        try:
            facts |= link.request("off", timeout_s=REQUEST_S)
        except InstrumentError as error:
            # While it may be on the claim is kept: so its end is heard of.
            if not tolerant or not (
                isinstance(error, LaserMayBeOn) or self._state.state is State.UNREACHABLE
            ):
                raise
        else:
            self.facts = facts
        self.claims += 1

    def _see(self, message: Message) -> None:
        state, number = state_from(message), message.get("seq")
        # Replies may be overtaken by events.
        if state is None or not isinstance(number, int) or number < self._seq:
            return
        self._seq = number
        if state != self._state:
            self._tell(state)

    def _tell(self, state: LaserState) -> None:
        self._state = state
        for listener in self._listeners:
            listener(state)
