"""Scans started from the page: each runs in a thread, and its page looks in until it is done."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

from .agent import Answer, Bench
from .requests import ScanRequest

#: Finished runs kept for a reload of their page.
_KEPT = 32
#: Forms that may be open at the same time.
_FORMS = 256


@dataclass(slots=True)
class Run:
    """One scan started from the page."""

    request: ScanRequest
    """What was asked for."""
    answer: Answer | None = None
    """What came of it; None before the end and after a failure."""
    error: Exception | None = None
    """Why it failed."""

    @property
    def done(self) -> bool:
        """Whether there is anything to show."""
        return self.answer is not None or self.error is not None


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

    def start(self, request: ScanRequest) -> str:
        """Start a scan and return the id of its run."""
        run, name = Run(request), secrets.token_urlsafe(16)
        with self._lock:
            self._runs[name] = run
            finished = [key for key, each in self._runs.items() if each.done]
            for key in finished[: max(len(self._runs) - _KEPT, 0)]:
                del self._runs[key]
        threading.Thread(target=self._carry_out, args=(run,), name="page-scan", daemon=True).start()
        return name

    def get(self, name: str) -> Run | None:
        """Return a run; None for an id that is unknown or long gone."""
        with self._lock:
            return self._runs.get(name)

    def _carry_out(self, run: Run) -> None:
        try:
            run.answer = self._bench.scan(run.request)
        except Exception as error:
            run.error = error


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
