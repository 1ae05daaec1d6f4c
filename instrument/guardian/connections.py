"""The server's side of its clients: who is there, what is half said, what waits, and what wakes the loop."""

import contextlib
import logging
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from ..errors import InstrumentError, PortBusy, ProtocolError
from .wire import MAX_REQUEST, MAX_WAITING, LineParser, Message, check_peer, encode, error_fields

_log = logging.getLogger(__name__)

#: More connections than a bench has programs are a mistake.
MAX_CONNECTIONS = 16


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

    def post(self, connection: Connection, message: Message) -> None:
        """Hand a message to the loop; called from any thread."""
        self.replies.append((connection, message))
        self.wake()

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


class Switchboard:
    """All connections of a guardian, without waiting for any of them.

    Parameters
    ----------
    listener
        Bound, listening Unix socket.
    mailbox
        What wakes the loop.
    heard
        Called with each message of a client.
    left
        Called when a client is gone, with the reason.
    """

    def __init__(
        self,
        listener: socket.socket,
        mailbox: Mailbox,
        *,
        heard: Callable[[Connection, Message], None],
        left: Callable[[Connection, str], None],
    ) -> None:
        self._listener = listener
        self._mailbox = mailbox
        self._heard = heard
        self._left = left
        self.connections: set[Connection] = set()
        """Who is there."""
        self._selector = selectors.DefaultSelector()
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(mailbox.reader, selectors.EVENT_READ)

    def serve(self, wait_s: float) -> None:
        """Wait at most so long for something to happen, and let it happen."""
        for key, events in self._selector.select(wait_s):
            if key.fileobj is self._listener:
                self._accept()
            elif key.fileobj is self._mailbox.reader:
                self._mailbox.clear()
            else:
                self._served(key.data, events)

    def send(self, connection: Connection, message: Message) -> None:
        """Send a message, now or when its client takes it."""
        if connection.gone:
            return
        connection.out += _encoded(message)
        if len(connection.out) > MAX_WAITING:
            self.drop(connection, "its client does not read what it asked for")
            return
        self._flush(connection)

    def send_all(self, message: Message) -> None:
        """Send a message to everybody."""
        for connection in list(self.connections):
            self.send(connection, message)

    def drop(self, connection: Connection, reason: str) -> None:
        """Hang up."""
        if connection.gone:
            return
        connection.gone = True
        self.connections.discard(connection)
        self._selector.unregister(connection.sock)
        connection.sock.close()
        self._left(connection, reason)

    def close(self) -> None:
        """Hang up on everybody."""
        for connection in list(self.connections):
            self.drop(connection, "the guardian ends")
        self._selector.close()

    def _served(self, connection: Connection, events: int) -> None:
        if events & selectors.EVENT_WRITE and not connection.gone:
            self._flush(connection)
        if events & selectors.EVENT_READ and not connection.gone:
            self._read(connection)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        try:
            check_peer(sock)
            if len(self.connections) >= MAX_CONNECTIONS:
                raise PortBusy("the guardian has no room for another connection")
        except (InstrumentError, OSError) as error:
            _log.warning("refused a connection: %s", error)
            sock.close()
            return
        sock.setblocking(False)
        connection = Connection(sock, time.monotonic())
        self.connections.add(connection)
        self._selector.register(sock, selectors.EVENT_READ, connection)

    def _read(self, connection: Connection) -> None:
        try:
            data = connection.sock.recv(MAX_REQUEST)
            messages = connection.parser.feed(data)
        except BlockingIOError:
            return
        except (OSError, ProtocolError) as error:
            self.drop(connection, str(error))
            return
        if not data:
            self.drop(connection, "its client closed the connection")
            return
        for message in messages:
            if connection.gone:
                return
            connection.heard_at = time.monotonic()
            self._heard(connection, message)

    def _flush(self, connection: Connection) -> None:
        try:
            sent = connection.sock.send(connection.out) if connection.out else 0
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.drop(connection, f"its client is gone ({error.strerror})")
            return
        del connection.out[:sent]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.out else 0)
        self._selector.modify(connection.sock, events, connection)


def _encoded(message: Message) -> bytes:
    """Return a message as a line, or the error that kept it from becoming one."""
    try:
        return encode(message)
    except ProtocolError as error:
        return encode({"id": message.get("id"), "ok": False, **error_fields(error)})
