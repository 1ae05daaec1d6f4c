"""An emulator as a program: put the device on its wire, say where it is, serve until told to stop."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from ..errors import InstrumentError
from .building import Emulator, build_emulator
from .control import open_control
from .faults import FaultSource, FaultSpecError, parse_faults
from .options import parse_options
from .wire import PtyPort, Unplugged, Wire


def main(argv: list[str] | None = None) -> int:
    """Run an emulator until SIGTERM or SIGINT; return the exit status.

    Parameters
    ----------
    argv : list of str, optional
        Kind of device and options, see ``--help``; by default the process's own.

    Returns
    -------
    int
        0 after a signal, 2 for options nobody can act on, 3 when the port or socket is not to be had.
    """
    options = parse_options(argv)
    try:
        emulator = build_emulator(options)
    except (InstrumentError, OSError) as error:
        sys.stderr.write(f"emulate: {error}\n")
        return 2
    try:
        asyncio.run(_run(emulator, options))
    except OSError as error:
        sys.stderr.write(f"emulate: cannot serve: {error.strerror or error}; choose another port or socket\n")
        return 3
    finally:
        emulator.close()
    return 0


async def _run(emulator: Emulator, options: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    faults = FaultSource(options.fault, seed=options.seed)
    async with AsyncExitStack() as stack:
        if options.control is not None:
            control = await open_control(options.control, _control(emulator, faults))
            stack.callback(options.control.unlink, missing_ok=True)
            stack.callback(control.close)
        if options.tcp is not None:
            address = await _open_tcp(emulator, options.tcp, faults, stack)
        else:
            address = await _open_pty(emulator, faults, stack, stopped)
        where = {"address": address, "control": str(options.control) if options.control else None}
        sys.stdout.write(json.dumps({**where, **emulator.about}) + "\n")
        sys.stdout.flush()
        await stopped.wait()


def _control(emulator: Emulator, faults: FaultSource) -> Callable[[dict[str, Any]], dict[str, Any]]:
    known = emulator.control_keys | {"faults"}

    def apply(message: dict[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(message) - known)
        if unknown:
            raise ValueError(f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(known))}")
        if "faults" in message:
            if not isinstance(message["faults"], str):
                raise FaultSpecError("faults: a specification as text, empty for none")
            faults.faults = parse_faults(message["faults"])
        emulator.control(message)
        return emulator.state()

    return apply


async def _open_pty(
    emulator: Emulator, faults: FaultSource, stack: AsyncExitStack, stopped: asyncio.Event
) -> str:
    port = stack.enter_context(PtyPort())
    wire = Wire(*await port.connect(), line=emulator.line, faults=faults)

    async def serve() -> None:
        try:
            await emulator.serve(wire)
        except Unplugged:
            return
        finally:
            await wire.close()
            stopped.set()

    stack.push_async_callback(_finish, {asyncio.create_task(serve())})
    return port.path


async def _open_tcp(emulator: Emulator, port: int, faults: FaultSource, stack: AsyncExitStack) -> str:
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        wire = Wire(reader, writer, line=emulator.line, faults=faults)
        try:
            await emulator.serve(wire)
        except Unplugged:
            return
        finally:
            await wire.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    stack.push_async_callback(_finish, tasks)
    stack.callback(server.close)
    host, number = server.sockets[0].getsockname()[:2]
    return f"{host}:{number}"


async def _finish(tasks: set[asyncio.Task[None]]) -> None:
    """Cancel what still serves, wait for its end, and let a failure be seen."""
    waiting = list(tasks)
    for task in waiting:
        task.cancel()
    for result in await asyncio.gather(*waiting, return_exceptions=True):
        if isinstance(result, Exception):
            raise result
