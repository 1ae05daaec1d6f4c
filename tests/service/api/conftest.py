"""A real server on a free port, tokens of every role, and real scan files."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from service.api.database import Database
from service.api.permissions import Role
from service.api.run import run_server
from service.api.settings import ServerSettings
from service.api.tokens.repository import create_token
from service.archive.journal import Archive
from spectra.values import DeviceInfo, Scan, Technique
from spectra.values import Role as ScanRole
from tests.service.api.postgres import new_database, postgres_server

API = "/api/v1"
DEVICE = {"model": "STS", "serial": "S1", "firmware": "1.0", "url": "obp+tcp://192.0.2.1", "emulated": True}


@dataclass
class Served:
    """A running server and the means to talk to it."""

    url: str
    settings: ServerSettings
    tokens: dict[Role, str]
    token_ids: dict[Role, str]
    clients: dict[Role | None, httpx.Client] = field(default_factory=dict)

    def client(self, role: Role | None = Role.BENCH) -> httpx.Client:
        if role not in self.clients:
            headers = {"Authorization": f"Bearer {self.tokens[role]}"} if role else {}
            self.clients[role] = httpx.Client(base_url=self.url, headers=headers, timeout=20)
        return self.clients[role]

    def api(self, method: str, path: str, role: Role | None = Role.BENCH, **options: Any) -> httpx.Response:
        return self.client(role).request(method, API + path, **options)


@contextmanager
def serving(folder: Path, **options: Any) -> Iterator[Served]:
    settings = ServerSettings(folder / "server" / "opioscan.sqlite3", folder / "server" / "scans", **options)
    tokens, ids = {}, {}
    with Database(settings.place) as database, database.write("test") as change:
        for role in Role:
            tokens[role], row = create_token(change, role, name=f"the {role}")
            ids[role] = row.token_id
    stop, up, said = threading.Event(), threading.Event(), []

    def ready(url: str) -> None:
        said.append(url)
        up.set()

    thread = threading.Thread(target=run_server, args=(settings, 0, ready), kwargs={"stop": stop})
    thread.start()
    served = None
    try:
        assert up.wait(20)
        served = Served(said[0], settings, tokens, ids)
        yield served
    finally:
        for client in served.clients.values() if served else ():
            client.close()
        stop.set()
        thread.join(20)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("server")) as served:
        yield served


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """One PostgreSQL server for all tests of this process; skipped where there is none."""
    with postgres_server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """An empty place for a database, of either kind."""
    if request.param == "sqlite":
        return tmp_path / "db.sqlite3"
    return new_database(request.getfixturevalue("postgres_url"))


@pytest.fixture
def serve_at() -> Callable[..., Any]:
    return serving


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "db.sqlite3") as opened:
        yield opened


def make_scan(
    screening_id: str = "",
    *,
    seed: int = 0,
    role: ScanRole = ScanRole.SAMPLE,
    taken_at: str = "2026-11-21T12:00:00Z",
    **more: Any,
) -> Scan:
    counts = np.random.default_rng(seed).poisson(500, (2, 64))
    return Scan(
        technique=Technique.RAMAN,
        counts=counts,
        device=DeviceInfo("STS", "S1", emulated=True),
        exposure_s=0.1,
        taken_at=taken_at,
        axis=np.linspace(790, 940, 64),
        laser_nm=785.0,
        role=role,
        screening_id=screening_id,
        **more,
    )


@pytest.fixture
def scan_file(tmp_path: Path) -> Callable[..., tuple[str, bytes]]:
    """Return a function that makes a scan and returns its content address and bytes."""

    def make(screening_id: str = "", **options: Any) -> tuple[str, bytes]:
        archive = Archive(tmp_path / "bench-archive")
        scan_id = archive.put(make_scan(screening_id, **options)).scan_id
        return scan_id, archive.read_bytes(scan_id)

    return make


def identification(scan_id: str, verdict: str = "no_alarm", **changes: Any) -> dict[str, Any]:
    """Return an object of the contract, as DESIGN shows it."""
    alarm = verdict == "alarm_named"
    component = {
        "substance": "Metamizole" if alarm else "Ibuprofen",
        "reference_id": "starter-12",
        "role": "content",
        "controlled": False,
        "class": "cutting_agent",
        "evidence": "derived",
        "spectral_share": 0.22,
        "statistic": 13146.0,
        "p_value": 0.0026,
        "hqi": 0.94,
        "shift_cm1": 0.8,
        "bands_cm1": [745, 834, 1609],
        "alternatives": [],
        "watch_list": alarm,
    }
    return {
        "schema": "opioscan.identification/1",
        "source": scan_id,
        "scan_id": scan_id,
        "technique": "raman",
        "laser_nm": 785.0,
        "training": True,
        "verdict": verdict,
        "reasons": ["weak_signal"] if verdict == "inconclusive" else [],
        "components": [component],
        "ranking": [{"substance": "Ibuprofen", "reference_id": "starter-12", "hqi": 0.93}],
        "classes": [{"class": "fentanyl_analogue", "detected": False, "p_value": None, "basis": "untrained"}],
        "not_excluded": [{"substance": "fentanyl", "detectable_share": 0.08}],
        "quality": {
            "snr": 212.0,
            "saturated": False,
            "fluorescence_ratio": 3.1,
            "coverage_cm1": [400.0, 1800.0],
            "explained": 0.97,
        },
        "provenance": {
            "method": {"name": "training", "version": 1, "digest": "a" * 64},
            "library": {"name": "starter", "digest": "b" * 64},
            "recipe": {"name": "raman-default", "digest": "c" * 64},
            "calibration": {"id": "", "verified_at": ""},
            "false_alarm_rate": 0.01,
            "null_count": 3000,
            "software": "opioscan 0.1.0",
            "build": "",
        },
        "created_at": "2026-11-21T12:00:00Z",
        **changes,
    }


@pytest.fixture
def new_identification() -> Callable[..., dict[str, Any]]:
    return identification


@dataclass
class Bench:
    """What a bench does, as requests."""

    served: Served
    scan_file: Callable[..., tuple[str, bytes]]
    seeds: Iterator[int]

    def open(self, item: str = "RB473124829US", kind: str = "s10") -> str:
        screening_id = str(uuid.uuid4())
        body = {"item_id": item, "item_id_type": kind, "bench": "bench-1"}
        answer = self.served.api("PUT", f"/screenings/{screening_id}", json=body)
        assert answer.status_code == 201, answer.text
        return screening_id

    def put_scan(self, screening_id: str, **options: Any) -> str:
        scan_id, data = self.scan_file(screening_id, seed=next(self.seeds), **options)
        answer = self.served.api("PUT", f"/scans/{scan_id}", content=data)
        assert answer.status_code == 201, answer.text
        return scan_id

    def result_body(
        self, screening_id: str, scan_id: str, verdict: str = "no_alarm", **changes: Any
    ) -> dict[str, Any]:
        found = identification(scan_id, verdict, **changes)
        body = {"screening_id": screening_id, "scan_id": scan_id, "identification": found, "device": DEVICE}
        return json.loads(json.dumps({**body, "operator": "A. Jansen"}))

    def result(self, screening_id: str, verdict: str = "no_alarm", *, spot: int = 1, **changes: Any) -> str:
        scan_id = self.put_scan(screening_id, spot=spot)
        result_id = str(uuid.uuid4())
        body = self.result_body(screening_id, scan_id, verdict, **changes)
        answer = self.served.api("PUT", f"/results/{result_id}", json=body)
        assert answer.status_code == 201, answer.text
        return result_id

    def complete(self, screening_id: str) -> dict[str, Any]:
        answer = self.served.api("POST", f"/screenings/{screening_id}/complete", json={})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def screening(self, screening_id: str) -> dict[str, Any]:
        return self.served.api("GET", f"/screenings/{screening_id}").json()

    def parcel(self, parcel_id: str) -> dict[str, Any]:
        return self.served.api("GET", f"/parcels/{parcel_id}").json()


@pytest.fixture
def bench(server: Served, scan_file: Callable[..., tuple[str, bytes]]) -> Bench:
    return Bench(server, scan_file, iter(range(int.from_bytes(uuid.uuid4().bytes[:4], "big"), 2**40)))


@contextmanager
def _saying(body: bytes, kind: str = "application/json", status: int = 200) -> Iterator[str]:
    """Run a server that answers everything alike, and yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def saying() -> Callable[..., Any]:
    """Return a maker of servers that answer everything alike."""
    return _saying


def fresh_item() -> str:
    """Return a valid S10 identifier that no other test uses."""
    from service.api.s10 import check_digit

    serial = f"{uuid.uuid4().int % 10**8:08d}"
    return f"RB{serial}{check_digit(serial)}US"


@pytest.fixture
def item() -> str:
    return fresh_item()
