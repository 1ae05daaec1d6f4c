"""Where the agent's method comes from: loaded once, in the background, by whoever needs it first.

A method released meanwhile is loaded in the background too, and taken up when a screening begins: a scan
never waits for it, and no scan begins with one method and ends with another.
"""

import logging
import threading
from collections.abc import Callable

from spectra.method import Method

_log = logging.getLogger(__name__)

#: How long the end of the agent waits for a method that is being loaded, s (chosen).
_END_S = 1.0


class MethodSource:
    """A method that is loaded when first needed and kept; a failed load is tried again at the next need.

    Parameters
    ----------
    load
        Returns the method; may take seconds.
    mark
        Returns what tells the method in force from another, quickly; a constant where it never changes.
    taken_up
        Called with a newer method, in the thread that loaded it, before it is taken up.
    """

    def __init__(
        self,
        load: Callable[[], Method],
        mark: Callable[[], str] = str,
        taken_up: Callable[[Method], None] = lambda _method: None,
    ) -> None:
        self._load = load
        self._mark = mark
        self._taken_up = taken_up
        self._lock = threading.Lock()
        self._method: Method | None = None
        self._marked = ""
        self._renewing = threading.Lock()
        self._next: tuple[str, Method] | None = None
        self._loading: threading.Thread | None = None

    @property
    def ready(self) -> Method | None:
        """The method if it is loaded, without waiting."""
        return self._method

    def get(self) -> Method:
        """Return the method, waiting for it to be loaded."""
        with self._lock:
            if self._method is None:
                mark = self._mark()
                self._method = self._load()
                self._marked = mark
            return self._method

    def renew(self) -> None:
        """Take up a newer method that is loaded, or begin to load one; never waits.

        Called between screenings. One that cannot be loaded is logged, and the old one stays in force.
        """
        if not self._renewing.acquire(blocking=False):
            return
        try:
            mark = self._mark()
            if self._method is None or mark == self._marked or self._loads:
                return
            if self._next is not None and self._next[0] == mark:
                self._marked, self._method = self._next
                self._next = None
                return
            self._loading = threading.Thread(
                target=self._load_next, args=(mark,), name="new-method", daemon=True
            )
            self._loading.start()
        finally:
            self._renewing.release()

    def end(self) -> None:
        """Wait a moment for a method that is being loaded."""
        if self._loading is not None:
            self._loading.join(_END_S)

    @property
    def _loads(self) -> bool:
        return self._loading is not None and self._loading.is_alive()

    def _load_next(self, mark: str) -> None:
        try:
            method = self._load()
            self._taken_up(method)
            self._next = mark, method
        except Exception:
            # Whoever installs a method is told by the command that does; a thread has nobody to tell.
            _log.exception("a new method could not be loaded; the old one stays in force")
