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

from instrument.guardian import GuardedLaser, start_guardian, stop_guardian
from instrument.guardian.spawn import GuardianHandle

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
        program = Program("-m", "instrument.emulators", kind, "--control", str(control), *options)
        programs.append(program)
        return program

    yield start
    for program in programs:
        program.stop()


class LaserRig:
    """An emulated laser, its own log, and the guardian that owns it."""

    def __init__(self, program: Program, log: Path, folder: Path) -> None:
        self.program = program
        self.log = log
        self.socket_path = folder / "laser.sock"
        # A name of our own: the kernel gives a pseudo-terminal's number to whoever comes next.
        self.port = folder / "tty"
        self.port.symlink_to(program.about["address"])
        self.url = f"cobolt+serial://{self.port}?pause_ms=5"

    def start(self, **options: Any) -> GuardianHandle:
        return start_guardian(self.socket_path, self.url, **{"power_mw": 100.0, **options})

    def changes(self) -> list[tuple[float, float]]:
        """The laser's own log: monotonic s, mW."""
        return [
            (int(ns) * 1e-9, float(mw)) for ns, mw in (x.split() for x in self.log.read_text().splitlines())
        ]

    def lit(self) -> bool:
        return self.changes()[-1][1] > 0

    def wait_dark(self, within_s: float) -> float:
        """Wait until the log says dark; return when that was, on the monotonic clock."""
        deadline = time.monotonic() + within_s
        while self.lit():
            assert time.monotonic() < deadline, f"still lit after {within_s} s"
            time.sleep(0.01)
        return self.changes()[-1][0]

    def vanish(self) -> None:
        """Pull the plug."""
        self.port.unlink()
        self.program.stop(signal.SIGKILL)

    def guardian_pid(self) -> int:
        return self.start().pid

    def close(self) -> None:
        with suppress(OSError):
            self.program.control(stuck=False, faults="")
        if self.socket_path.exists() and not stop_guardian(self.socket_path, timeout_s=1.0):
            os.kill(pid_of(self.socket_path), signal.SIGKILL)


def pid_of(socket_path: Path) -> int:
    """Ask the kernel who listens."""
    import struct

    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(socket_path))
        raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return struct.unpack("3i", raw)[0]


@pytest.fixture
def rig(emulate: Callable[..., Program], short_dir: Path) -> Iterator[LaserRig]:
    log = short_dir / "light"
    found = LaserRig(emulate("cobolt", "--light", str(log)), log, short_dir)
    yield found
    found.close()


@pytest.fixture
def laser(rig: LaserRig) -> Iterator[GuardedLaser]:
    opened = GuardedLaser(rig.start())
    yield opened
    opened.close()
