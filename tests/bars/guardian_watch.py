"""Looking on at a guardian: its process, and when it said what of its laser."""

import json
import os
import signal
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

#: States remembered.
KEPT = 1000
_BEAT_S = 0.5
_AGAIN_S = 0.02


@dataclass(frozen=True, slots=True)
class Said:
    """A state a guardian told."""

    at_ns: int
    """When it was heard, CLOCK_MONOTONIC."""
    state: str
    """The state."""
    pid: int
    """Process of the guardian."""


class GuardianWatch:
    """An observer on a guardian's socket, whichever guardian listens there; a thread of its own."""

    def __init__(self, socket_path: Path) -> None:
        self._path = socket_path
        self._said: deque[Said] = deque(maxlen=KEPT)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Process of the guardian that spoke last; 0 for none."""
        return self._said[-1].pid if self._said else 0

    @property
    def state(self) -> str:
        """The last state that was told; empty for none."""
        return self._said[-1].state if self._said else ""

    def shouted_after(self, since_ns: int) -> int | None:
        """Return when ``laser_may_be_on`` was first said since a moment, ns; None for never."""
        times = (
            one.at_ns for one in tuple(self._said) if one.state == "laser_may_be_on" and one.at_ns >= since_ns
        )
        return next(times, None)

    def close(self) -> None:
        """Look on no more."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            with suppress(OSError, ValueError), socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(_BEAT_S)
                sock.connect(str(self._path))
                self._follow(sock)
            self._ended.wait(_AGAIN_S)

    def _follow(self, sock: socket.socket) -> None:
        sock.sendall(b'{"id":1,"op":"hello"}\n')
        rest, pid = b"", 0
        while not self._ended.is_set():
            try:
                data = sock.recv(1 << 16)
            except TimeoutError:
                sock.sendall(b'{"op":"beat"}\n')
                continue
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            now = time.monotonic_ns()
            for line in lines:
                message = json.loads(line)
                pid = int(message.get("pid", pid))
                if "state" in message:
                    self._said.append(Said(now, str(message["state"]), pid))
            sock.sendall(b'{"op":"beat"}\n')


def end_guardian(pid: int) -> None:
    """End a guardian that nobody needs any more."""
    try:
        os.kill(pid, signal.SIGTERM)
        for _ in range(50):
            time.sleep(0.1)
            os.kill(pid, 0)
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
