"""The server's side of its clients: what is half said, what waits, and what wakes the loop."""

import contextlib
import socket
from collections import deque
from dataclasses import dataclass, field
from functools import partial

from .wire import MAX_REQUEST, LineParser, Message


@dataclass(eq=False, slots=True)
class Connection:
    """One client."""

    sock: socket.socket
    """Not blocking."""
    heard_at: float
    """When it last said something, monotonic s."""
    parser: LineParser = field(default_factory=partial(LineParser, MAX_REQUEST))
    """Its half-read line."""
    out: bytearray = field(default_factory=bytearray)
    """What it has not taken yet."""
    gone: bool = False
    """True once closed."""


class Mailbox:
    """Replies from the keeper's thread to the loop; they and signals wake it through a socket pair."""

    def __init__(self) -> None:
        self.reader, self.writer = socket.socketpair()
        self.reader.setblocking(False)
        self.writer.setblocking(False)
        self.replies: deque[tuple[Connection, Message]] = deque()

    def wake(self) -> None:
        """Wake the loop; a full pipe means that it is awake already."""
        with contextlib.suppress(BlockingIOError):
            self.writer.send(b"\0")

    def clear(self) -> None:
        """Forget the wake-ups so far."""
        with contextlib.suppress(BlockingIOError):
            while self.reader.recv(4096):
                pass

    def close(self) -> None:
        """Close both ends."""
        self.reader.close()
        self.writer.close()
