"""Emulated devices as programs of their own, for the tests of guardian and acquisition."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from instrument.errors import InstrumentError
from instrument.guardian import GuardedLaser, GuardianHandle, start_guardian, stop_guardian
from instrument.guardian.link import Link

ROOT = Path(__file__).resolve().parents[2]


class Program:
    """A program whose first line of output is a JSON object."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        ready, _, _ = select.select([self.process.stdout], [], [], 30)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            self.stop()
            pytest.fail(f"{arguments} did not start")
        self.about: dict[str, Any] = json.loads(line)

    def control(self, **message: Any) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(5)
            sock.connect(self.about["control"])
            sock.sendall(json.dumps(message).encode() + b"\n")
            with sock.makefile("r") as answers:
                state: dict[str, Any] = json.loads(answers.readline())
        assert "error" not in state, state
        return state

    def stop(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="g") as folder:
        yield Path(folder)


@pytest.fixture
def emulate(short_dir: Path) -> Iterator[Callable[..., Program]]:
    """Start ``emulate KIND …`` with a control socket; ended after the test."""
    programs: list[Program] = []

    def start(kind: str, *options: str) -> Program:
        control = short_dir / f"{kind}{len(programs)}.ctl"
        program = Program(
            "-m", "instrument.emulators", kind, "--with-parent", "--control", str(control), *options
        )
        programs.append(program)
        return program

    yield start
    for program in programs:
        program.stop()


#: An emulated laser in order.
SOUND = {"stuck": False, "faults": "", "interlock": "closed", "key": "on", "fault": 0}


class LaserRig:
    """An emulated laser, its own log, and the guardian that owns it."""

    def __init__(self, program: Program, folder: Path) -> None:
        self.program = program
        self.log = Path(program.about["light"])
        self.socket_path = folder / "laser.sock"
        # A name of its own: the kernel gives a pseudo-terminal's number to whoever comes next.
        self.port = Path(program.about["address"])
        self.url = f"cobolt+serial://{self.port}?pause_ms=5"
        self._before = len(self._lines())
        program.control(**SOUND)

    def start(self, **options: Any) -> GuardianHandle:
        return start_guardian(self.socket_path, self.url, **{"power_mw": 100.0, **options})

    def changes(self) -> list[tuple[float, float]]:
        """The laser's own log of this test: monotonic s, mW."""
        return [(int(ns) * 1e-9, float(mw)) for ns, mw in map(str.split, self._lines()[self._before :])]

    def _lines(self) -> list[str]:
        return self.log.read_text().splitlines()

    def lit(self) -> bool:
        changes = self.changes()
        return bool(changes) and changes[-1][1] > 0

    def wait_dark(self, within_s: float) -> float:
        """Wait until the log says dark; return when that was, on the monotonic clock."""
        deadline = time.monotonic() + within_s
        while self.lit():
            assert time.monotonic() < deadline, f"still lit after {within_s} s"
            time.sleep(0.01)
        return self.changes()[-1][0]

    def vanish(self) -> None:
        """Pull the plug."""
        self.program.stop(signal.SIGKILL)
        self.port.unlink()

    def guardian_pid(self) -> int:
        return self.start().pid

    def close(self) -> None:
        with suppress(OSError):
            self.program.control(**SOUND)
        end_guardian(self.socket_path)


def end_guardian(socket_path: Path) -> None:
    """End a guardian; one whose laser a test has broken would try to read it back for ever."""
    try:
        if not socket_path.exists() or stop_guardian(socket_path, timeout_s=1.0):
            return
        link = Link(socket_path)
        hello = link.request("hello", timeout_s=5.0)
        link.close()
    except InstrumentError:
        return
    # The relief first: it would start another.
    for name in ("relief", "pid"):
        with suppress(ProcessLookupError):
            os.kill(hello[name], signal.SIGKILL)


class Shelf:
    """An emulated laser for a file of tests, replaced where a test has killed it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program: Program | None = None
        self._made = 0

    def laser(self) -> Program:
        if self._program is None or self._program.process.poll() is not None:
            self._made += 1
            names = (str(self._folder / f"{name}{self._made}") for name in ("light", "ctl", "tty"))
            options = zip(("--light", "--control", "--link"), names, strict=True)
            words = [word for option in options for word in option]
            self._program = Program("-m", "instrument.emulators", "cobolt", *words)
        return self._program

    def close(self) -> None:
        if self._program is not None:
            self._program.stop()


@pytest.fixture(scope="module")
def shelf() -> Iterator[Shelf]:
    with tempfile.TemporaryDirectory(prefix="s") as folder:
        shelf = Shelf(Path(folder))
        yield shelf
        shelf.close()


@pytest.fixture
def rig(shelf: Shelf, short_dir: Path) -> Iterator[LaserRig]:
    found = LaserRig(shelf.laser(), short_dir)
    yield found
    found.close()


@pytest.fixture
def laser(rig: LaserRig) -> Iterator[GuardedLaser]:
    opened = GuardedLaser(rig.start())
    yield opened
    opened.close()
