"""What an agent does in the background after its start: lasers off, what a crash left, the method."""

import logging
import threading
from typing import TYPE_CHECKING, Any

from . import lights, verifying
from .recovery import recover, unfinished

if TYPE_CHECKING:
    from .agent import Bench

_log = logging.getLogger(__name__)

#: How long a scan waits for what a crash left to be identified, s.
_RECOVERED_S = 60.0


class WarmUp:
    """The thread that makes a bench ready.

    Parameters
    ----------
    bench
        The bench; what an earlier agent left unfinished there is looked up at once.
    """

    def __init__(self, bench: "Bench") -> None:
        self._bench = bench
        self._unfinished = unfinished(bench.archive, bench.outbox)
        self._taken_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="warm-up", daemon=True)
        self.recovered: list[dict[str, Any]] = []
        """The scans of an earlier agent that were taken up: see `recover`."""
        self.done = False
        """Whether the bench is ready, or as ready as it gets."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wait_recovered(self) -> None:
        """Wait until what a crash left is taken up: it may have soiled an accessory."""
        if self._thread.is_alive():
            self._taken_up.wait(_RECOVERED_S)

    def _run(self) -> None:
        bench = self._bench
        try:
            lights.force_off(bench.devices.configured())
            self.recovered = recover(bench, self._unfinished)
            verifying.tell_again(bench)
            self._taken_up.set()
            bench.bring_method(bench.method())
            bench.flusher.kick(wait_s=0.0)
            bench.reporter.kick()
        except Exception:
            # Whoever asks for the same thing later is told; a thread has nobody to tell.
            _log.exception("the bench could not be made ready")
        self._taken_up.set()
        self.done = True
