"""Scans started from the page: each runs in a thread, and its page looks in until it is done."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

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
    answer: Answer | None = None
    """What came of it; None before the end and after a failure."""
    error: Exception | None = None
    """Why it failed."""
    _ended: threading.Event = field(default_factory=threading.Event)

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
                self.answer = bench.scan(self.request)
            else:
                self.answer = bench.take_blank(self.request)
        except Exception as error:
            self.error = error
        finally:
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
        run, name = Run(request), secrets.token_urlsafe(16)
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
