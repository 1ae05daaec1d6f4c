"""Looking on: what a guardian knows of its laser, for a program that has not claimed it."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..errors import ConnectionLost, InstrumentError
from .link import Link
from .marker import Marker
from .session import GONE_S, Listener
from .socket_file import beside
from .states import LaserState, State, state_from
from .wire import Message

#: How often a guardian that is not there is looked for, s.
LOOK_S = 0.2
#: A laser that was fired and has no guardian for so long gets one, s: its relief and its client come first.
_REVIVE_S = 1.0
_REQUEST_S = 5.0


class GuardianWatch:
    """Hear of each state of a laser for as long as this is open, whoever uses the laser.

    It does not keep a guardian from ending. Where a guardian is gone and its laser was fired and not read
    back as off, a new one is started, and the laser is said to be on until that has read it back as off.

    Parameters
    ----------
    socket_path
        The guardian's socket; none need listen there.
    changed
        Called with each state, and again at each `refresh`; from threads of the watch.
    revive
        Starts the guardian.
    """

    def __init__(self, socket_path: Path, changed: Listener, *, revive: Callable[[], object]) -> None:
        self._socket_path = socket_path
        self._changed = changed
        self._revive = revive
        self._marker = Marker(beside(socket_path, ".armed"))
        self._link: Link | None = None
        self._seq = -1
        self._missing_since: float | None = None
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="guardian-watch", daemon=True)
        self._thread.start()

    def refresh(self) -> None:
        """Have ``changed`` called soon with what the guardian knows by then."""
        self._wake.set()

    def close(self) -> None:
        """Look on no longer; may be called twice."""
        self._closed = True
        self._wake.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._closed:
            asked = self._wake.is_set()
            self._wake.clear()
            with suppress(InstrumentError):
                self._look(asked)
            self._wake.wait(LOOK_S)
        if self._link is not None:
            self._link.close()

    def _look(self, asked: bool) -> None:
        if self._link is None or not self._link.alive:
            asked = True
            try:
                self._link, self._seq = None, -1
                self._link = Link(self._socket_path, seen=self._see)
            except ConnectionLost:
                self._miss()
                return
        self._missing_since = None
        if asked:
            self._link.request("hello", timeout_s=_REQUEST_S)

    def _miss(self) -> None:
        """No guardian is there: an alarm only where its laser was fired and not read back as off."""
        if not self._marker.present:
            self._missing_since = None
            return
        now = time.monotonic()
        if self._missing_since is None:
            self._missing_since = now
        if now - self._missing_since < _REVIVE_S:
            return
        with suppress(InstrumentError):
            self._revive()
            return
        if now - self._missing_since >= GONE_S:
            self._changed(LaserState(State.LASER_MAY_BE_ON, "the laser was fired, and its guardian is gone"))

    def _see(self, message: Message) -> None:
        state, number = state_from(message), message.get("seq")
        if state is not None and isinstance(number, int) and number >= self._seq and not self._closed:
            self._seq = number
            self._changed(state)
