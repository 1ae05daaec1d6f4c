"""Rigs: how a driver's device comes up for a test; part of the test kit `instrument.testing`.

Every registered driver has one: a context manager that yields the URL of a device that works. The author of
another driver registers an own one in the same way, and the suites find it::

    @rig("laser", "mylaser+serial")
    def my_laser():
        with running_emulator("mylaser", "--pty") as info:
            yield f"mylaser+serial://{info['address']}"
"""

import json
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from .registry import laser_drivers, spectrometer_drivers, unit_drivers

#: An emulator imports NumPy before it speaks; on a busy machine that takes seconds.
START_TIMEOUT_S = 30.0

Rig = Callable[[], AbstractContextManager[str]]

_TABLES = {"spectrometer": spectrometer_drivers, "laser": laser_drivers, "unit": unit_drivers}
_RIGS: dict[tuple[str, str], Rig] = {}


@contextmanager
def running_emulator(kind: str, *options: str) -> Iterator[dict[str, Any]]:
    """Run ``python -m instrument.emulators KIND OPTIONS`` and yield its start-up line.

    The process is under ``"process"`` of what is yielded; it is ended with the block.
    """
    command = [sys.executable, "-m", "instrument.emulators", kind, "--with-parent", *options]
    with running_program(command) as about:
        yield about


@contextmanager
def running_program(command: list[str]) -> Iterator[dict[str, Any]]:
    """Run a program whose first line of output is a JSON object, and yield that object."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own program
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], START_TIMEOUT_S)[0], "the emulator says nothing"
            line = process.stdout.readline()
            assert line, f"the emulator ended with {process.wait(5)}"
            yield {**json.loads(line), "process": process}
        finally:
            process.terminate()
            process.wait(10)


def rig(kind: str, key: str) -> Callable[[Callable[[], Iterator[str]]], Rig]:
    """Register the decorated generator as the rig of a driver.

    Parameters
    ----------
    kind
        ``spectrometer``, ``laser`` or ``unit``.
    key
        Key of the driver in the registry, such as ``obp+serial`` or ``visa/ips``.
    """
    if kind not in _TABLES:
        raise ValueError(f"{kind!r} is none of {', '.join(_TABLES)}")

    def keep(generator: Callable[[], Iterator[str]]) -> Rig:
        _RIGS[kind, key] = contextmanager(generator)
        return _RIGS[kind, key]

    return keep


def known_rigs() -> tuple[tuple[str, str], ...]:
    """Return kind and key of every rig registered so far, sorted."""
    return tuple(sorted(_RIGS))


def rigged(kind: str) -> list[str]:
    """Return the keys of a kind's registered drivers that have a rig, sorted: parameters of a suite."""
    return sorted(key for key in _TABLES[kind]() if (kind, key) in _RIGS)


def without_rig() -> list[tuple[str, str]]:
    """Return kind and key of every registered driver that nobody can bring up for a test."""
    return sorted(
        (kind, key) for kind, table in _TABLES.items() for key in table() if (kind, key) not in _RIGS
    )


def on_rig(kind: str, key: str) -> AbstractContextManager[str]:
    """Bring up the device of a driver; the context manager yields its URL."""
    return _RIGS[kind, key]()
