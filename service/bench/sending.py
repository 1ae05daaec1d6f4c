"""Emptying the outbox: in order, one process at a time, with a growing pause after failures."""

import fcntl
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ArchiveError
from .outbox_ops import FlushReport, OutboxOp, Patience, SendReply

if TYPE_CHECKING:
    from .outbox import Outbox
    from .outgoing import Outgoing

#: Sends one operation and returns what the server said. Raises `ConnectionError` or
#: `TimeoutError` where no server answered, `ArchiveError` where the operation's scan cannot be read.
Send = Callable[[OutboxOp], SendReply]

#: Why nothing more is sent now, and the pause the server asks for, s.
Trouble = tuple[str, float | None]

#: Longest pause between attempts, s.
MAX_PAUSE_S = 300.0

#: Refusals that speak of the token, the way or the moment, not of the operation: they may pass.
_MAY_PASS = {401, 403, 407, 408, 421, 425, 429}
_PAUSE = "sending"


def flush(outbox: "Outbox", send: Send, *, force: bool = False, patience: Patience) -> FlushReport:
    """Send what waits, in order, until nothing is left or the server is out of reach.

    A refusal (4xx) is kept and the next operation is sent; a network failure, 5xx, 429 or a
    refused token stops everything and starts a pause. An operation at which the server fails for
    longer than ``patience`` is set aside with what follows it in its screening, and the rest goes on.

    Parameters
    ----------
    outbox
        What waits.
    send
        Sends one operation.
    force
        Send even if the pause after the last failure is not over.
    patience
        When an operation is set aside.
    """
    with _only_one(outbox.path.with_name(outbox.path.name + ".lock")) as alone:
        if not alone:
            return _report(outbox, stopped="another process is sending", busy=True)
        if not force and (pause := _pause_left(outbox)):
            return _report(outbox, stopped="waiting after a failure", retry_in_s=pause)
        with outbox.outgoing(patience) as waiting:
            sent, refused, trouble = _send_all(waiting, send)
        if trouble is not None:
            return _stop(outbox, sent, refused, *trouble)
        if _pause(outbox)[0]:
            outbox.set_state(_PAUSE, None)
        return _report(outbox, sent=sent, refused=refused)


def _send_all(waiting: "Outgoing", send: Send) -> tuple[int, int, Trouble | None]:
    """Send until nothing may be sent; return how many were taken and refused, and what stopped it."""
    sent = refused = 0
    while (op := waiting.next()) is not None:
        try:
            reply = send(op)
        except ArchiveError as error:
            reply = SendReply(0, f"not sent: {error}")
        except (ConnectionError, TimeoutError) as error:
            return sent, refused, (str(error), None)
        if 200 <= reply.status < 300:
            waiting.done(op.key, reply.status)
            sent += 1
        elif reply.status == 0 or (400 <= reply.status < 500 and reply.status not in _MAY_PASS):
            waiting.refused(op.key, reply.status, reply.detail)
            refused += 1
        elif not waiting.failed(op.key, reply.status, reply.detail):
            why = f"the server answered {reply.status}: {reply.detail}".rstrip(": ")
            return sent, refused, (why, reply.retry_after_s)
    return sent, refused, None


def _stop(outbox: "Outbox", sent: int, refused: int, why: str, asked_s: float | None) -> FlushReport:
    failures = 1 if sent or refused else 1 + _pause(outbox)[0]
    # Spread, so that thirty benches do not come back in the same second.
    own = min(2.0 ** min(failures, 16), MAX_PAUSE_S) * random.uniform(0.5, 1.0)  # noqa: S311
    pause = min(max(own, asked_s or 0.0), MAX_PAUSE_S)
    outbox.set_state(_PAUSE, json.dumps([failures, time.time() + pause]))
    return _report(outbox, sent=sent, refused=refused, stopped=why, retry_in_s=pause)


def _pause(outbox: "Outbox") -> tuple[int, float]:
    try:
        failures, until = json.loads(outbox.get_state(_PAUSE) or "[0, 0]")
        return int(failures), float(until)
    except (ValueError, TypeError):
        return 0, 0.0


def _pause_left(outbox: "Outbox") -> float:
    left = _pause(outbox)[1] - time.time()
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
) -> FlushReport:
    left = outbox.counts()["pending"]
    return FlushReport(sent, refused, left, stopped, retry_in_s, busy, len(outbox.aside()))


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
