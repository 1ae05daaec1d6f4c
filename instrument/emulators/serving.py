"""Put a device on its port and keep it there, also after its plug or its power was pulled."""

import asyncio
import socket
import time
from contextlib import AsyncExitStack
from pathlib import Path

from .building import Emulator
from .fault_source import FaultSource
from .line_time import terminal_baud
from .pty_port import PtyPort
from .wire import PowerCut, Unplugged, Wire


async def serve_pty(
    emulator: Emulator,
    faults: FaultSource,
    stack: AsyncExitStack,
    stopped: asyncio.Event,
    *,
    link: Path | None = None,
) -> str:
    """Serve a pseudo-terminal until the stack is left; return its path, or the link to it.

    A device that is unplugged comes back on another pseudo-terminal under the same link; without a link
    nobody could find it, and ``stopped`` is set.
    """
    port = PtyPort(link)
    stack.callback(port.close)

    async def serve() -> None:
        try:
            while await _serve_plugged(emulator, faults, port):
                pass
        finally:
            stopped.set()

    path = port.plug()
    stack.push_async_callback(_finish, {asyncio.create_task(serve())})
    return path


async def _serve_plugged(emulator: Emulator, faults: FaultSource, port: PtyPort) -> bool:
    """Serve until the plug is pulled; return whether it is in again."""
    slave = port.plugged()
    if emulator.line is not None:
        emulator.line.host_baud = lambda: terminal_baud(slave)
    wire = Wire(*await port.connect(), line=emulator.line, faults=faults)
    try:
        while True:
            try:
                await emulator.serve(wire)
            except PowerCut as cut:
                _cut_power(emulator)
                if emulator.usb:
                    raise
                await _stay_silent(wire, cut.seconds)
            else:
                return False
    except Unplugged as pulled:
        if port.link is None:
            return False
        wire.cut()
        port.unplug()
        await asyncio.sleep(pulled.seconds)
        port.plug()
        return True
    finally:
        await wire.close()


async def _stay_silent(wire: Wire, seconds: float) -> None:
    """Let what is written to a device without power be lost."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        await wire.read_within(left)


def _cut_power(emulator: Emulator) -> None:
    if emulator.power_cut is not None:
        emulator.power_cut()


async def serve_tcp(
    emulator: Emulator, faults: FaultSource, stack: AsyncExitStack, stopped: asyncio.Event, port: int
) -> str:
    """Serve a TCP port of this machine until the stack is left; return ``host:port``."""
    listener = _Listener(emulator, faults, port)
    stack.push_async_callback(listener.close)
    await listener.open()

    async def watch() -> None:
        try:
            await listener.run()
        finally:
            stopped.set()

    stack.push_async_callback(_finish, {asyncio.create_task(watch())})
    return f"{listener.address[0]}:{listener.address[1]}"


class _Listener:
    """A listening socket that can refuse connections for a while without losing its port."""

    def __init__(self, emulator: Emulator, faults: FaultSource, port: int) -> None:
        self._emulator, self._faults = emulator, faults
        self._tasks: set[asyncio.Task[None]] = set()
        self._wires: set[Wire] = set()
        self._server: asyncio.Server | None = None
        self._cut: asyncio.Future[Unplugged] = asyncio.get_running_loop().create_future()
        # Bound and never listening, it keeps the port ours while nobody may connect.
        self._keeper = _bound(port)
        self.address: tuple[str, int] = self._keeper.getsockname()[:2]

    async def open(self) -> None:
        """Listen."""
        sock = _bound(self.address[1])
        try:
            self._server = await asyncio.start_server(self._serve, sock=sock)
        except BaseException:
            sock.close()
            raise

    async def run(self) -> None:
        """Serve for good, through cuts of line and power; an error of the emulation is raised here."""
        while True:
            cut = await self._cut
            self._cut = asyncio.get_running_loop().create_future()
            if isinstance(cut, PowerCut):
                _cut_power(self._emulator)
            await self._hang_up()
            await asyncio.sleep(cut.seconds)
            await self.open()

    async def close(self) -> None:
        """Stop serving."""
        self._keeper.close()
        await self._hang_up()

    async def _hang_up(self) -> None:
        if self._server is not None:
            self._server.close()
        for wire in self._wires:
            wire.cut()
        await _finish(self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        wire = Wire(reader, writer, line=self._emulator.line, faults=self._faults)
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._wires.add(wire)
        try:
            await self._emulator.serve(wire)
        except Unplugged as cut:
            if not self._cut.done():
                self._cut.set_result(cut)
            wire.cut()
        except asyncio.CancelledError:
            # The listener hung up; asyncio would print a traceback for a handler that ends so.
            wire.cut()
        except Exception as error:
            # Whoever waits for the listener hears of it, and the program ends.
            if not self._cut.done():
                self._cut.set_exception(error)
        finally:
            self._wires.discard(wire)
            await wire.close()


def _bound(port: int) -> socket.socket:
    """Return a socket bound to a port of this machine that may be bound again while nobody listens."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
    except BaseException:
        sock.close()
        raise
    return sock


async def _finish(tasks: set[asyncio.Task[None]]) -> None:
    """Cancel what still serves, wait for its end, and let a failure be seen."""
    waiting = list(tasks)
    for task in waiting:
        task.cancel()
    for result in await asyncio.gather(*waiting, return_exceptions=True):
        if isinstance(result, Exception):
            raise result
