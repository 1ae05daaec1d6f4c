"""A bad network between benches and servers: it refuses, stalls, cuts in the middle, and loses answers."""

import random
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

#: Mean bytes from a bench, and answers to it, until a connection is cut (chosen: some hundred requests).
MEAN_UP, MEAN_ANSWERS = 600_000, 150
#: One connection in so many is refused at once, and one stalls, s.
REFUSED, STALLED, STALL_S = 12, 12, 0.7


class BadNetwork:
    """A TCP proxy in threads, in front of one or more servers.

    Parameters
    ----------
    servers
        Ports of the servers on loopback; each connection goes to one of them by chance.
    seed
        Of what goes wrong.
    """

    def __init__(self, servers: Sequence[int], *, seed: int) -> None:
        self._servers = list(servers)
        self._random = random.Random(seed)  # noqa: S311
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        self.cut = threading.Event()
        """Set while there is no network at all."""
        self.done = Counter[str]()
        """What went wrong, and how often."""
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                bench, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(bench,), daemon=True).start()

    def _serve(self, bench: socket.socket) -> None:
        with bench:
            if self.cut.is_set() or self._random.randrange(REFUSED) == 0:
                self.done["refused"] += 1
                return _reset(bench)
            if self._random.randrange(STALLED) == 0:
                self.done["stalled"] += 1
                time.sleep(STALL_S)
            try:
                server = socket.create_connection(("127.0.0.1", self._random.choice(self._servers)), 5)
            except OSError:
                self.done["server down"] += 1
                return _reset(bench)
            with server, suppress(OSError):
                for one in (bench, server):
                    # Head and body come in two pieces: the second would wait 40 ms for the receipt of the first.
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._pump(bench, server)
            return _reset(bench)

    def _pump(self, bench: socket.socket, server: socket.socket) -> None:
        """Carry bytes until the connection's life is over: in the middle of a body, or before an answer."""
        up = self._random.expovariate(1 / MEAN_UP)
        answers = self._random.expovariate(1 / MEAN_ANSWERS)
        while True:
            ready, _, _ = select.select([bench, server], [], [], 0.2)
            if self.cut.is_set():
                self.done["network cut"] += 1
                return
            for one in ready:
                data = one.recv(16384)
                if not data:
                    return
                if one is bench:
                    if len(data) > up:
                        server.sendall(data[: int(up)])
                        self.done["cut in a request"] += 1
                        return
                    up -= len(data)
                    server.sendall(data)
                else:
                    answers -= 1
                    if answers < 0:
                        self.done["answer lost"] += 1
                        return
                    bench.sendall(data)


def _reset(sock: socket.socket) -> None:
    """End a connection with a reset, as a network does, not with a farewell."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
