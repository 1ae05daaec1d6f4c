"""Whose turn it is on a wire that several threads share, one of them with something that cannot wait."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import DeviceTimeout


class Turns:
    """A lock, and a way past whoever has it: who holds it for long looks at `urgent` and gives up."""

    name = ""
    """What to call the wire in a message."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        """Held during each exchange; to be held over several that belong together."""
        self._urgent = 0
        self._counting = threading.Lock()

    @property
    def urgent(self) -> bool:
        """Whether somebody with something more urgent waits for the wire."""
        return self._urgent > 0

    @contextmanager
    def first(self, before: float) -> Iterator[None]:
        """Have the wire before everybody else; what is under way is given up.

        Raises
        ------
        DeviceTimeout
            It was not free by the moment ``before``.
        """
        with self._counting:
            self._urgent += 1
        try:
            free = self.lock.acquire(timeout=max(before - time.monotonic(), 0.0))
        finally:
            with self._counting:
                self._urgent -= 1
        if not free:
            raise DeviceTimeout(f"{self.name}: the wire was not free in time")
        try:
            yield
        finally:
            self.lock.release()
