"""A bell that rings in this process after every request that may have changed something.

What follows events (streams, webhooks) looks at once when it rings. It promises nothing: other processes on
the same database ring no bell here, so that followers look by themselves as well, a few times a second.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp, Receive, Scope, Send

#: How long followers let events gather before they look, s (chosen): looking once for each event of a busy
#: server would take more of it than the events themselves.
GATHER_S = 0.05

_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Bell:
    """Calls everybody who listens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    def ring(self) -> None:
        """Call all listeners; they return at once and raise nothing."""
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    @contextmanager
    def heard_by(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call a listener, from any thread, as long as the context lasts."""
        with self._lock:
            self._listeners.append(listener)
        try:
            yield
        finally:
            with self._lock:
                self._listeners.remove(listener)


class RingAfterChanges:
    """ASGI middleware that rings the application's bell when a request that may write was answered."""

    def __init__(self, app: ASGIApp, *, bell: Bell) -> None:
        self._app = app
        self._bell = bell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and ring."""
        await self._app(scope, receive, send)
        if scope["type"] == "http" and scope["method"] not in _READS:
            self._bell.ring()
