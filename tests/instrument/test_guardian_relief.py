"""Whoever is killed, also several at once: a guardian comes back, and the emulated laser's own log says dark."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from instrument.errors import ConnectionLost
from instrument.guardian import GuardedLaser, GuardianWatch, LaserState, State, stop_guardian
from instrument.guardian.link import Link

ROOT = Path(__file__).resolve().parents[2]

CLIENT = """
import sys, time
from pathlib import Path
from instrument.guardian import GuardedLaser, start_guardian
laser = GuardedLaser(start_guardian(Path(sys.argv[1]), sys.argv[2], power_mw=100.0))
laser.on()
print("on", flush=True)
time.sleep(60)
"""


def wait_until(true: Callable[[], object], within_s: float = 5.0) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def gone(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return False
    return True


def killed(*pids: int) -> float:
    """Kill processes; return when, on the monotonic clock."""
    now = time.monotonic()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return now


def test_a_guardian_killed_again_and_again_comes_back(rig: Any, laser: GuardedLaser) -> None:
    handle = rig.start()
    for _ in range(4):
        laser.on()
        pid = rig.guardian_pid()
        at = killed(pid)
        assert rig.wait_dark(3.0) - at < 3.0
        wait_until(lambda: laser.state.state is State.OFF)
        assert rig.start().relief == handle.relief
        assert rig.guardian_pid() != pid
    assert not laser.status().emitting


def test_an_idle_client_has_its_guardian_back(rig: Any, laser: GuardedLaser) -> None:
    seen: list[LaserState] = []
    laser.when_changed(seen.append)
    killed(rig.guardian_pid())
    wait_until(lambda: seen[-1].state is State.OFF and len(seen) > 1)
    assert State.LASER_MAY_BE_ON not in {each.state for each in seen}


def test_guardian_and_client_killed_together_leave_dark(rig: Any) -> None:
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(rig.socket_path), rig.url],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert client.stdout.readline() == b"on\n"
    at = killed(rig.guardian_pid(), client.pid)
    client.wait()
    client.stdout.close()
    assert rig.wait_dark(3.0) - at < 3.0
    wait_until(lambda: not rig.socket_path.with_name("laser.sock.armed").exists())


def test_guardian_and_relief_killed_together_are_started_by_the_client(rig: Any, laser: GuardedLaser) -> None:
    handle = rig.start()
    laser.on()
    at = killed(handle.relief, handle.pid)
    assert rig.wait_dark(6.0) - at < 6.0
    wait_until(lambda: laser.state.state is State.OFF)
    assert rig.start().relief != handle.relief


def test_no_light_without_a_relief(rig: Any, laser: GuardedLaser) -> None:
    handle = rig.start()
    laser.on()
    at = killed(handle.relief)
    assert rig.wait_dark(2.0) - at < 2.0
    wait_until(lambda: gone(handle.pid))
    wait_until(lambda: laser.state.state is State.OFF)
    laser.on()
    laser.off()
    assert rig.start().relief != handle.relief


def test_an_onlooker_hears_of_everything_and_brings_a_guardian_back(rig: Any) -> None:
    heard: list[LaserState] = []
    watch = GuardianWatch(rig.socket_path, heard.append, revive=rig.start)
    laser = GuardedLaser(rig.start())
    laser.on()
    wait_until(lambda: heard and heard[-1].state is State.ON)
    handle = rig.start()
    laser._session._closed = True  # a client that does nothing any more
    killed(handle.relief, handle.pid)
    wait_until(lambda: heard[-1].state is State.OFF, 8.0)
    assert not rig.lit()
    count = len(heard)
    watch.refresh()
    wait_until(lambda: len(heard) > count)
    laser.close()
    assert stop_guardian(rig.socket_path)
    watch.close()
    watch.close()


def test_an_onlooker_shouts_where_no_guardian_can_be_had(short_dir: Path) -> None:
    heard: list[LaserState] = []

    def revive() -> None:
        raise ConnectionLost("no guardian")

    (short_dir / "x.sock.armed").write_text("SN-1")
    watch = GuardianWatch(short_dir / "x.sock", heard.append, revive=revive)
    wait_until(lambda: heard)
    assert heard[0].state is State.LASER_MAY_BE_ON
    watch.close()


@pytest.mark.parametrize("seed", range(2))
def test_random_kills_leave_dark(rig: Any, seed: int) -> None:
    """Some of whom it takes, killed at some moment, in some order."""
    drawn = random.Random(seed)
    laser = GuardedLaser(rig.start())
    laser.on()
    handle = rig.start()
    time.sleep(drawn.uniform(0.0, 0.2))
    victims = drawn.choice([[handle.pid], [handle.relief], [handle.relief, handle.pid]])
    drawn.shuffle(victims)
    at = killed(*victims)
    laser.close()
    if len(victims) == 2:
        # Nobody is left to do it; the next program that wants the laser has it forced off first.
        rig.start()
    assert rig.wait_dark(3.0) - at < 6.0
    Link(rig.socket_path).close() if rig.socket_path.exists() else None


RELIEF = """
import os, signal, sys, time
from pathlib import Path
from instrument.guardian import relief
relief.SILENT_S, relief._PAUSE_S = 0.4, 0.05
notes, how = Path(sys.argv[1]), sys.argv[2]
armed = notes.with_name("armed")
def serve(mine):
    with notes.open("a") as file:
        file.write(f"{os.getpid()} {mine.pid} {mine.lives}\\n")
    first = len(notes.read_text().splitlines()) == 1
    if how == "ends":
        return 0
    if how == "forfeits":
        return relief.EXIT_FORFEITED
    if how == "fails armed" and not first:
        armed.unlink()
    if how.startswith("fails"):
        return relief.EXIT_FAILED if first or how == "fails dark" else 0
    if how == "hangs" and first:
        time.sleep(30)
    if how == "dies" and not mine.beat() and len(notes.read_text().splitlines()) < 20:
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "asked":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        os.kill(mine.pid, signal.SIGTERM)
        while True:
            mine.beat()
            time.sleep(0.02)
    return 0
if how == "fails armed":
    armed.touch()
sys.exit(relief.run_relieved(serve, armed=armed.exists, owns=lambda: True))
"""


@pytest.mark.parametrize(
    ("how", "status", "guardians"),
    [
        ("ends", 0, 1),
        ("forfeits", 4, 1),
        ("fails dark", 3, 1),
        ("fails armed", 0, 2),
        ("hangs", 0, 2),
        ("dies", 9, 6),
        ("asked", 0, 1),
    ],
)
def test_what_a_relief_makes_of_an_end(tmp_path: Path, how: str, status: int, guardians: int) -> None:
    notes = tmp_path / "notes"
    ran = subprocess.run(
        [sys.executable, "-c", RELIEF, str(notes), how],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        timeout=20,
    )
    lines = [line.split() for line in notes.read_text().splitlines()]
    assert ran.returncode == status
    assert len(lines) == guardians
    assert len({relief for _, relief, _ in lines}) == 1
    assert len({pid for pid, _, _ in lines}) == guardians
    assert all(lives == "True" for _, _, lives in lines)
