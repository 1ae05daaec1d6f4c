"""Emptying the outbox: each lane in order, by one process at a time, with a growing pause after failures."""

import fcntl
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ArchiveError, Unanswered
from .outbox_ops import NO_ANSWER, FlushReport, Lane, OutboxOp, Patience, SendReply

if TYPE_CHECKING:
    from .outbox import Outbox
    from .outgoing import Outgoing

#: Sends one operation and returns what the server said. Raises `ConnectionError` or
#: `TimeoutError` where no server answered, `Unanswered` where it answers other requests,
#: `ArchiveError` where the operation's scan cannot be read.
Send = Callable[[OutboxOp], SendReply]

#: Longest pause between attempts, s.
MAX_PAUSE_S = 300.0

#: Refusals that speak of the token, the way or the moment, not of the operation: they may pass.
_MAY_PASS = {401, 403, 407, 408, 421, 425, 429}
#: Where each lane keeps its pause, and the end of the name of its lock.
_PAUSE = {Lane.RECORDS: "sending", Lane.FILES: "sending:files"}
_LOCK = {Lane.RECORDS: ".lock", Lane.FILES: ".files.lock"}


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why nothing more is sent now."""

    why: str
    asked_s: float | None = None
    """Pause the server asks for, s."""
    away: bool = False
    """Whether no server is in reach."""


@dataclass(frozen=True, slots=True)
class _Pause:
    """What a lane remembers of its failures."""

    failures: int = 0
    until: float = 0.0
    away: bool = False


def flush_all(outbox: "Outbox", send: Send, *, force: bool, patience: Patience) -> FlushReport:
    """Send what waits in every lane, one after the other, unless an earlier one cannot be sent."""
    done = FlushReport()
    for lane in Lane:
        report = flush(outbox, send, lane=lane, force=force, patience=patience)
        done = replace(report, sent=done.sent + report.sent, refused=done.refused + report.refused)
        if done.stopped:
            break
    return done


def flush(
    outbox: "Outbox", send: Send, *, lane: Lane, force: bool = False, patience: Patience
) -> FlushReport:
    """Send what waits in a lane, in order, until nothing is left or the server is out of reach.

    A refusal (4xx) is kept and the next operation is sent; a network failure, 5xx, 429 or a
    refused token stops the lane and starts a pause. An operation that the server fails at or does not answer
    for longer than ``patience`` is set aside with what follows it in its screening, and the rest goes on.

    Parameters
    ----------
    outbox
        What waits.
    send
        Sends one operation.
    lane
        Which part of what waits.
    force
        Send even if the pause after the last failure is not over.
    patience
        When an operation is set aside.
    """
    with _only_one(outbox.path.with_name(outbox.path.name + _LOCK[lane])) as alone:
        if not alone:
            return _report(outbox, stopped="another process is sending", busy=True)
        before = _pause(outbox, lane)
        if not force and (pause := _left_of(before)):
            return _report(outbox, stopped="waiting after a failure", retry_in_s=pause, away=before.away)
        with outbox.outgoing(lane, patience) as waiting:
            sent, refused, trouble = _send_all(waiting, send)
        if trouble is not None:
            failures = 1 if sent or refused else 1 + before.failures
            pause = _put_off(outbox, lane, failures, trouble)
            told = _report(outbox, sent=sent, refused=refused)
            return replace(told, stopped=trouble.why, retry_in_s=pause, away=trouble.away)
        if before.failures:
            outbox.set_state(_PAUSE[lane], None)
        return _report(outbox, sent=sent, refused=refused)


def _send_all(waiting: "Outgoing", send: Send) -> tuple[int, int, _Trouble | None]:
    """Send until nothing may be sent; return how many were taken and refused, and what stopped it."""
    sent = refused = 0
    while (op := waiting.next()) is not None:
        try:
            reply = send(op)
        except ArchiveError as error:
            waiting.refused(op.key, 0, f"not sent: {error}")
            refused += 1
            continue
        except Unanswered as error:
            if waiting.failed(op.key, NO_ANSWER, str(error)):
                continue
            return sent, refused, _Trouble(str(error))
        except (ConnectionError, TimeoutError) as error:
            return sent, refused, _Trouble(str(error), away=True)
        if 200 <= reply.status < 300:
            waiting.done(op.key, reply.status)
            sent += 1
        elif 400 <= reply.status < 500 and reply.status not in _MAY_PASS:
            waiting.refused(op.key, reply.status, reply.detail)
            refused += 1
        elif not waiting.failed(op.key, reply.status, reply.detail):
            why = f"the server answered {reply.status}: {reply.detail}".rstrip(": ")
            return sent, refused, _Trouble(why, reply.retry_after_s)
    return sent, refused, None


def _put_off(outbox: "Outbox", lane: Lane, failures: int, trouble: _Trouble) -> float:
    """Note when a lane is tried again, and return in how many seconds."""
    # Spread, so that thirty benches do not come back in the same second.
    own = min(2.0 ** min(failures, 16), MAX_PAUSE_S) * random.uniform(0.5, 1.0)  # noqa: S311
    pause = min(max(own, trouble.asked_s or 0.0), MAX_PAUSE_S)
    outbox.set_state(_PAUSE[lane], json.dumps([failures, time.time() + pause, trouble.away]))
    return pause


def _pause(outbox: "Outbox", lane: Lane) -> _Pause:
    try:
        failures, until, *away = json.loads(outbox.get_state(_PAUSE[lane]) or "[0, 0]")
        return _Pause(int(failures), float(until), away == [True])
    except (ValueError, TypeError, OverflowError):
        return _Pause()


def _left_of(pause: _Pause) -> float:
    left = pause.until - time.time()
    # More than the longest pause means that the clock was set back.
    return left if 0.0 < left <= MAX_PAUSE_S else 0.0


def _report(
    outbox: "Outbox",
    *,
    sent: int = 0,
    refused: int = 0,
    stopped: str = "",
    retry_in_s: float = 0.0,
    busy: bool = False,
    away: bool = False,
) -> FlushReport:
    left = outbox.counts()["pending"]
    return FlushReport(sent, refused, left, stopped, retry_in_s, busy, len(outbox.aside()), away)


@contextmanager
def _only_one(path: Path) -> Iterator[bool]:
    """Hold a lock that ends with this process, and tell whether it was free."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
