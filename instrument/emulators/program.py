"""An emulator as a program: put the device on its wire, say where it is, serve until told to stop."""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from ..errors import InstrumentError
from .building import Emulator, EmulatorError
from .control import open_control
from .fault_source import FaultSource
from .fault_table import REASONS
from .fault_table import main as show_faults
from .kinds import load_kind
from .options import parse_options
from .parent import wait_for_orphanhood
from .putting import main as put_sample
from .serving import serve_pty, serve_tcp

_FAULT_KEYS = frozenset({"faults", "once", "on"})


def main(argv: list[str] | None = None) -> int:
    """Run an emulator until SIGTERM or SIGINT; return the exit status.

    Parameters
    ----------
    argv : list of str, optional
        Kind of device and options, see ``--help``; by default the process's own. ``faults`` instead of a
        kind prints which fault applies to which device, ``put`` changes the sample before one that runs.

    Returns
    -------
    int
        0 after a signal, 1 when a replayed client left the recorded conversation, 2 for options nobody can
        act on, 3 when the port or socket is not to be had.
    """
    parent = os.getppid()
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["faults"]:
        return show_faults(words[1:])
    if words[:1] == ["put"]:
        return put_sample(words[1:])
    options = parse_options(words)
    faults = FaultSource(seed=options.seed)
    try:
        emulator = load_kind(options.kind).build(options)
        faults.inapplicable = REASONS.get(emulator.fault_row or options.kind, {})
        faults.device_fault, faults.power_cut = emulator.device_fault, emulator.power_cut
        faults.faults = faults.checked(options.fault)
    except (InstrumentError, OSError) as error:
        sys.stderr.write(f"emulate: {error}\n")
        return 2
    try:
        asyncio.run(_run(emulator, faults, options, parent))
    except EmulatorError as error:
        sys.stderr.write(f"emulate: {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"emulate: cannot serve: {error.strerror or error}; choose another port or socket\n")
        return 3
    finally:
        emulator.close()
    return 0


async def _run(emulator: Emulator, faults: FaultSource, options: argparse.Namespace, parent: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as stack:
        if options.control is not None:
            control = await open_control(options.control, _control(emulator, faults))
            stack.callback(options.control.unlink, missing_ok=True)
            stack.callback(control.close)
        if options.tcp is not None:
            address = await serve_tcp(emulator, faults, stack, stopped, options.tcp)
        else:
            address = await serve_pty(emulator, faults, stack, stopped, link=options.link)
        if options.with_parent:
            watch = asyncio.create_task(wait_for_orphanhood(parent))
            watch.add_done_callback(lambda _: stopped.set())
            stack.callback(watch.cancel)
        where = {"address": address, "control": str(options.control) if options.control else None}
        sys.stdout.write(json.dumps({**where, **emulator.about}) + "\n")
        sys.stdout.flush()
        await stopped.wait()


def _control(emulator: Emulator, faults: FaultSource) -> Callable[[dict[str, Any]], dict[str, Any]]:
    known = emulator.control_keys | _FAULT_KEYS

    def apply(message: dict[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(message) - known)
        if unknown:
            raise ValueError(f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(known))}")
        faults.control(message)
        emulator.control({name: value for name, value in message.items() if name not in _FAULT_KEYS})
        return {**emulator.state(), **faults.state()}

    return apply
