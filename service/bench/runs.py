"""Scans started from the page: each runs in a thread, and its page looks in until it is done."""

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from instrument.interfaces import StopCheck

from .agent import Answer, Bench
from .requests import BlankRequest, ScanRequest

#: Finished runs kept for a reload of their page.
_KEPT = 32
#: Forms that may be open at the same time.
_FORMS = 256


@dataclass(slots=True)
class Run:
    """One scan started from the page."""

    request: ScanRequest | BlankRequest
    """What was asked for."""
    stop: StopCheck
    """Whether everything was stopped since then."""
    answer: Answer | None = None
    """What came of it; None before the end and after a failure."""
    error: Exception | None = None
    """Why it failed."""
    _ended: threading.Event = field(default_factory=threading.Event)
    _began: float = field(default_factory=time.monotonic)
    _took_s: float | None = None

    @property
    def elapsed_s(self) -> float:
        """How long it has run, or ran, s."""
        return time.monotonic() - self._began if self._took_s is None else self._took_s

    @property
    def done(self) -> bool:
        """Whether there is anything to show."""
        return self.answer is not None or self.error is not None

    def wait(self, seconds: float) -> bool:
        """Wait for the end; return whether it came."""
        return self._ended.wait(seconds)

    def carry_out(self, bench: Bench) -> None:
        """Do what was asked for, and keep what comes of it."""
        try:
            if isinstance(self.request, ScanRequest):
                self.answer = bench.scan(self.request, stop=self.stop)
            else:
                self.answer = bench.take_blank(self.request, stop=self.stop)
        except Exception as error:
            self.error = error
        finally:
            self._took_s = time.monotonic() - self._began
            self._ended.set()


class Runs:
    """The page's scans by their id.

    Parameters
    ----------
    bench
        What does the work.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self.last_device = ""
        """Device used last; empty before the first."""

    def start(self, request: ScanRequest | BlankRequest) -> str:
        """Start a scan and return the id of its run."""
        run, name = Run(request, self._bench.stops.from_now()), secrets.token_urlsafe(16)
        with self._lock:
            self.last_device = request.device
            self._runs[name] = run
            finished = [key for key, each in self._runs.items() if each.done]
            for key in finished[: max(len(self._runs) - _KEPT, 0)]:
                del self._runs[key]
        work = threading.Thread(target=run.carry_out, args=(self._bench,), name="page-scan", daemon=True)
        work.start()
        return name

    def get(self, name: str) -> Run | None:
        """Return a run; None for an id that is unknown or long gone."""
        with self._lock:
            return self._runs.get(name)

    def last_of(self, item: str) -> ScanRequest | None:
        """Return how an item was last scanned from the page; None where nobody remembers."""
        with self._lock:
            requests = [run.request for run in reversed(self._runs.values())]
        return next((one for one in requests if isinstance(one, ScanRequest) and one.item == item), None)

    def expected_s(self, request: ScanRequest | BlankRequest) -> float | None:
        """Return how long the last scan asked for alike took, s; None where there was none."""
        with self._lock:
            runs = list(reversed(self._runs.values()))
        alike = (run for run in runs if run.answer is not None and _kind(run.request) == _kind(request))
        return next((run.elapsed_s for run in alike), None)

    def forget(self) -> None:
        """Forget every scan that has ended, and which device was used."""
        with self._lock:
            self.last_device = ""
            for name in [name for name, run in self._runs.items() if run.done]:
                del self._runs[name]


def _kind(request: ScanRequest | BlankRequest) -> tuple[object, ...]:
    """Return what the duration of a scan hangs on."""
    adaptive = isinstance(request, ScanRequest) and request.adaptive
    return request.device, request.exposure_s, request.accumulations, request.delay_s, adaptive


class FormTokens:
    """One-shot tokens: a form that was sent once cannot be sent again, by double click or reload."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._unused: OrderedDict[str, None] = OrderedDict()

    def issue(self) -> str:
        """Return a fresh token for one form."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._unused[token] = None
            while len(self._unused) > _FORMS:
                self._unused.popitem(last=False)
        return token

    def spend(self, token: str) -> bool:
        """Use a token up; return whether it was still good."""
        with self._lock:
            if token not in self._unused:
                return False
            del self._unused[token]
            return True

    def void(self) -> None:
        """Make every form that is open worthless."""
        with self._lock:
            self._unused.clear()
