"""Find the guardian of a laser, or start one."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ConnectionLost, DeviceTimeout, DeviceURLError, PortBusy
from .launch import GuardianHandle, command, launch, wanted
from .link import Link
from .socket_file import beside, check_socket_path
from .states import State
from .wire import Message, error_from

_LOOK_S = 0.05
_REQUEST_S = 5.0
#: A guardian just started, by us or somebody else, is given so long to listen before another is started, s.
_BEGIN_S = 2.0
#: A relief is given so long to bring a dead guardian back, s.
_GRACE_S = 0.3
#: A program that is just ending may hold the port so long, s.
_BUSY_S = 1.5


def start_guardian(
    socket_path: Path,
    laser_url: str,
    *,
    power_mw: float,
    max_on_s: float = 60.0,
    warning_s: float = 0.0,
    require_confirmation: bool = False,
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
        Device URL of the laser, or of the spectrometer that contains it.
    power_mw
        Power to set on connecting, and the most a client may ask for, mW.
    max_on_s
        Longest uninterrupted emission, s.
    warning_s
        Warning before the first light of a scan, s.
    require_confirmation
        Fire nothing before the safety questions of the scan were answered (`GuardedLaser.confirm`).
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
    settings = wanted(laser_url, power_mw, max_on_s, warning_s, require_confirmation)
    log = log or beside(socket_path, ".log")
    hello, started = _found(socket_path, settings, idle_s, log, timeout_s)
    if "error" in hello:
        # It may have been plugged in, or have obeyed, since: this raises what still stands in the way.
        with _linked(socket_path) as link:
            hello |= link.request("off", timeout_s=_REQUEST_S)
    return GuardianHandle(
        socket_path=socket_path,
        laser_url=laser_url,
        power_mw=power_mw,
        max_on_s=max_on_s,
        warning_s=warning_s,
        require_confirmation=require_confirmation,
        idle_s=idle_s,
        log=log,
        pid=int(hello["pid"]),
        relief=int(hello["relief"]),
        started=started,
        reason=str(hello["reason"]),
    )


def start_again(handle: GuardianHandle, *, timeout_s: float) -> None:
    """See to it that a guardian runs again, whatever it knows of its laser; raises as `start_guardian`."""
    _found(handle.socket_path, handle.wanted(), handle.idle_s, handle.log, timeout_s, grace_s=_GRACE_S)


def stop_guardian(socket_path: Path, *, timeout_s: float = 10.0) -> bool:
    """Ask a guardian nobody uses to end; return whether it has.

    It ends only with the laser verified off.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            with _linked(socket_path) as link:
                link.request("quit", timeout_s=min(_REQUEST_S, max(timeout_s, _LOOK_S)))
        except ConnectionLost:
            return True
        time.sleep(_LOOK_S)
    return False


def _found(
    socket_path: Path, settings: Message, idle_s: float, log: Path, timeout_s: float, *, grace_s: float = 0.0
) -> tuple[Message, bool]:
    """Return what a guardian with these settings says of itself, and whether it was started here."""
    check_socket_path(socket_path)
    _make_folder(socket_path.parent)
    now = time.monotonic()
    deadline, busy_until, spawn_at = now + timeout_s, now + _BUSY_S, now + grace_s
    started = False
    while (now := time.monotonic()) < deadline:
        try:
            hello = _hello(socket_path, settings)
        except PortBusy:
            if now > busy_until:
                raise
            hello = None
        if hello is not None:
            return hello, started
        if now >= spawn_at and not _listening(socket_path):
            words = command(socket_path, settings, idle_s, log)
            started = launch(words, socket_path.parent, log) or started
            spawn_at = time.monotonic() + _BEGIN_S
        time.sleep(_LOOK_S)
    raise DeviceTimeout(f"the guardian did not answer within {timeout_s:g} s; see {log}")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DeviceURLError(f"{folder}: no folder for the guardian's socket ({error.strerror})") from error


def _hello(socket_path: Path, settings: Message) -> Message | None:
    """Return what the guardian says of itself; None while there is none, none yet, or an unwanted one."""
    try:
        with _linked(socket_path) as link:
            hello = link.request("hello", timeout_s=_REQUEST_S)
            if any(hello.get(name) != value for name, value in settings.items()):
                if hello["state"] == State.LASER_MAY_BE_ON:
                    # It will not end before its laser is off; that is what has to be said.
                    raise error_from(hello)
                link.request("quit", timeout_s=_REQUEST_S)
                return None
            ready = hello["state"] == State.LASER_MAY_BE_ON or not hello.get("ending")
            return hello if ready and hello["state"] != State.STARTING else None
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
