"""`opioscan serve` and `opioscan token`, as real processes."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api.app import create_app
from service.api.run import run_server
from service.api.settings import ServerSettings
from service.cli.start import run
from service.errors import UsageError

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def run_here(opioscan_home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Return a function that runs ``opioscan`` in this process: a start costs a second."""

    def run_(*arguments: str | Path) -> Ran:
        code = run([str(one) for one in arguments])
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run_


@contextmanager
def _serve(home: Path, *options: str) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "service.cli.start", "serve", "--port", "0", "--json", *options]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OPIOSCAN_HOME": str(home)}
    with subprocess.Popen(
        command, env=env, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline()), process
        finally:
            if process.poll() is None:
                process.kill()


def test_a_first_server_and_its_tokens(opioscan_home: Path, run_here: Callable[..., Ran]) -> None:
    with _serve(opioscan_home) as (said, process):
        assert said["address"].startswith("http://127.0.0.1:")
        assert said["pid"] == process.pid
        made = run_here("token", "create", "--role", "auditor", "--name", "Court", "--days", "30", "--json")
        assert made.code == 0, made.err
        token = json.loads(made.out)
        headers = {"Authorization": f"Bearer {token['token']}"}
        with httpx.Client(base_url=said["address"], headers=headers) as client:
            events = client.get("/api/v1/events").json()
            assert events["items"][0]["type"] == "token.created"
            assert events["items"][0]["actor"].startswith("cli")
            second = run_here("serve", "--port", "0")
            assert second.code == 5
            assert "another server has" in second.err

            listed = run_here("token", "list", "--json")
            assert json.loads(listed.out)["name"] == "Court"
            assert token["token"] not in listed.out
            assert "Court" in run_here("token", "list").out
            assert run_here("token", "revoke", token["token_id"]).code == 0
            assert json.loads(run_here("token", "revoke", token["token_id"], "--json").out)["revoked_at"]
            assert client.get("/api/v1/events").status_code == 401
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 0, err
        assert out == ""
        assert "opioscan token create" in err


def test_a_database_of_ones_own(opioscan_home: Path, run_here: Callable[..., Ran], tmp_path: Path) -> None:
    db = tmp_path / "mine" / "own.sqlite3"
    made = run_here("token", "create", "--role", "admin", "--db", db)
    assert made.code == 0
    assert made.out.strip().startswith("ops_")
    assert "not shown again" in made.err
    with _serve(opioscan_home, "--db", str(db)) as (said, process):
        assert said["db"] == str(db)
        assert httpx.get(f"{said['address']}/readyz").status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert "opioscan token create" not in process.communicate()[1]
    assert (db.parent / "scans").is_dir()
    assert not (opioscan_home / "server").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("serve", "--host", "0.0.0.0"), "--allow-remote"),  # noqa: S104
        (("serve", "--host", "example.invalid"), "--allow-remote"),
        (("serve", "--port", "70000"), "65535"),
        (("token", "create", "--role", "king"), "parcel-system"),
        (("token", "create", "--role", "admin", "--name", "x" * 200), "128"),
        (("token", "create", "--role", "admin", "--days", "0"), "0"),
        (("token", "revoke", "nobody"), "token list"),
    ],
)
def test_what_cannot_be_done_is_said(
    run_here: Callable[..., Ran], arguments: tuple[str, ...], says: str
) -> None:
    ran = run_here(*arguments)
    assert ran.code == 2, ran.err
    assert says in ran.err
    assert "Traceback" not in ran.err


def test_a_port_that_is_taken(run_here: Callable[..., Ran]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = run_here("serve", "--port", str(taken.getsockname()[1]))
    assert ran.code == 2
    assert "choose another --port" in ran.err


def test_an_address_of_nowhere(tmp_path: Path) -> None:
    settings = ServerSettings(tmp_path / "db.sqlite3", tmp_path / "scans")
    with pytest.raises(UsageError, match="no address"):
        run_server(settings, host="nowhere.invalid")


def test_listening_on_ipv6(tmp_path: Path) -> None:
    settings = ServerSettings(tmp_path / "db.sqlite3", tmp_path / "scans")
    stop, said = threading.Event(), []

    def ready(url: str) -> None:
        said.append(url)
        stop.set()

    try:
        run_server(settings, ready=ready, host="::1", stop=stop)
    except UsageError:
        pytest.skip("this machine has no IPv6")
    assert said[0].startswith("http://[::1]:")


def test_an_application_opens_its_own_store(tmp_path: Path) -> None:
    import asyncio

    app = create_app(ServerSettings(tmp_path / "db.sqlite3", tmp_path / "scans"))

    async def ask() -> int:
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return (await client.get("/readyz")).status_code

    assert asyncio.run(ask()) == 200


def test_a_server_that_cannot_store_scans_is_not_ready(serve_at: Any, tmp_path: Path) -> None:
    with serve_at(tmp_path) as served:
        served.settings.scans_path.rmdir()
        answer = served.client(None).get("/readyz")
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")


def test_a_head_without_end_is_refused(server: Any) -> None:
    import socket
    from urllib.parse import urlsplit

    where = urlsplit(server.url)
    with socket.create_connection((where.hostname, where.port), 10) as wire:
        wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ")
        with contextlib.suppress(OSError):
            for _ in range(40):
                wire.sendall(b"x" * 65536)
        with contextlib.suppress(ConnectionResetError):
            assert wire.recv(64).startswith(b"HTTP/1.1 400")
    assert server.client(None).get("/healthz").status_code == 200
