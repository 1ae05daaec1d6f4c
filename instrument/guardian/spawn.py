"""Find the guardian of a laser, or start one."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import instrument

from ..errors import ConnectionLost, DeviceTimeout, DeviceURLError, InstrumentError, PortBusy
from .link import Link
from .socket_file import beside, check_socket_path
from .wire import Message, error_from

#: Exit status of a guardian that found another one running.
_OTHER_RUNS = 75
_LOOK_S = 0.05
_REQUEST_S = 5.0
_SPAWN_S = 10.0
#: A program that is just ending may hold the port so long, s.
_BUSY_S = 1.5


@dataclass(frozen=True, slots=True)
class GuardianHandle:
    """A running guardian, and how to start it again."""

    socket_path: Path
    """Its Unix socket."""
    laser_url: str
    """The laser it owns."""
    power_mw: float
    """Power it set, and the most it allows, mW."""
    max_on_s: float
    """Longest uninterrupted emission, s."""
    idle_s: float
    """It ends after so long without a client, s."""
    pid: int
    """Its process."""
    started: bool
    """True when this call started it, and the laser was therefore forced off just now."""
    reason: str
    """Why the laser was last turned off, in its words."""


def start_guardian(
    socket_path: Path,
    laser_url: str,
    *,
    power_mw: float,
    max_on_s: float = 60.0,
    idle_s: float = 60.0,
    log: Path | None = None,
    timeout_s: float = 15.0,
) -> GuardianHandle:
    """Connect to the guardian at a socket, or start one, and wait until the laser is verified off or known.

    Safe to call again and by several programs at once. A guardian running with other settings is
    replaced if nobody uses it.

    Parameters
    ----------
    socket_path
        Unix socket in a folder of this user alone; lock, marker and log stand beside it.
    laser_url
        Device URL of the laser.
    power_mw
        Power to set on connecting, and the most a client may ask for, mW.
    max_on_s
        Longest uninterrupted emission, s.
    idle_s
        The guardian ends after so long without a client, once the laser is verified off.
    log
        Log file; by default beside the socket.
    timeout_s
        Longest wait.

    Raises
    ------
    LaserMayBeOn
        The guardian runs, and cannot read the laser back as off. It keeps trying.
    PortBusy
        A guardian with other settings is in use.
    DeviceTimeout
        It did not answer in time.
    InstrumentError
        The laser cannot be reached, as the driver says it; or the guardian did not start.
    """
    check_socket_path(socket_path)
    log = log or beside(socket_path, ".log")
    wanted = {"laser": laser_url, "power_mw": power_mw, "max_on_s": max_on_s}
    _make_folder(socket_path.parent)
    deadline = time.monotonic() + timeout_s
    busy_until = time.monotonic() + _BUSY_S
    started = False
    while time.monotonic() < deadline:
        try:
            hello = _hello(socket_path, wanted)
        except PortBusy:
            if time.monotonic() > busy_until:
                raise
            hello = None
        if hello is not None:
            return GuardianHandle(
                socket_path=socket_path,
                laser_url=laser_url,
                power_mw=power_mw,
                max_on_s=max_on_s,
                idle_s=idle_s,
                pid=int(hello["pid"]),
                started=started,
                reason=str(hello["reason"]),
            )
        if not started and not _listening(socket_path):
            started = _spawn(_command(socket_path, wanted, idle_s, log), socket_path.parent, log)
        time.sleep(_LOOK_S)
    raise DeviceTimeout(f"the guardian did not answer within {timeout_s:g} s; see {log}")


def stop_guardian(socket_path: Path, *, timeout_s: float = 10.0) -> bool:
    """Ask a guardian nobody uses to end; return whether it has.

    It ends only with the laser verified off.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            with _linked(socket_path) as link:
                link.request("quit", timeout_s=_REQUEST_S)
        except ConnectionLost:
            return True
        time.sleep(_LOOK_S)
    return False


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DeviceURLError(f"{folder}: no folder for the guardian's socket ({error.strerror})") from error


def _hello(socket_path: Path, wanted: Message) -> Message | None:
    """Return what the guardian says of itself; None while there is none, none yet, or an unwanted one."""
    try:
        with _linked(socket_path) as link:
            hello = link.request("hello", timeout_s=_REQUEST_S)
            if any(hello.get(name) != value for name, value in wanted.items()):
                link.request("quit", timeout_s=_REQUEST_S)
                return None
            if hello["state"] == "starting":
                return None
            if hello["state"] == "unreachable":
                hello |= link.request("status", timeout_s=_REQUEST_S)
            if "error" in hello:
                raise error_from(hello)
            return hello
    except ConnectionLost:
        return None


@contextmanager
def _linked(socket_path: Path) -> Iterator[Link]:
    link = Link(socket_path)
    try:
        yield link
    finally:
        link.close()


def _listening(socket_path: Path) -> bool:
    try:
        Link(socket_path).close()
    except ConnectionLost:
        return False
    return True


def _command(socket_path: Path, wanted: Message, idle_s: float, log: Path) -> list[str]:
    # -P keeps the current folder, which may hold anything, off the module path.
    return [
        *(sys.executable, "-P", "-m", "instrument.guardian"),
        *("--socket", str(socket_path), "--laser", str(wanted["laser"])),
        *("--power-mw", repr(wanted["power_mw"]), "--max-on-s", repr(wanted["max_on_s"])),
        *("--idle-s", repr(idle_s), "--log", str(log), "--detach"),
    ]


def _spawn(command: list[str], folder: Path, log: Path) -> bool:
    """Start a guardian in a session of its own: no terminal's signal and no parent's end reaches it.

    It locks, detaches and leaves at once; return whether it got the lock.
    """
    root = str(Path(instrument.__file__).resolve().parent.parent)
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
    try:
        status = subprocess.run(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
            timeout=_SPAWN_S,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        return False
    if status not in {0, _OTHER_RUNS}:
        raise InstrumentError(f"the guardian did not start (exit {status}); see {log}")
    return status == 0
