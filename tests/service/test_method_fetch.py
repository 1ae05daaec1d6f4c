"""Methods over HTTP, from a real server that behaves, and from servers that do not."""

import threading
import time
from contextlib import closing, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from library.release_active import active_release
from library.release_errors import (
    DownloadTruncated,
    MetadataDamaged,
    RepositoryUnreachable,
    TooMuchData,
    TooSlow,
)
from library.release_source import FolderSource
from service.errors import UsageError
from service.method_fetch import HttpSource, open_source
from tests.bars.release_lab import BenchHome, Lab, fitted_methods


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    base = tmp_path_factory.mktemp("http")
    made = Lab(base / "lab", fitted_methods(base / "methods", 1))
    made.release(1)
    return made


@pytest.fixture
def bench(lab, tmp_path):
    return BenchHome(tmp_path / "bench", lab)


class Server(SimpleHTTPRequestHandler):
    """Serves a folder; does wrong what it is told to, for names that end in a text."""

    wrong = ""
    at = "timestamp.json"

    def do_GET(self):
        if self.wrong and self.path.endswith(self.at):
            getattr(self, self.wrong)()
        else:
            super().do_GET()

    def log_message(self, *said):
        pass

    def cut(self):
        data = Path(self.translate_path(self.path)).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])

    def endless(self):
        self.send_response(200)
        self.end_headers()
        for _ in range(10_000):
            try:
                self.wfile.write(b" " * 65_536)
            except OSError:
                break

    def drip(self):
        self.send_response(200)
        self.end_headers()
        for _ in range(40):
            try:
                self.wfile.write(b" ")
                self.wfile.flush()
            except OSError:
                break
            time.sleep(0.05)

    def silent(self):
        time.sleep(1.0)

    def moved(self):
        self.send_response(302)
        self.send_header("Location", "http://127.0.0.1:9/")
        self.end_headers()

    def broken(self):
        self.send_error(500)

    def packed(self):
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(b"\x1f\x8b")


@contextmanager
def serving(folder, *, wrong="", at="timestamp.json"):
    kind = type("Wrong", (Server,), {"wrong": wrong, "at": at})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(kind, directory=str(folder)))
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_bench_updates_over_http(lab, bench):
    with serving(lab.public) as address, closing(open_source(f"{address}/")) as source:
        assert isinstance(source, HttpSource)
        assert bench.update(source).active.version == 1
    with serving(lab.folder) as address, closing(open_source(f"{address}/public")) as source:
        assert not bench.update(source).switched


@pytest.mark.parametrize(
    ("wrong", "at", "refusal"),
    [
        ("cut", "timestamp.json", DownloadTruncated),
        ("cut", "ours@1.json", DownloadTruncated),
        ("endless", "timestamp.json", TooMuchData),
        ("endless", "ours@1.json", TooMuchData),
        ("moved", "timestamp.json", RepositoryUnreachable),
        ("moved", "2.root.json", RepositoryUnreachable),
        ("broken", "ours@1.json", RepositoryUnreachable),
        ("packed", "timestamp.json", MetadataDamaged),
    ],
)
def test_a_server_that_misbehaves_changes_nothing(lab, bench, wrong, at, refusal):
    with (
        serving(lab.public, wrong=wrong, at=at) as address,
        closing(open_source(address)) as source,
        pytest.raises(refusal),
    ):
        bench.update(source)
    assert active_release(bench.releases) is None


@pytest.mark.parametrize("wrong", ["drip", "silent"])
def test_a_slow_server_is_given_up(lab, bench, wrong):
    began = time.monotonic()
    with serving(lab.public, wrong=wrong) as address:
        with closing(HttpSource(address, timeout_s=0.3, read_s=0.3)) as source, pytest.raises(TooSlow):
            bench.update(source)
        assert time.monotonic() - began < 1.5


def test_a_server_that_is_not_there_is_unreachable(bench):
    with closing(open_source("http://127.0.0.1:9")) as source, pytest.raises(RepositoryUnreachable):
        bench.update(source)


def test_addresses_are_told_apart(lab):
    for given in (str(lab.public), lab.public.as_uri()):
        assert isinstance(open_source(given), FolderSource)
    for given in ("ftp://host/x", "http://", "https://host/x?y=1", "http://[::1"):
        with pytest.raises(UsageError):
            open_source(given)
    with pytest.raises(RepositoryUnreachable, match="no published repository"):
        open_source(str(lab.folder))
