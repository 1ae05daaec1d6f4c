"""Waiting for a measurement to end and for its file to appear, while stop is asked."""

import time
from collections.abc import Callable
from typing import TypeVar

from ..errors import (
    AcquisitionAborted,
    ConnectionLost,
    DeviceNotReady,
    DeviceTimeout,
    InstrumentError,
    PortNotFound,
    ProtocolError,
)
from ..interfaces import StopCheck
from .result_folder import FolderResult, ResultFolder

#: Settling times a result may take to appear once the instrument is done; chosen.
FILE_WAITS = 8
#: Settling times for which a result that did not appear may still come and be taken for the next one's;
#: so long no other measurement is begun. Chosen.
LATE_WAITS = 20
#: Answers may get lost for so long before a measurement is given up; chosen: programs hang for seconds while
#: they compute, and the measurement goes on without us.
LOST_S = 3.0
#: Time between two looks at the stop question, s.
INTERVAL_S = 0.01
#: What waiting may mend.
LOST: tuple[type[InstrumentError], ...] = (ConnectionLost, DeviceTimeout, PortNotFound, ProtocolError)

T = TypeVar("T")


class ResultWait:
    """Wait for the result of one measurement.

    Parameters
    ----------
    folder
        Where it will be.
    busy
        Asks whether the instrument is still measuring.
    poll_s
        Time between two such questions, s.
    """

    def __init__(self, folder: ResultFolder, busy: Callable[[], bool], *, poll_s: float) -> None:
        self._folder, self._busy, self._poll_s = folder, busy, poll_s
        self._ask_at = 0.0
        self._heard_at = time.monotonic()
        self._lost_before = False
        self._done_at: float | None = None

    def result(self, stop: StopCheck, *, timeout_s: float) -> FolderResult:
        """Return the result.

        Raises
        ------
        AcquisitionAborted
            ``stop`` said so.
        FileRefused
            The instrument is done, but there is no file, or more than one.
        DeviceTimeout
            It was not done in time.
        InstrumentError
            It failed, or its program could not be asked for `LOST_S`.
        """
        end = time.monotonic() + timeout_s
        while True:
            check(stop)
            self._ask()
            result = self._folder.look(done=self._done_at is not None)
            if result is not None:
                return result
            now = time.monotonic()
            if self._done_at is not None and now - self._done_at > FILE_WAITS * self._folder.settle_s:
                raise self._folder.refused()
            if now > end:
                raise DeviceTimeout(f"the measurement was not done after {timeout_s:g} s; cancelled")
            time.sleep(INTERVAL_S)

    def _ask(self) -> None:
        """Ask whether the instrument is done, where it is time to; single answers may get lost."""
        if time.monotonic() < self._ask_at:
            return
        try:
            busy = self._busy()
        except LOST:
            if self._lost_before and time.monotonic() - self._heard_at > LOST_S:
                raise
            self._lost_before = True
        else:
            self._heard_at = time.monotonic()
            self._done_at = None if busy else self._done_at or self._heard_at
        finally:
            self._ask_at = time.monotonic() + self._poll_s


def wait_for(reached: Callable[[], bool], stop: StopCheck, limit_s: float) -> bool:
    """Wait until something is reached; return whether it was, in time; raises `AcquisitionAborted`."""
    end = time.monotonic() + limit_s
    while not reached():
        check(stop)
        if time.monotonic() > end:
            return False
        time.sleep(INTERVAL_S)
    return True


def check(stop: StopCheck) -> None:
    """Raise `AcquisitionAborted` where ``stop`` says so."""
    if stop():
        raise AcquisitionAborted("stopped; the measurement was cancelled")


def ask_again(ask: Callable[[], T]) -> T:
    """Ask, and once again where the answer got lost: only for what changes nothing."""
    try:
        return ask()
    except (ConnectionLost, DeviceTimeout, ProtocolError):
        return ask()


def not_idle(what: str) -> DeviceNotReady:
    """Return the error for an instrument that somebody else is using."""
    return DeviceNotReady(f"the instrument is {what}: wait until it is done, then measure again")
