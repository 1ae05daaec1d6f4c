"""A stop ends what was asked for before it, also what has not come to a device yet.

Between its asking and its firing a scan may wait: for the method, for what a crash left. Whoever presses STOP
meanwhile must not be told that the laser is off and see it go on a moment later.
"""

import threading

from instrument.interfaces import StopCheck, never_stop


class Stops:
    """The stops of one bench."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._for_good = False

    def everything(self, *, for_good: bool = False) -> None:
        """Stop all that was asked for until now; ``for_good``: and whatever is asked for later."""
        with self._lock:
            self._count += 1
            self._for_good = self._for_good or for_good

    def from_now(self, also: StopCheck = never_stop) -> StopCheck:
        """Return a question that is answered with true after the next stop, or when another one is."""
        begun = self._count
        return lambda: self._for_good or self._count != begun or also()
