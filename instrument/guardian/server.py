"""The guardian's socket: who may speak, who is heard, and what happens when somebody falls silent."""

import logging
import math
import os
import selectors
import socket
import time
from collections.abc import Callable

from ..errors import DeviceRefused, InstrumentError, PortBusy, ProtocolError
from .connections import Connection, Mailbox
from .keeper import LaserKeeper, Reply
from .wire import MAX_REPLY, MAX_REQUEST, SILENCE_S, Message, check_peer, encode, error_fields

_log = logging.getLogger(__name__)

#: More connections than a bench has programs are a mistake.
MAX_CONNECTIONS = 16
#: How often the clock is looked at when nothing else happens, s.
TICK_S = 0.1
#: A connection that only looks on is dropped after so much silence, s.
OBSERVER_SILENCE_S = 10.0
#: A guardian whose lock file is gone tries for so long to turn the laser off, s; then a successor has to.
FORFEIT_S = 10.0

_ACTIVE_OPS = frozenset({"on", "set_power", "transcript"})


class GuardianServer:
    """One thread, one loop: it never waits for the laser, so silence is noticed in time.

    Parameters
    ----------
    listener
        Bound, listening Unix socket.
    keeper
        The laser's keeper, not yet started.
    mailbox
        What the keeper's ``changed`` wakes.
    about
        Fields added to the answer to ``hello``: laser URL, limits.
    idle_s
        With no client for so long, and the laser verified off, the guardian ends.
    owns
        Whether this process still holds the socket's lock.
    """

    def __init__(
        self,
        listener: socket.socket,
        keeper: LaserKeeper,
        mailbox: Mailbox,
        *,
        about: Message,
        idle_s: float,
        owns: Callable[[], bool],
    ) -> None:
        self._listener = listener
        self._keeper = keeper
        self._mailbox = mailbox
        self._about = {**about, "pid": os.getpid()}
        self._idle_s = idle_s
        self._owns = owns
        self._connections: set[Connection] = set()
        self._active: Connection | None = None
        self._selector = selectors.DefaultSelector()
        self.stop_reason = ""
        """Why it was told to end; empty where it was not."""
        self._stopping = False
        self._forfeit_at = math.inf
        self._last_client_at = time.monotonic()
        self._last_state: Message = {}

    def stop(self, reason: str) -> None:
        """Turn the laser off, and end once that is verified; safe in a signal handler."""
        self.stop_reason = self.stop_reason or reason
        self._mailbox.wake()

    def run(self) -> None:
        """Serve until stopped or idle, and in either case until the laser is verified off."""
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._mailbox.reader, selectors.EVENT_READ)
        self._keeper.start()
        while not self._finished():
            for key, events in self._selector.select(TICK_S):
                self._served(key, events)
            self._deliver()
            self._check_silence()
            self._check_ownership()
        self._keeper.close()
        self._deliver()
        for connection in list(self._connections):
            self._drop(connection, "the guardian ends")
        self._selector.close()

    def _finished(self) -> bool:
        now = time.monotonic()
        if self.stop_reason and not self._stopping:
            self._stopping = True
            self._keeper.demand_off(self.stop_reason)
        if self._connections:
            self._last_client_at = now
        idle = now - self._last_client_at > self._idle_s
        return now > self._forfeit_at or ((self._stopping or idle) and self._keeper.settled)

    def _check_ownership(self) -> None:
        if not self._stopping and not self._owns():
            self._forfeit_at = time.monotonic() + FORFEIT_S
            self.stop("the guardian's lock file is gone: another guardian may own the laser")

    def _served(self, key: selectors.SelectorKey, events: int) -> None:
        if key.fileobj is self._listener:
            self._accept()
        elif key.fileobj is self._mailbox.reader:
            self._mailbox.clear()
        else:
            connection: Connection = key.data
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
            if len(self._connections) >= MAX_CONNECTIONS:
                raise PortBusy("the guardian has no room for another connection")
        except (InstrumentError, OSError) as error:
            _log.warning("refused a connection: %s", error)
            sock.close()
            return
        sock.setblocking(False)
        connection = Connection(sock, time.monotonic())
        self._connections.add(connection)
        self._selector.register(sock, selectors.EVENT_READ, connection)

    def _read(self, connection: Connection) -> None:
        try:
            data = connection.sock.recv(MAX_REQUEST)
            messages = connection.parser.feed(data)
        except BlockingIOError:
            return
        except (OSError, ProtocolError) as error:
            self._drop(connection, str(error))
            return
        if not data:
            self._drop(connection, "its client closed the connection")
            return
        for message in messages:
            connection.heard_at = time.monotonic()
            if message.get("op") != "beat":
                self._answer(connection, message)

    def _answer(self, connection: Connection, message: Message) -> None:
        number = message.get("id")
        try:
            self._handle(connection, message, lambda fields: self._post(connection, {**fields, "id": number}))
        except InstrumentError as error:
            self._send(
                connection, {**self._keeper.snapshot(), "id": number, "ok": False, **error_fields(error)}
            )

    def _handle(self, connection: Connection, message: Message, reply: Reply) -> None:
        op = message.get("op")
        if op in _ACTIVE_OPS and connection is not self._active:
            raise DeviceRefused(f"{op!r} is for the guardian's one active client; claim the laser first")
        if op == "hello":
            reply({"ok": True, **self._about, **self._keeper.snapshot()})
        elif op == "claim":
            self._claim(connection, reply)
        elif op == "off":
            self._keeper.demand_off("a client asked for it", reply)
        elif op == "set_power":
            self._keeper.submit("set_power", reply, power_mw=_number(message, "power_mw"))
        elif op in {"on", "transcript", "status"}:
            self._keeper.submit(str(op), reply)
        elif op == "quit":
            self._quit(connection, reply)
        else:
            raise ProtocolError(f"the guardian knows no request {str(op)[:40]!r}")

    def _claim(self, connection: Connection, reply: Reply) -> None:
        if self.stop_reason:
            raise PortBusy(f"the guardian is ending: {self.stop_reason}")
        if self._active not in {None, connection}:
            raise PortBusy("another program holds the laser; close it and try again")
        self._active = connection
        reply({"ok": True, **self._about, **self._keeper.snapshot()})

    def _quit(self, connection: Connection, reply: Reply) -> None:
        if self._active not in {None, connection}:
            raise PortBusy("another program holds the laser; the guardian stays")
        self.stop("a client asked the guardian to end")
        reply({"ok": True, **self._keeper.snapshot()})

    def _post(self, connection: Connection, message: Message) -> None:
        """Hand a message to the loop; called from any thread."""
        self._mailbox.replies.append((connection, message))
        self._mailbox.wake()

    def _deliver(self) -> None:
        while self._mailbox.replies:
            connection, message = self._mailbox.replies.popleft()
            self._send(connection, message)
        state = self._keeper.snapshot()
        if state != self._last_state:
            self._last_state = state
            for connection in list(self._connections):
                self._send(connection, {"event": "state", **state})

    def _send(self, connection: Connection, message: Message) -> None:
        if connection.gone:
            return
        connection.out += encode(message)
        if len(connection.out) > MAX_REPLY:
            self._drop(connection, "its client does not read what it asked for")
            return
        self._flush(connection)

    def _flush(self, connection: Connection) -> None:
        try:
            sent = connection.sock.send(connection.out) if connection.out else 0
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._drop(connection, f"its client is gone ({error.strerror})")
            return
        del connection.out[:sent]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.out else 0)
        self._selector.modify(connection.sock, events, connection)

    def _check_silence(self) -> None:
        now = time.monotonic()
        for connection in list(self._connections):
            limit = SILENCE_S if connection is self._active else OBSERVER_SILENCE_S
            if now - connection.heard_at > limit:
                self._drop(connection, f"its client was silent for more than {limit:g} s")

    def _drop(self, connection: Connection, reason: str) -> None:
        if connection.gone:
            return
        connection.gone = True
        self._connections.discard(connection)
        self._selector.unregister(connection.sock)
        connection.sock.close()
        if connection is self._active:
            self._active = None
            self._keeper.demand_off(reason)


def _number(message: Message, name: str) -> float:
    value = message.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ProtocolError(f"the guardian's request needs a number in {name!r}")
    return float(value)
