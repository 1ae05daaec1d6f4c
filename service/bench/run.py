"""The bench agent as a process: one per home, on loopback, gone within two seconds when asked.

On the way out whatever runs is stopped and every laser is read back as off. Exit status 6
says that one could not be; its guardian keeps trying, and shouts until somebody turns the key.
"""

import contextlib
import ipaddress
import json
import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from ..errors import ServiceError, SettingsError
from ..problems import DONE, LASER_MAY_BE_ON
from ..settings import Settings
from . import lights
from .agent import Bench
from .app import create_bench_app
from .lock import LOCK_NAME, try_lock
from .notes import write_private

_log = logging.getLogger(__name__)

#: The promise is two seconds; the interpreter needs the rest.
EXIT_WITHIN_S = 1.7

Ready = Callable[[dict[str, Any]], None]


class AgentRuns(ServiceError, RuntimeError):
    """Another bench agent runs for this home."""


def run_bench(settings: Settings, *, port: int | None = None, ready: Ready | None = None) -> int:
    """Run the agent until SIGINT or SIGTERM, and return its exit code.

    Parameters
    ----------
    settings
        Home, server and addresses.
    port
        Port on loopback, 0 for any free one. None: the settings' port, or any free one
        where another program has that.
    ready
        Called once with ``{"address": …, "pid": …}`` when requests are answered.

    Raises
    ------
    AgentRuns
        An agent runs for this home already.
    SettingsError
        The address is not one of loopback, or the port is taken.
    """
    settings.ensure_home()
    with _only_one(settings), _listen(settings, port) as listener:
        bound = int(listener.getsockname()[1])
        token = secrets.token_urlsafe(32)
        bench = Bench(settings)
        app = create_bench_app(bench, token=token, port=bound)
        card = {"address": f"http://{_host_text(settings.host)}:{bound}", "token": token, "pid": os.getpid()}

        def announce() -> None:
            write_private(settings.bench_file, json.dumps(card).encode())
            if ready is not None:
                ready({"address": card["address"], "pid": card["pid"]})

        try:
            _serve(app, bench, listener, announce)
        finally:
            _forget(settings.bench_file)
            left_on = bench.close()
        return LASER_MAY_BE_ON if left_on else DONE


class _Server(uvicorn.Server):
    """uvicorn with our signals: stop firing first, then stop serving."""

    def __init__(self, config: uvicorn.Config, bench: Bench, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._bench = bench
        self._announce = announce

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGINT, SIGTERM and SIGHUP for the time of serving."""
        signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._leave) for number in signals}
        try:
            yield
        finally:
            # A second Ctrl-C must not cut short the verification that the laser is off.
            for number in before:
                signal.signal(number, signal.SIG_IGN)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then say where."""
        await super().startup(sockets=sockets)
        self._announce()

    def _leave(self, number: int, _frame: FrameType | None) -> None:
        if self.should_exit:
            return
        self.should_exit = True
        _log.info("leaving on signal %d", number)
        threading.Thread(target=self._bench.end, name="leaving", daemon=True).start()
        _last_resort(self._bench)


def _last_resort(bench: Bench) -> None:
    """End the process in time even if a device holds it up; guardians turn lasers off by themselves."""

    def end() -> None:
        os._exit(LASER_MAY_BE_ON if lights.unverified(bench.devices.known()) else DONE)

    timer = threading.Timer(EXIT_WITHIN_S, end)
    timer.daemon = True
    timer.start()


def _serve(app: Any, bench: Bench, listener: socket.socket, announce: Callable[[], None]) -> None:
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=30,
        h11_max_incomplete_event_size=64 * 1024,
    )
    bench.start()
    _Server(config, bench, announce).run(sockets=[listener])


@contextlib.contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    with try_lock(settings.home / LOCK_NAME) as alone:
        if not alone:
            raise AgentRuns(f"a bench agent runs for this home already{_where(settings.bench_file)}")
        yield


def _where(card: Path) -> str:
    try:
        return f" at {json.loads(card.read_bytes())['address']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


@contextlib.contextmanager
def _listen(settings: Settings, port: int | None) -> Iterator[socket.socket]:
    try:
        loopback = settings.host == "localhost" or ipaddress.ip_address(settings.host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise SettingsError(
            f"the bench agent listens on loopback only, not on {settings.host}; change 'host'"
        )
    wanted = settings.bench_port if port is None else port
    try:
        listener = _bound(settings.host, wanted)
    except OSError as error:
        if port is not None:
            raise SettingsError(
                f"port {port} cannot be used: {error.strerror}; choose another with --port"
            ) from error
        listener = _bound(settings.host, 0)
    with listener:
        yield listener


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def _host_text(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _forget(card: Path) -> None:
    try:
        if json.loads(card.read_bytes())["pid"] == os.getpid():
            card.unlink()
    except (OSError, ValueError, KeyError, TypeError):
        return
