"""The guardian keeps its promise: whoever dies, the emulated laser's own log says dark within two seconds."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from instrument.errors import (
    ConnectionLost,
    DeviceRefused,
    DeviceURLError,
    InstrumentError,
    InterlockOpen,
    LaserMayBeOn,
    PortBusy,
    PortNotFound,
    ProtocolError,
    SettingOutOfRange,
)
from instrument.guardian import GuardedLaser, start_guardian, stop_guardian
from instrument.guardian.link import Link
from instrument.interfaces import Laser
from instrument.transport.transcript import read_transcript

ROOT = Path(__file__).resolve().parents[2]
#: The promise: dark within so many seconds of a client's death.
PROMISE_S = 2.0

CLIENT = """
import os, sys, time
from pathlib import Path
from instrument.guardian import GuardedLaser, start_guardian
laser = GuardedLaser(start_guardian(Path(sys.argv[1]), sys.argv[2], power_mw=100.0))
laser.on()
if sys.argv[3] == "fork" and os.fork() == 0:
    time.sleep(4)
    os._exit(0)
print("on", flush=True)
if sys.argv[3] == "exit":
    sys.exit()
if sys.argv[3] == "busy":
    while True:
        laser.status()
time.sleep(60)
"""


@contextmanager
def client_process(rig: Any, how: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program of its own that has switched the laser on."""
    process = subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(rig.socket_path), rig.url, how],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert process.stdout.readline() == b"on\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def wait_gone(pid: int, within_s: float = 3.0) -> None:
    deadline = time.monotonic() + within_s
    while alive(pid):
        assert time.monotonic() < deadline, f"process {pid} still runs"
        time.sleep(0.01)


def wait_until(true: Callable[[], object], within_s: float = 5.0) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_guarded_laser_is_a_laser(rig: Any, laser: GuardedLaser) -> None:
    behind: Laser = laser
    behind.set_power(40.0)
    behind.on()
    assert behind.status().emitting
    assert rig.changes()[-1][1] == 40.0
    behind.on()
    behind.off()
    assert not rig.lit()
    status = behind.status()
    assert (status.emitting, status.fault, status.setpoint_mw) == (False, "", 40.0)
    assert (behind.wavelength_nm, behind.max_power_mw) == (785.0, 100.0)
    assert behind.info.emulated
    assert behind.info.serial == rig.program.about["serial"]
    written = b"".join(e.data for e in read_transcript(laser.fetch_transcript()) if e.direction == "w")
    assert b"l1\r" in written
    assert b"l1\r" not in laser.fetch_transcript()
    laser.close()
    laser.close()
    with pytest.raises(ConnectionLost, match="closed"):
        laser.status()
    with pytest.raises(LaserMayBeOn):
        laser.off()


def test_power_is_limited_to_the_bench(laser: GuardedLaser) -> None:
    for milliwatts in (100.1, 0.0, -1.0, float("nan")):
        with pytest.raises(SettingOutOfRange):
            laser.set_power(milliwatts)


def test_starting_again_finds_the_running_one(rig: Any) -> None:
    first = rig.start()
    assert first.started
    assert "forced the laser off" in first.reason
    second = rig.start()
    assert (second.pid, second.started) == (first.pid, False)
    assert os.getsid(first.pid) != os.getsid(0)
    third = rig.start(power_mw=50.0)
    assert third.pid != first.pid
    assert stop_guardian(rig.socket_path)
    assert stop_guardian(rig.socket_path)


def test_several_starters_get_one_guardian(rig: Any) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(rig.start().pid)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(found)) == 1


def test_one_client_at_a_time(rig: Any, laser: GuardedLaser) -> None:
    with pytest.raises(PortBusy, match="another program holds"):
        GuardedLaser(rig.start())
    with pytest.raises(PortBusy):
        rig.start(power_mw=50.0)
    with pytest.raises(PortBusy):
        stop_guardian(rig.socket_path)
    assert not laser.status().emitting


@pytest.mark.parametrize("how", ["sleep", "fork", "busy"])
def test_killed_client_leaves_dark(rig: Any, how: str) -> None:
    rig.url = rig.url.partition("?")[0]  # with the pauses between commands that the maker asks for
    with client_process(rig, how) as client:
        assert rig.lit()
        killed_at = time.monotonic()
        client.kill()
        dark_at = rig.wait_dark(PROMISE_S + 1)
    assert dark_at - killed_at < PROMISE_S
    GuardedLaser(rig.start()).close()


def test_silent_client_leaves_dark(rig: Any) -> None:
    with client_process(rig, "sleep") as client:
        stopped_at = time.monotonic()
        client.send_signal(signal.SIGSTOP)
        dark_at = rig.wait_dark(PROMISE_S + 1)
        assert dark_at - stopped_at < PROMISE_S
        wait_until(lambda: "silent" in rig.start().reason)


def test_client_that_forgets_leaves_dark(rig: Any) -> None:
    with client_process(rig, "exit") as client:
        client.wait(5)
        rig.wait_dark(PROMISE_S)


def test_heartbeat_keeps_the_light(rig: Any, laser: GuardedLaser) -> None:
    laser.on()
    time.sleep(1.3)
    assert laser.status().emitting
    laser.off()
    assert len([mw for _, mw in rig.changes() if mw > 0]) == 1


def test_dead_guardian_is_replaced_and_forces_off(rig: Any, laser: GuardedLaser) -> None:
    pid = rig.guardian_pid()
    laser.on()
    os.kill(pid, signal.SIGKILL)
    rig.wait_dark(5.0)
    wait_until(lambda: rig.socket_path.exists())
    status = laser.status()
    assert not status.emitting
    assert (
        "forced the laser off; its predecessor may have left it on" in status.fault or "asked" in status.fault
    )
    log = rig.socket_path.with_name("laser.sock.log").read_text()
    assert "its predecessor may have left it on" in log
    assert rig.guardian_pid() != pid
    laser.on()
    laser.off()


def test_request_under_way_fails_when_the_guardian_dies(rig: Any, laser: GuardedLaser) -> None:
    pid = rig.guardian_pid()
    rig.program.control(faults="drop:1.0")
    threading.Timer(0.2, os.kill, (pid, signal.SIGKILL)).start()
    with pytest.raises(ConnectionLost):
        laser.status()
    rig.program.control(faults="")
    laser.off()
    assert not rig.lit()


def test_guardian_started_after_everybody_died_forces_off(rig: Any) -> None:
    with client_process(rig, "sleep") as client:
        first = rig.start()
        client.send_signal(signal.SIGSTOP)
        for pid in (first.relief, first.pid, client.pid):
            os.kill(pid, signal.SIGKILL)
        client.wait()
    wait_gone(first.pid)
    assert rig.lit()
    handle = rig.start()
    assert not rig.lit()
    assert handle.started
    assert "may have left it on" in handle.reason
    assert not rig.socket_path.with_name("laser.sock.armed").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_turns_off_first(rig: Any, number: signal.Signals) -> None:
    with client_process(rig, "sleep") as client:
        pid = rig.guardian_pid()
        client.send_signal(signal.SIGSTOP)
        os.kill(pid, number)
        rig.wait_dark(PROMISE_S)
        wait_gone(pid)
    assert f"got {number.name}" in rig.socket_path.with_name("laser.sock.log").read_text()
    assert not rig.socket_path.exists()


def test_longest_emission(rig: Any) -> None:
    laser = GuardedLaser(rig.start(max_on_s=1.0))
    laser.on()
    laser.on()
    dark_at = rig.wait_dark(3.0)
    lit_at = next(at for at, mw in rig.changes() if mw > 0)
    assert 0.3 < dark_at - lit_at < 1.5
    assert "longest allowed" in laser.status().fault
    laser.off()
    laser.on()
    assert rig.lit()
    laser.close()
    rig.wait_dark(PROMISE_S)


def test_open_interlock_refuses(rig: Any, laser: GuardedLaser) -> None:
    rig.program.control(interlock="open")
    with pytest.raises(InterlockOpen, match="interlock"):
        laser.on()
    status = laser.status()
    assert not status.interlock_closed
    assert not rig.lit()


def test_interlock_opened_in_emission_latches(rig: Any, laser: GuardedLaser) -> None:
    laser.on()
    rig.program.control(interlock="open")
    assert not laser.status().emitting
    rig.program.control(interlock="closed", fault=0)
    status = laser.status()
    assert not status.emitting
    assert status.interlock_closed
    assert "interlock" in status.fault or "asked" not in status.fault


def test_laser_switched_on_behind_our_back(rig: Any, laser: GuardedLaser) -> None:
    laser.on()
    rig.program.control(key="off")
    wait_until(lambda: "off by itself" in rig.socket_path.with_name("laser.sock.log").read_text())
    rig.program.control(key="on")
    assert not laser.status().emitting


def test_laser_that_cannot_be_verified_off_is_shouted(rig: Any, laser: GuardedLaser) -> None:
    laser.on()
    rig.program.control(stuck=True)
    with pytest.raises(LaserMayBeOn):
        laser.off()
    for request in (laser.on, laser.status, lambda: laser.set_power(10.0), rig.start):
        with pytest.raises(LaserMayBeOn):
            request()
    rig.program.control(stuck=False)
    rig.wait_dark(4.0)
    wait_until(lambda: not rig.socket_path.with_name("laser.sock.armed").exists())
    laser.off()
    assert not laser.status().emitting


def test_guardian_told_to_end_stays_until_dark(rig: Any) -> None:
    with client_process(rig, "sleep") as client:
        pid = rig.guardian_pid()
        rig.program.control(stuck=True)
        client.kill()
        os.kill(pid, signal.SIGTERM)
        time.sleep(0.3)
        assert alive(pid)
        rig.program.control(stuck=False)
        wait_gone(pid, 5.0)
    assert not rig.lit()


def test_vanished_port_is_shouted(rig: Any, laser: GuardedLaser) -> None:
    first = rig.start()
    laser.on()
    rig.vanish()
    with pytest.raises(LaserMayBeOn):
        laser.off()
    with pytest.raises(LaserMayBeOn):
        rig.start()
    laser.close()
    for pid in (first.relief, first.pid):
        os.kill(pid, signal.SIGKILL)
    wait_gone(first.pid)
    with pytest.raises(LaserMayBeOn):
        rig.start()
    rig.socket_path.with_name("laser.sock.armed").unlink()


def test_another_laser_at_the_port_proves_nothing(rig: Any) -> None:
    rig.socket_path.with_name("laser.sock.armed").write_text("SOME-OTHER-LASER")
    with pytest.raises(LaserMayBeOn, match="SOME-OTHER-LASER"):
        rig.start()
    rig.socket_path.with_name("laser.sock.armed").write_text("")
    rig.socket_path.with_name("laser.sock.lock").unlink()


def test_port_lost_in_the_dark_is_no_alarm(rig: Any, laser: GuardedLaser) -> None:
    rig.vanish()
    with pytest.raises(InstrumentError) as caught:
        laser.status()
    assert not isinstance(caught.value, LaserMayBeOn)
    laser.close()
    assert stop_guardian(rig.socket_path)


def test_no_such_laser(short_dir: Path) -> None:
    path = short_dir / "x.sock"
    with pytest.raises(PortNotFound):
        start_guardian(path, "cobolt+serial:///dev/no-such-port", power_mw=10.0)
    with pytest.raises(PortNotFound):
        start_guardian(path, "cobolt+serial:///dev/no-such-port", power_mw=10.0)
    with pytest.raises(DeviceURLError):
        start_guardian(path, "unheard-of:///dev/no-such-port", power_mw=10.0)
    assert stop_guardian(path)
    with pytest.raises(DeviceURLError, match="too long"):
        start_guardian(short_dir / ("x" * 120), "cobolt+serial:///dev/x", power_mw=10.0)
    with pytest.raises(InstrumentError, match="did not start"):
        start_guardian(path, "cobolt+serial:///dev/x", power_mw=-1.0)


def test_power_beyond_the_laser_is_cut_to_it(rig: Any) -> None:
    laser = GuardedLaser(rig.start(power_mw=900.0))
    assert laser.max_power_mw == 500.0
    laser.close()


BROKEN = """
import sys
from pathlib import Path
from instrument.guardian import __main__, operating, server
part, name = sys.argv[1].split(".")
owner = {"server": server.GuardianServer, "operating": operating.Operator}[part]
sound = getattr(owner, name)
def fails(*arguments):
    if Path(sys.argv[2]).exists():
        raise KeyError("a mistake in the program")
    return sound(*arguments)
setattr(owner, name, fails)
sys.exit(__main__.main(sys.argv[3:]))
"""


@pytest.mark.parametrize("where", ["server._check_silence", "operating.own_reason"])
def test_mistake_in_the_guardian_leaves_dark(rig: Any, short_dir: Path, where: str) -> None:
    flag = short_dir / "break"
    arguments = ["--socket", str(rig.socket_path), "--laser", rig.url, "--power-mw", "50"]
    process = subprocess.Popen(
        [sys.executable, "-c", BROKEN, where, str(flag), *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        wait_until(rig.socket_path.exists)
        link = Link(rig.socket_path)
        link.request("claim", timeout_s=5)
        link.request("on", timeout_s=5)
        assert rig.lit()
        flag.touch()
        if where.startswith("operating"):
            with suppress(InstrumentError):
                link.request("status", timeout_s=0.5)
        rig.wait_dark(PROMISE_S)
        link.close()
        flag.unlink()
        process.terminate()
        assert process.wait(5) == (3 if where.startswith("server") else 0)
    finally:
        process.kill()
        process.wait()


def test_idle_guardian_ends(rig: Any) -> None:
    pid = rig.start(idle_s=0.3).pid
    wait_gone(pid, 3.0)
    assert not rig.socket_path.exists()


def test_stale_files_are_replaced(rig: Any) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(rig.socket_path))
    rig.socket_path.with_name("laser.sock.lock").touch()
    assert rig.start().started


def test_guardian_without_its_lock_ends(rig: Any) -> None:
    with client_process(rig, "sleep"):
        pid = rig.guardian_pid()
        rig.socket_path.with_name("laser.sock.lock").unlink()
        rig.wait_dark(PROMISE_S)
        wait_gone(pid)


def test_hostile_lines(rig: Any, laser: GuardedLaser) -> None:
    laser.on()
    for line in (b"hello\n", b"[]\n", b"x" * 5000, b'{"op":' + b"[" * 3000 + b"\n"):
        with socket.socket(socket.AF_UNIX) as raw:
            raw.settimeout(3)
            raw.connect(str(rig.socket_path))
            raw.sendall(line)
            while raw.recv(4096):
                pass
    link = Link(rig.socket_path)
    for op in ("on", "transcript"):
        with pytest.raises(DeviceRefused, match="claim"):
            link.request(op, timeout_s=3)
    with pytest.raises(ProtocolError, match="no request"):
        link.request("sing", timeout_s=3)
    assert laser.status().emitting
    link.request("off", timeout_s=3)
    assert not rig.lit()
    link.close()
    with pytest.raises(ProtocolError, match="number"):
        laser._session.request("set_power", power_mw="much")


def test_crowd_is_refused(rig: Any, laser: GuardedLaser) -> None:
    crowd = [socket.socket(socket.AF_UNIX) for _ in range(20)]
    try:
        for sock in crowd:
            sock.connect(str(rig.socket_path))
        with pytest.raises(ConnectionLost):
            Link(rig.socket_path).request("hello", timeout_s=3)
        assert not laser.status().emitting
    finally:
        for sock in crowd:
            sock.close()
    wait_until(lambda: json.dumps(rig.start().pid))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_other_users_are_refused(rig: Any, laser: GuardedLaser, short_dir: Path) -> None:
    short_dir.chmod(0o755)
    rig.socket_path.chmod(0o777)
    code = (
        "import os, socket; os.setuid(65534); s = socket.socket(socket.AF_UNIX);"
        f"s.connect({str(rig.socket_path)!r}); s.settimeout(3); print(s.recv(9))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "b''", ran.stderr
    assert "of user 65534" in rig.socket_path.with_name("laser.sock.log").read_text()
    assert not laser.status().emitting
