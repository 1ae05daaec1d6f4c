"""The program on the instrument's computer: connects, measures for a while, writes a file, suffers faults."""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from .fault_source import DATA, FaultSource, Reply
from .faults import FaultKind
from .ftir import FtirOptics, Measured
from .ftir_damage import damaged
from .wire import PowerCut, Unplugged

#: Device seconds of connecting, of writing a file, of giving up.
CONNECT_S, FINISH_S, CANCEL_S = 0.6, 0.2, 0.2
#: Pieces of a file that is written slowly, and the pause between two, s.
PIECES, PIECE_PAUSE_S = 6, 0.03
#: What a control message may hold.
FTIR_KEYS = frozenset({"sample", "co2", "h2o", "brightness", "residue", "background"})


class Phase(IntEnum):
    """What the program is doing, by the numbers OPUS has for it."""

    DISCONNECTED = 0
    CONNECTING = 1
    CONNECTED = 2
    MEASURING = 3
    FINISHING = 4
    CANCELLING = 5


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How the program writes spectra."""

    name: Callable[[int], str]
    """Name of the n-th file."""
    encode: Callable[[Measured], bytes]
    """Bytes of a measurement."""
    wrong: Callable[[Measured], bytes]
    """Bytes of something else the program could have saved."""


class FtirProgram:
    """One program with its instrument.

    Parameters
    ----------
    optics
        What is measured.
    folder
        Where files are written.
    form
        How they are written.
    scan_s
        Duration of one scan, device s.
    speed
        Device seconds per second.
    """

    def __init__(
        self, optics: FtirOptics, folder: Path, form: FileFormat, *, scan_s: float, speed: float
    ) -> None:
        self.optics, self.folder = optics, folder
        self.phase = Phase.DISCONNECTED
        self._form, self._scan_s, self._speed = form, scan_s, speed
        self._task: asyncio.Task[None] | None = None
        self._late: set[asyncio.Task[None]] = set()
        self._last_file: Path | None = None
        self._cut: Unplugged | None = None
        self.faults = FaultSource()
        self.optics.measure_background(time.time())

    @property
    def duration_s(self) -> float:
        """How long a measurement takes, device s."""
        return self.optics.scans * self._scan_s

    def connect(self) -> bool:
        """Connect to the instrument; False where that is not possible now."""
        if self.phase is Phase.DISCONNECTED:
            self.phase = Phase.CONNECTING
            self._run(self._connecting())
        return self.phase in {Phase.CONNECTING, Phase.CONNECTED}

    def start(self) -> bool:
        """Begin to measure; False where that is not possible now."""
        if self.phase is not Phase.CONNECTED:
            return False
        self.phase = Phase.MEASURING
        self._run(self._measuring())
        return True

    def cancel(self) -> bool:
        """Give up what is being measured; False where nothing is."""
        if self.phase not in {Phase.MEASURING, Phase.FINISHING}:
            return False
        self.phase = Phase.CANCELLING
        self._run(self._cancelling())
        return True

    def finish_early(self) -> bool:
        """Measure no longer and save what there is; False where nothing is measured."""
        if self.phase is not Phase.MEASURING:
            return False
        self.phase = Phase.FINISHING
        self._run(self._saving(time.time()))
        return True

    def undo(self, phase: Phase) -> None:
        """Be in a phase again as if the command just taken had been refused."""
        if self.phase is not phase:
            self._run(None)
            self.phase = phase

    def power_cut(self) -> None:
        """Lose power: what was measured is gone, the program starts anew and is not connected."""
        self._run(None)
        self.phase = Phase.DISCONNECTED

    def check_cut(self) -> None:
        """Raise what cuts the connection, once."""
        cut, self._cut = self._cut, None
        if cut is not None:
            raise cut

    def control(self, message: dict[str, Any]) -> None:
        """Carry out a control message; ``background`` true measures a new one."""
        self.optics.control(message)
        if message.get("background") is True:
            self.optics.measure_background(time.time())

    def state(self) -> dict[str, Any]:
        """Return what it is doing, and the truth of its last spectrum, as JSON values."""
        return {
            "phase": self.phase.name.lower(),
            "sample": self.optics.sample_name,
            **self.optics.settings,
            "spectra_read": self.optics.spectra_read,
            "last_truth_sha256": self.optics.last_truth_sha256,
            "exposure_s": self.duration_s,
        }

    async def _connecting(self) -> None:
        await self._pass(CONNECT_S)
        self.phase = Phase.CONNECTED

    async def _measuring(self) -> None:
        began = time.time()
        await self._pass(self.duration_s)
        await self._saving(began)

    async def _saving(self, began: float) -> None:
        self.phase = Phase.FINISHING
        await self._pass(FINISH_S)
        measured = self.optics.measure(began)
        await self._save(Reply(self._form.encode(measured), DATA, wrong=self._form.wrong(measured)))
        if self.phase is Phase.FINISHING:
            self.phase = Phase.CONNECTED

    async def _cancelling(self) -> None:
        await self._pass(CANCEL_S)
        self.phase = Phase.CONNECTED

    async def _save(self, reply: Reply) -> None:
        """Write a file, or what a fault makes of it."""
        fault = self.faults.draw(reply)
        old = self.faults.before(reply)
        self.faults.remember(reply)
        match fault and fault.kind:
            case None:
                self._write(reply.data)
            case FaultKind.DROP:
                return
            case FaultKind.DELAY:
                task = asyncio.create_task(self._write_late(reply.data, fault.seconds if fault else 1.0))
                self._late.add(task)
                task.add_done_callback(self._late.discard)
            case FaultKind.FRAGMENT:
                await self._write_slowly(reply.data)
            case FaultKind.DUPLICATE:
                self._write(reply.data)
                self._write(reply.data)
            case FaultKind.STALE:
                self._touch(old)
                if fault is None or fault.value != 1:
                    self._write(reply.data)
            case FaultKind.DISCONNECT:
                self._write(reply.data)
                self._cut = Unplugged(fault.seconds if fault else 1.0)
            case FaultKind.POWER_CUT:
                self._cut = PowerCut(fault.seconds if fault else 1.0)
                self.phase = Phase.DISCONNECTED
            case _:
                self._write(damaged(reply, fault, self.faults))

    def _write(self, data: bytes) -> None:
        path = self._free_name()
        path.write_bytes(data)
        self._last_file = path

    async def _write_late(self, data: bytes, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._write(data)

    async def _write_slowly(self, data: bytes) -> None:
        path = self._free_name()
        size = -(-len(data) // PIECES)
        with path.open("wb", buffering=0) as file:
            for start in range(0, len(data), size):
                file.write(data[start : start + size])
                await asyncio.sleep(PIECE_PAUSE_S)
        self._last_file = path

    def _touch(self, old: bytes) -> None:
        """Save the last spectrum again under its own name: new times, old content."""
        if self._last_file is not None:
            with suppress(FileNotFoundError):
                os.utime(self._last_file)
                return
        self._write(old)

    def _free_name(self) -> Path:
        number = 0
        while (path := self.folder / self._form.name(number)).exists():
            number += 1
        return path

    async def _pass(self, device_s: float) -> None:
        await asyncio.sleep(device_s / self._speed)

    def _run(self, work: Any) -> None:
        """Do something instead of what was being done."""
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self._task = None if work is None else asyncio.create_task(work)
