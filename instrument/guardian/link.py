"""One connection to a guardian: requests answered in order, heartbeats from a thread of its own."""

import contextlib
import itertools
import queue
import select
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import ConnectionLost, DeviceTimeout, InstrumentError
from .wire import BEAT_S, MAX_REPLY, LineParser, Message, check_peer, encode, error_from

#: How often somebody who waits for an answer looks up, s.
LOOK_S = 0.05
_CONNECT_TIMEOUT_S = 2.0
_LOST = "the guardian went away; the laser is forced off when it is back"


class Link:
    """A connection to a running guardian.

    Parameters
    ----------
    socket_path
        The guardian's socket.
    seen
        Called in the link's thread with every message that tells a state, before whoever waits for it has it.

    Raises
    ------
    ConnectionLost
        No guardian listens there.
    ProtocolError
        Another user's process listens there.
    """

    def __init__(self, socket_path: Path, *, seen: Callable[[Message], None] = lambda message: None) -> None:
        self._sock = _connected(socket_path)
        self._seen = seen
        self._lost: Callable[[], None] = lambda: None
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Answer] = {}
        self._sending = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="guardian-link", daemon=True)
        self.alive = True
        """False once the connection broke."""
        self._thread.start()

    def when_lost(self, lost: Callable[[], None]) -> None:
        """Have ``lost`` called in the link's thread should the connection break without `close`.

        Raises
        ------
        ConnectionLost
            It has broken already.
        """
        self._lost = lost
        if not self.alive:
            raise ConnectionLost(_LOST)

    def request(self, op: str, *, timeout_s: float, **fields: Any) -> Message:
        """Send a request and return the reply.

        Raises
        ------
        ConnectionLost
            The guardian died, or hung up, before it answered.
        DeviceTimeout
            No answer in time.
        InstrumentError
            The error that the guardian reports, as its own class.
        """
        return self.ask(op, **fields).get(timeout_s)

    def ask(self, op: str, **fields: Any) -> "Answer":
        """Send a request and return what its reply can be had from."""
        number = next(self._numbers)
        answer = Answer(self, op, number)
        self._waiting[number] = answer
        try:
            self._send({"id": number, "op": op, **fields})
        except ConnectionLost:
            self._waiting.pop(number, None)
            raise
        if not self.alive:
            answer.put(None)
        return answer

    def forget(self, number: int) -> None:
        """Wait for the reply to a request no longer."""
        self._waiting.pop(number, None)

    def close(self) -> None:
        """Hang up: the guardian turns the laser off. May be called twice."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _send(self, message: Message) -> None:
        try:
            with self._sending:
                self._sock.sendall(encode(message))
        except OSError as error:
            raise ConnectionLost(_LOST) from error

    def _run(self) -> None:
        with contextlib.suppress(InstrumentError, OSError, ValueError):
            self._listen()
        self.alive = False
        with self._sending:
            self._sock.close()
        for answer in list(self._waiting.values()):
            answer.put(None)
        if not self._closing.is_set():
            self._lost()

    def _listen(self) -> None:
        parser = LineParser(MAX_REPLY)
        beat_at = 0.0
        while not self._closing.is_set():
            if time.monotonic() >= beat_at:
                self._send({"op": "beat"})
                beat_at = time.monotonic() + BEAT_S
            readable, _, _ = select.select([self._sock], [], [], max(beat_at - time.monotonic(), 0.0))
            if readable:
                data = self._sock.recv(1 << 16)
                if not data:
                    return
                for message in parser.feed(data):
                    self._dispatch(message)

    def _dispatch(self, message: Message) -> None:
        if "state" in message:
            self._seen(message)
        number = message.get("id")
        answer = self._waiting.get(number) if isinstance(number, int) else None
        if answer is not None:
            answer.put(message)


class Answer:
    """A reply that is awaited.

    Parameters
    ----------
    link
        Where it comes from.
    op, number
        What was asked, and the number of the request.
    """

    def __init__(self, link: Link, op: str, number: int) -> None:
        self._link = link
        self._op = op
        self._number = number
        self._replies: queue.SimpleQueue[Message | None] = queue.SimpleQueue()

    def put(self, reply: Message | None) -> None:
        """Hand the reply over; None where none will come."""
        self._replies.put(reply)

    def get(self, timeout_s: float, *, look: Callable[[], None] = lambda: None) -> Message:
        """Return the reply.

        Parameters
        ----------
        timeout_s
            Longest wait.
        look
            Called every `LOOK_S` meanwhile; what it raises ends the wait.

        Raises
        ------
        ConnectionLost
            The guardian died, or hung up, before it answered.
        DeviceTimeout
            No answer in time.
        InstrumentError
            The error that the guardian reports, as its own class.
        """
        deadline = time.monotonic() + timeout_s
        try:
            reply = self._awaited(deadline, look)
        except queue.Empty:
            raise DeviceTimeout(f"the guardian did not answer {self._op!r} within {timeout_s:g} s") from None
        finally:
            self._link.forget(self._number)
        if reply is None:
            raise ConnectionLost(_LOST)
        if reply.get("ok") is not True:
            raise error_from(reply)
        return reply

    def _awaited(self, deadline: float, look: Callable[[], None]) -> Message | None:
        while (left := deadline - time.monotonic()) > LOOK_S:
            with contextlib.suppress(queue.Empty):
                return self._replies.get(timeout=LOOK_S)
            look()
        return self._replies.get(timeout=max(left, 0.0))


def _connected(socket_path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(_CONNECT_TIMEOUT_S)
        sock.connect(str(socket_path))
        check_peer(sock)
    except OSError as error:
        sock.close()
        raise ConnectionLost(f"no guardian listens at {socket_path} ({error.strerror or error})") from error
    except InstrumentError:
        sock.close()
        raise
    return sock
