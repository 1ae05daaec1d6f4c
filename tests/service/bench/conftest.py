"""A whole bench of emulated devices, real agents and a real server, each a process of its own."""

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from instrument.config import BenchConfig, save_device
from instrument.errors import InstrumentError
from instrument.guardian import stop_guardian
from instrument.guardian.link import Link
from instrument.raman_bench import guardian_socket
from library.methods import training_method
from library.starter import starter_entries
from service.archive.journal import Archive
from service.bench.client import BenchClient
from service.bench.outbox import Outbox
from service.errors import AgentUnreachable
from service.settings import Settings
from spectra.formats import encode_jcamp
from spectra.values import Technique

ROOT = Path(__file__).resolve().parents[3]


class Program:
    """A program whose first line of output is a JSON object."""

    def __init__(self, *arguments: str, home: Path | None = None) -> None:
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env if home is None else {**env, "OPIOSCAN_HOME": str(home)},
        )
        ready, _, _ = select.select([self.process.stdout], [], [], 60)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            self.stop()
            pytest.fail(f"{arguments} did not start")
        self.about: dict[str, Any] = json.loads(line)

    def stop(self, number: int = signal.SIGTERM, *, within_s: float = 15.0) -> int:
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.process.stdout.close()


class Rig:
    """A coupled pair of emulators: no Raman without laser."""

    def __init__(self, folder: Path, samples: Path) -> None:
        self.light = folder / "light"
        self.light.touch()
        self._samples = samples
        self._control = folder / "spec.ctl"
        coupled = ("--with-parent", "--light", str(self.light))
        self.laser = Program("instrument.emulators", "cobolt", *coupled)
        self.spectrometer = Program(
            *("instrument.emulators", "obp", "--model", "STS", "--speed", "20", *coupled),
            *("--control", str(self._control), "--sample", str(samples / "metamizole.jdx")),
        )
        self.config = BenchConfig(
            name="b1",
            spectrometer=f"obp+serial://{self.spectrometer.about['address']}?model=STS&baud=115200",
            # An emulated laser needs no pause between commands.
            laser=f"cobolt+serial://{self.laser.about['address']}?pause_ms=2",
            laser_nm=785.0,
            emulated=True,
            # Emulated light harms nobody, and a second for each scan would.
            warning_s=0.0,
        )

    def put(self, name: str) -> None:
        """Put a sample before the probe."""
        with closing(socket.socket(socket.AF_UNIX)) as sock:
            sock.settimeout(5)
            sock.connect(str(self._control))
            sock.sendall(json.dumps({"sample": str(self._samples / f"{name}.jdx")}).encode() + b"\n")
            with sock.makefile("r") as answers:
                assert "error" not in json.loads(answers.readline())

    def lit(self) -> list[tuple[int, float]]:
        """Return the laser's own log: when it changed, ns, and to how many mW."""
        lines = [line.split() for line in self.light.read_text().splitlines()]
        return [(int(line[0]), float(line[1])) for line in lines if len(line) == 2]

    @property
    def is_on(self) -> bool:
        log = self.lit()
        return bool(log) and log[-1][1] > 0

    def wait_on(self, seconds: float = 30.0) -> None:
        wait_until(lambda: self.is_on, seconds)

    def dark_within(self, seconds: float, *, since_ns: int) -> float:
        """Wait for the laser to go off, and return how long after a moment it did, s."""
        wait_until(lambda: not self.is_on, seconds + 1.0)
        log = self.lit()
        return max(log[-1][0] - since_ns, 0) / 1e9 if log else 0.0

    def stop(self) -> None:
        self.spectrometer.stop()
        self.laser.stop()


def end_guardian(path: Path) -> None:
    """Kill a guardian whose laser a test has broken: it would try to read it back for ever."""
    with suppress(InstrumentError), closing(Link(path)) as link:
        hello = link.request("hello", timeout_s=5.0)
        # Its relief first: that would bring it back.
        for pid in (hello["relief"], hello["pid"]):
            os.kill(pid, signal.SIGKILL)


def wait_until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of samples made from the shipped facts: Raman spectra by substance."""
    folder = tmp_path_factory.mktemp("samples")
    wanted = {"metamizole", "ibuprofen", "polystyrene", "polyethylene"}
    for entry in starter_entries():
        name = entry.substance.name.casefold()
        if entry.technique is Technique.RAMAN and name in wanted:
            (folder / f"{name}.jdx").write_bytes(encode_jcamp(entry.spectrum, name))
    return folder


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home in which the starter library was built, once."""
    folder = tmp_path_factory.mktemp("prepared")
    training_method(folder)
    return folder


@pytest.fixture(scope="session")
def rig(samples: Path) -> Iterator[Rig]:
    """Start the emulated devices for a file of tests."""
    with tempfile.TemporaryDirectory(prefix="r") as folder:
        rig = Rig(Path(folder), samples)
        yield rig
        rig.stop()


class Station:
    """A home with the emulated bench ``b1``, and its agents."""

    def __init__(self, home: Path, prepared: Path, rig: Rig, server: "Server | None" = None) -> None:
        home.mkdir(mode=0o700, exist_ok=True)
        shutil.copytree(prepared / "libraries", home / "libraries")
        # Any free port: several tests, and the agent of whoever runs them, may be there.
        (home / "config.toml").write_text("bench_port = 0\n")
        save_device(home / "devices.toml", rig.config)
        self.rig = rig
        given = (server.url, server.token) if server else ("", "")
        self.settings = Settings(home, server_url=given[0], server_token=given[1], bench_port=0)

    def connect(self) -> BenchClient:
        return BenchClient.connect(self.settings, within_s=60)

    @property
    def archive(self) -> Archive:
        return Archive(self.settings.archive_dir)

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.settings.outbox_path)

    def end(self) -> None:
        with suppress(AgentUnreachable), BenchClient.connect(self.settings, start=False) as client:
            client.stop_agent()
        guardian = guardian_socket(self.settings.runtime_dir, self.rig.config.laser)
        if not stop_guardian(guardian, timeout_s=2.0):
            end_guardian(guardian)
        shutil.rmtree(self.settings.runtime_dir, ignore_errors=True)


class Server:
    """A server process with the token of a bench."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.home = folder
        with closing(socket.socket()) as sock:
            sock.bind(("127.0.0.1", 0))
            self.port = sock.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = self._token("bench")
        self._officer = self._token("officer")
        self._program: Program | None = None

    def start(self) -> None:
        if self._program is not None:
            return
        self._program = Program(
            *("service.cli.start", "serve", "--port", str(self.port), "--json"), home=self.home
        )

    def stop(self) -> None:
        if self._program is not None:
            self._program.stop()
            self._program = None

    def get(self, path: str, **params: str) -> Any:
        headers = {"Authorization": f"Bearer {self._officer}"}
        answer = httpx.get(f"{self.url}/api/v1{path}", params=params, headers=headers, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _token(self, role: str) -> str:
        made = Program("service.cli.start", "token", "create", "--role", role, "--json", home=self.home)
        made.stop()
        return str(made.about["token"])


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server that may not run yet."""
    server = Server(tmp_path_factory.mktemp("server") / "home")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def manned(
    tmp_path_factory: pytest.TempPathFactory, prepared: Path, rig: Rig, server: Server
) -> Iterator[Station]:
    """Return a station with a server, whose agent serves all tests: starting one takes seconds.

    A test that needs an agent connects, which starts one where the test before ended it; a test that needs
    a server starts it.
    """
    station = Station(tmp_path_factory.mktemp("station"), prepared, rig, server)
    yield station
    station.end()


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory, prepared: Path, samples: Path) -> Iterator[Station]:
    """Return a station of a file's own: ``b1``, and ``v1``, the same devices with a vial holder."""
    with tempfile.TemporaryDirectory(prefix="r") as folder:
        rig = Rig(Path(folder), samples)
        station = Station(tmp_path_factory.mktemp("visited"), prepared, rig)
        save_device(station.settings.devices_path, replace(rig.config, name="v1", contact="vial"))
        yield station
        station.end()
        rig.stop()


@pytest.fixture
def make_rig(samples: Path) -> Iterator[Callable[[], Rig]]:
    """Return a maker of emulated devices that a test may break."""
    rigs: list[Rig] = []
    with tempfile.TemporaryDirectory(prefix="r") as folder:

        def make() -> Rig:
            rigs.append(Rig(Path(folder), samples))
            return rigs[-1]

        yield make
        for rig in rigs:
            rig.stop()


@pytest.fixture
def make_station(prepared: Path) -> Iterator[Callable[[Path, Rig], Station]]:
    """Return a maker of stations for devices of a test's own."""
    stations: list[Station] = []

    def make(home: Path, rig: Rig) -> Station:
        stations.append(Station(home, prepared, rig))
        return stations[-1]

    yield make
    for station in stations:
        station.end()


@pytest.fixture
def run_program() -> Iterator[Callable[..., Program]]:
    """Return a starter of programs that end with the test."""
    programs: list[Program] = []

    def run(*arguments: str) -> Program:
        programs.append(Program(*arguments))
        return programs[-1]

    yield run
    for program in programs:
        program.stop()


@pytest.fixture(name="wait_until")
def _wait_until() -> Callable[..., None]:
    return wait_until


@pytest.fixture
def client(manned: Station) -> Iterator[BenchClient]:
    """Return a client of the station's agent."""
    with manned.connect() as client:
        yield client


@pytest.fixture
def quick() -> dict[str, Any]:
    """Short for tests: the emulator runs twenty times as fast as its clock says."""
    return {"exposure_s": 1.0, "accumulations": 1}
