"""One thread that makes small changes for the event loop, those that wait together in one transaction.

A thread for each request costs more than what it writes: each waits for the commit, and all of them and the
loop take the interpreter from each other. Here the loop hands over what is to be done, and is told of a whole
transaction at once.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from .change import Change

#: Changes in one transaction (chosen: some tens of milliseconds, after which other writers have a turn).
MOST = 32

Work = Callable[[Change], Any]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Job:
    """One change."""

    actor: str
    """Who asked for it."""
    work: Work
    """Makes it and returns what to answer; may be called again after it was undone."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a change, once it is on the disk."""

    answer: Any = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class _Waiting:
    job: Job
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]

    def tell(self, outcome: Outcome) -> None:
        if self.future.done():
            return  # who waited for it has gone
        if outcome.error is not None:
            self.future.set_exception(outcome.error)
        else:
            self.future.set_result(outcome.answer)


class Turns:
    """The thread; it begins with the first change, or where it is told to.

    Parameters
    ----------
    make
        Makes some changes durable and returns an outcome for each; what it raises is the outcome of all.
    """

    def __init__(self, make: Callable[[Sequence[Job]], Sequence[Outcome]]) -> None:
        self._make = make
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    async def take(self, actor: str, work: Callable[[Change], _T]) -> _T:
        """Make a change, and return its answer when it is on the disk."""
        if self._thread is None:
            self._begin()
        loop = asyncio.get_running_loop()
        waiting = _Waiting(Job(actor, work), loop, loop.create_future())
        self._queue.put(waiting)
        answer: _T = await waiting.future
        return answer

    @contextmanager
    def running(self) -> Iterator[None]:
        """Have the thread as long as the context lasts."""
        self._begin()
        try:
            yield
        finally:
            self.close()

    def close(self) -> None:
        """Finish what was handed over, and end the thread."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join()

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="turns", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            taken = [first]
            with suppress(Empty):
                while len(taken) < MOST:
                    further = self._queue.get_nowait()
                    if further is None:
                        self._do(taken)
                        return
                    taken.append(further)
            self._do(taken)

    def _do(self, taken: list[_Waiting]) -> None:
        try:
            outcomes = self._make([one.job for one in taken])
        except BaseException as error:
            outcomes = [Outcome(error=error)] * len(taken)
        for loop in {one.loop for one in taken}:
            mine = [(one, said) for one, said in zip(taken, outcomes, strict=True) if one.loop is loop]
            # A loop that ended meanwhile has nobody left to tell.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(_tell, mine)


def _tell(told: list[tuple[_Waiting, Outcome]]) -> None:
    for waiting, outcome in told:
        waiting.tell(outcome)
