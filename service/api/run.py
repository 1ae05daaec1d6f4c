"""Running the server in this process until it is told to stop."""

import contextlib
import gc
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn

from ..errors import UsageError
from .app import create_app
from .guards.tls import TlsFiles
from .heads import BoundedHeads
from .requests import open_store
from .settings import ServerSettings

#: How long requests under way may take after the signal to stop, s.
GRACE_S = 10

#: Requests at a time; more are answered with 503.
_BACKLOG = 128

#: How long a peer may take none of what is sent to it, ms (chosen).
_STALLED_MS = 30_000

#: New objects between two collections; the interpreter's own value is 700.
_OBJECTS = 20_000

Ready = Callable[[str], None]


def run_server(
    settings: ServerSettings,
    port: int = 0,
    ready: Ready | None = None,
    *,
    host: str = "127.0.0.1",
    stop: threading.Event | None = None,
    tls: TlsFiles | None = None,
    trusted_proxies: str = "",
) -> None:
    """Serve until SIGINT, SIGTERM or ``stop``; requests under way are finished.

    Parameters
    ----------
    settings
        Where the server keeps its things.
    port
        TCP port; 0 takes a free one.
    ready
        Called with the address, for example ``http://127.0.0.1:8480``, when requests are answered.
    host
        Address to listen on.
    stop
        For callers in other threads; signals are heard in the main thread only.
    tls
        Certificate and key; None for plain HTTP.
    trusted_proxies
        Addresses, commas between, whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` count; empty for none.

    Raises
    ------
    UsageError
        The address cannot be listened on.
    ServerAlreadyRunning
        Another server process has the database.
    """
    with open_store(settings) as store, _listen(host, port) as listener:
        app = create_app(settings, store=store)
        config = uvicorn.Config(
            app,
            http=BoundedHeads,
            loop="uvloop",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(trusted_proxies),
            forwarded_allow_ips=trusted_proxies or None,
            ssl_certfile=None if tls is None else tls.certificate,
            ssl_keyfile=None if tls is None else str(tls.key),
            timeout_graceful_shutdown=GRACE_S,
            timeout_keep_alive=15,
        )
        address = _address(listener, "http" if tls is None else "https")
        _Server(config, address, ready, stop, app.state.streams.close).run(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(
        self,
        config: uvicorn.Config,
        address: str,
        ready: Ready | None,
        stop: threading.Event | None,
        ending: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._ending = ending
        self._address = address
        self._ready = ready
        self._stop = stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if threading.current_thread() is threading.main_thread():
            _collect_less()
        if self.started and self._ready is not None:
            self._ready(self._address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Streams never end by themselves, and requests under way are waited for.
        self._ending()
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        stopped = self._stop is not None and self._stop.is_set()
        return await super().on_tick(counter) or stopped

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Uvicorn raises a caught signal again after the shutdown; here a stop that was asked
        # for is a success, so the process ends with 0.
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        kept = {one: signal.signal(one, self._heard) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in kept.items():
                signal.signal(one, handler)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self.handle_exit(number, frame)


def _collect_less() -> None:
    """Let the collector of garbage pass over what is there now, and come less often."""
    # A collection that looks through everything stops every answer for a tenth of a second
    # (https://docs.python.org/3/library/gc.html#gc.freeze), and a request makes hundreds of objects.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS, *gc.get_threshold()[1:])


@contextlib.contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, place = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UsageError(f"{host} is no address of this machine: {error.strerror or error}") from error
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # tcp(7): connections inherit it; one whose peer takes nothing for so long is ended.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STALLED_MS)
        try:
            listener.bind(place)
            listener.listen(_BACKLOG)
        except OSError as error:
            raise UsageError(
                f"{host} port {port} cannot be listened on ({error.strerror}): choose another --port"
            ) from error
        yield listener


def _address(listener: socket.socket, scheme: str) -> str:
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
