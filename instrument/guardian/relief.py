"""The relief: a process that does nothing but start another guardian when one dies with its laser unverified.

It is the guardian's parent and has no device and no thread, so that little can go wrong with it. The
guardian is forked from it with everything imported already: a new one turns the laser off within a fraction
of a second, also when the guardian and its client were killed together. A guardian that no longer says that
it works is killed and replaced. A guardian that finds its relief gone turns the laser off and ends: there is
no light without both.
"""

import logging
import math
import os
import signal
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

_log = logging.getLogger(__name__)

#: Exit status of a guardian that failed (its laser may or may not have been verified off).
EXIT_FAILED = 3
#: Exit status of a guardian whose laser may be another guardian's by now.
EXIT_FORFEITED = 4

#: A guardian says that it works this often, s.
BEAT_S = 0.2
#: A guardian silent for so long is killed, s: chosen, longer than a busy machine makes a process wait.
SILENT_S = 3.0
#: Guardians that nobody needs for safety are started again at most so often in `_DEATHS_WITHIN_S`.
_DEATHS = 5
_DEATHS_WITHIN_S = 60.0
#: A guardian that dies within so long has not helped, s.
_SHORT_S = 0.3
#: Pause before another start then, s.
_PAUSE_S = 0.5
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Relief:
    """The guardian's side of it.

    Parameters
    ----------
    sock
        Where to say that the guardian works.
    pid
        Process of the relief.
    """

    def __init__(self, sock: socket.socket, pid: int) -> None:
        self._sock = sock
        self._sock.setblocking(False)
        self._beat_at = 0.0
        self.pid = pid
        """Process of the relief."""

    def beat(self) -> None:
        """Say that this guardian works; not more often than needed."""
        if (now := time.monotonic()) >= self._beat_at:
            self._beat_at = now + BEAT_S
            with suppress(OSError):
                self._sock.send(b".")

    @property
    def lives(self) -> bool:
        """Whether the relief is still there: a process whose parent died gets another."""
        return os.getppid() == self.pid

    def close(self) -> None:
        """Let go of the socket; only at the very end."""
        self._sock.close()


def run_relieved(
    serve: Callable[[Relief], int], *, armed: Callable[[], bool], owns: Callable[[], bool]
) -> int:
    """Fork a guardian, and another whenever one dies in an unknown state; return an exit status.

    Returns in each guardian with what ``serve`` returned, and in the relief with the last guardian's status.

    Parameters
    ----------
    serve
        What a guardian does, until the laser is verified off.
    armed
        Whether a laser was fired and not verified off since.
    owns
        Whether the guardian's lock is still held.
    """
    charge = _Charge()
    deaths: deque[float] = deque([-math.inf] * _DEATHS, maxlen=_DEATHS)
    while True:
        begun_at = time.monotonic()
        try:
            relief = charge.fork()
        except OSError as error:
            _log.error("no guardian could be started: %s", error)
            if not armed():
                return EXIT_FAILED
            time.sleep(_PAUSE_S)
            continue
        if relief is not None:
            return serve(relief)
        status = charge.outcome()
        died = status < 0 and not charge.ending
        needed = armed() or (died and time.monotonic() - deaths[0] > _DEATHS_WITHIN_S)
        if status in {0, EXIT_FORFEITED} or not needed or not owns():
            return status if status >= 0 else 0 if charge.ending else -status
        _log.error("the guardian ended with status %d; the relief starts another", status)
        deaths.append(time.monotonic())
        if deaths[-1] - begun_at < _SHORT_S:
            time.sleep(_PAUSE_S)


class _Charge:
    """The relief's side: the guardian it has forked."""

    def __init__(self) -> None:
        self.ending = 0
        """Signal that asked both to end; 0 for none."""
        self._pid = 0
        self._ready = False

    def fork(self) -> Relief | None:
        """Fork a guardian; return its side in it, None in the relief."""
        ours, theirs = socket.socketpair()
        relief, asked = os.getpid(), self.ending
        # Before the guardian is there: it may ask its relief to end at once.
        for number in _SIGNALS:
            signal.signal(number, self._pass_on)
        pid = os.fork()
        if pid == 0:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            if self.ending != asked:
                # It came to the guardian, while it still answered as the relief does.
                os.kill(os.getpid(), self.ending)
            ours.close()
            return Relief(theirs, relief)
        theirs.close()
        self._sock, self._pid = ours, pid
        return None

    def outcome(self) -> int:
        """Return the guardian's exit status once it ended, negative for a signal; a silent one is killed."""
        with self._sock as sock:
            sock.settimeout(SILENT_S)
            try:
                while sock.recv(64):
                    if self.ending and not self._ready:
                        os.kill(self._pid, self.ending)
                    self._ready = True
            except TimeoutError:
                _log.error("the guardian was silent for %g s; it is killed", SILENT_S)
                os.kill(self._pid, signal.SIGKILL)
            except OSError as error:
                _log.error("the guardian's socket broke: %s", error)
        self._ready = False
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        self.ending = number
        if self._ready:
            os.kill(self._pid, number)
