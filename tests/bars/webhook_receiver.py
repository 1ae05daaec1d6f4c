"""Receivers of webhooks, each a process: ``webhook_receiver.py KIND FILE PORT``; what came is written to the file.

A line of the file is a request: its headers, its body, when it came, and what was answered.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

#: Status and headers of an answer; None cuts the connection in the middle.
Said = tuple[int, dict[str, str]] | None


class Behaviour:
    """What a kind of receiver answers, by the number of the request and the event."""

    def __init__(self, trap: str) -> None:
        self._trap = trap
        self._refusals: dict[int, int] = {}

    def steady(self, _count: int, _seq: int) -> Said:
        return 204, {}

    def slow(self, count: int, _seq: int) -> Said:
        # Longer than the server waits (1 s), now and then; a little slow otherwise.
        time.sleep(1.5 if count % 400 == 100 else 0.002)
        return 200, {}

    def failing(self, _count: int, seq: int) -> Said:
        """Refuse every hundredth event for ever, and every thirtieth twice."""
        if seq % 100 == 0:
            return 500, {}
        self._refusals[seq] = self._refusals.get(seq, 0) + 1
        return (500, {}) if seq % 30 == 0 and self._refusals[seq] <= 2 else (200, {})

    def busy(self, count: int, _seq: int) -> Said:
        return (429, {"Retry-After": "1"}) if count in {100, 500} else (200, {})

    def gone(self, count: int, _seq: int) -> Said:
        return (410, {}) if count > 500 else (200, {})

    def redirecting(self, count: int, _seq: int) -> Said:
        """Redirect every fiftieth request to a place inside."""
        return (307, {"Location": self._trap}) if count % 50 == 0 else (200, {})

    def cutting(self, count: int, _seq: int) -> Said:
        return None if count % 40 == 0 else (200, {})


def serve(kind: str, path: Path, port: int, trap: str) -> None:
    """Receive until killed."""
    answer: Callable[[int, int], Said] = getattr(Behaviour(trap), kind)
    lock, count = threading.Lock(), 0
    file = path.open("a", buffering=1)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            nonlocal count
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            with lock:
                count += 1
                number = count
            said = answer(number, json.loads(body)["data"].get("seq", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            line = {"headers": headers, "body": body, "at": time.time(), "said": said and said[0]}
            with lock:
                file.write(json.dumps(line) + "\n")
            if said is None:
                # The head of a success, and half of the body it promises.
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
                self.close_connection = True
                return
            self.send_response(said[0])
            for name, value in said[1].items():
                self.send_header(name, value)
            if said[0] != 204:
                self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Say nothing of a sender that was killed in the middle of a request."""

    server = Server(("127.0.0.1", port), Handler)
    print(server.server_port, flush=True)
    server.serve_forever(poll_interval=0.02)


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
