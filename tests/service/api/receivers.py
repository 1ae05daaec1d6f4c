"""A real receiver of webhooks: a small HTTP server that keeps what came, and answers as it is told."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Status, headers and body of an answer; None cuts the connection.
Said = tuple[int, dict[str, str], bytes] | None


@dataclass
class Receiver:
    """What came, and what is answered."""

    url: str = ""
    port: int = 0
    got: list[tuple[dict[str, str], str]] = field(default_factory=list)
    says: Callable[[dict[str, Any]], Said] = lambda _: (204, {}, b"")
    lock: threading.Lock = field(default_factory=threading.Lock)

    def numbers(self) -> list[int]:
        with self.lock:
            return [json.loads(body)["data"]["seq"] for _, body in self.got if '"seq"' in body]

    def kinds(self) -> list[str]:
        with self.lock:
            return [json.loads(body)["type"] for _, body in self.got]


@contextmanager
def receiving(port: int = 0, *, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    receiver, connections = Receiver(), list[socket.socket]()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Without it each answer waits 40 ms for the acknowledgement of its head (Nagle's algorithm).
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            connections.append(self.connection)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            with receiver.lock:
                receiver.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
            said = receiver.says(json.loads(body))
            if said is None:
                self.close_connection = True
                return
            status, headers, answer = said
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            return

    server = Server(("127.0.0.1", port), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    receiver.port = server.server_port
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        for one in connections:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        server.server_close()


def wait_for(what: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.01)
