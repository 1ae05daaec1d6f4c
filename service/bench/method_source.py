"""Where the agent's method comes from: loaded once, in the background, by whoever needs it first."""

import threading
from collections.abc import Callable

from spectra.method import Method


class MethodSource:
    """A method that is loaded when first needed and kept; a failed load is tried again at the next need.

    Parameters
    ----------
    load
        Returns the method; may take seconds.
    """

    def __init__(self, load: Callable[[], Method]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._method: Method | None = None

    @property
    def ready(self) -> Method | None:
        """The method if it is loaded, without waiting."""
        return self._method

    def get(self) -> Method:
        """Return the method, waiting for it to be loaded."""
        with self._lock:
            if self._method is None:
                self._method = self._load()
            return self._method
