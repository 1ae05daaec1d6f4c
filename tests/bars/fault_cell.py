"""One cell of the fault matrix: one fault on one driver, again and again on the same open driver."""

import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from emulated import Emulated
from fault_columns import Column
from fault_errors import FORBIDS, allowed, is_of_laser, spec
from fault_rigs import AnyRig, laser_of
from fault_wrong import Wrong

from instrument.emulators.faults import FaultKind
from instrument.errors import InstrumentError

LIMIT_S = 5.0
#: A driver that is not usable after so long is given up, s.
GIVE_UP_S = 12.0
_PAUSE_S = 0.05
#: Undisturbed rounds whose median time is taken off the recovery.
BASELINE = 3
#: Share of the acquisitions in which the fault waits for the spectrum itself.
DATA_SHARE = 0.7


@dataclass(slots=True)
class Cell:
    """What came out."""

    fault: str
    total: int = 0
    ok: int = 0
    struck: int = 0
    """Repetitions in which the fault reached a reply."""
    named: int = 0
    """Repetitions that ended in a named error; in the others the driver helped itself."""
    worst_s: float = 0.0
    """Longest recovery, s."""
    slowest_s: float = 0.0
    """Longest operation with a fault in it, s."""
    wrong: list[str] = field(default_factory=list)
    """Wrong spectra, light unsaid."""
    misnamed: list[str] = field(default_factory=list)
    """Errors that do not name the fault, or are none of the package."""
    lost: list[str] = field(default_factory=list)
    """Drivers not usable again in time."""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


class CellRun:
    """Repeat one fault on one driver.

    Parameters
    ----------
    name
        Column's name, part of the seed.
    column
        What it is.
    emulator, open_rig
        The device, and what opens its driver.
    """

    def __init__(self, name: str, column: Column, emulator: Emulated, open_rig: Callable[[], AnyRig]) -> None:
        self._name, self._column, self._emulator, self._open = name, column, emulator, open_rig
        self._rig: AnyRig | None = None
        self._typical_s = 0.0

    def run(self, kind: FaultKind, times: int) -> Cell:
        """Return the cell of a fault."""
        cell = Cell(str(kind))
        for number in range(times):
            rng = random.Random(f"{self._name} {kind} {number}")
            cell.total += 1
            before = len(cell.wrong) + len(cell.misnamed) + len(cell.lost)
            try:
                self._repeat(cell, kind, number, rng)
            except Exception as error:
                cell.misnamed.append(f"#{number}: {type(error).__name__}: {error}"[:300])
                self._drop_rig()
            cell.ok += before == len(cell.wrong) + len(cell.misnamed) + len(cell.lost)
        return cell

    def close(self) -> None:
        """Let go of the driver."""
        self._drop_rig()

    def _repeat(self, cell: Cell, kind: FaultKind, number: int, rng: random.Random) -> None:
        rig = self._ready_rig()
        if is_of_laser(kind):
            self._forbid(cell, rig, kind, number, rng)
            return
        # Each once, in any order: some faults cannot happen to the replies of some operations.
        for operation in rng.sample(list(rig.operations), len(rig.operations)) * 2:
            on = "data" if operation == "acquire" and rng.random() < DATA_SHARE else "any"
            rig.prepare(operation)
            if self._strike(cell, rig, operation, on, kind, number, rng):
                cell.struck += 1
                break
        self._recover(cell, rig, number, operation, rng)

    def _strike(
        self,
        cell: Cell,
        rig: AnyRig,
        operation: str,
        on: str,
        kind: FaultKind,
        number: int,
        rng: random.Random,
    ) -> bool:
        """Do an operation with a fault queued; return whether the fault met a reply of it."""
        injected = sum(self._emulator.control()["faults_injected"].values())
        self._emulator.control(once=self._spec(kind, number), on=on)
        began = time.monotonic()
        cell.named += self._perform(cell, rig, operation, kind, number, rng)
        cell.slowest_s = max(cell.slowest_s, round(time.monotonic() - began, 2))
        state = self._emulator.control()
        if state["faults_waiting"]:
            # No reply it could happen to in this operation: nothing shall be left of it.
            self._emulator.control(faults="")
        return sum(state["faults_injected"].values()) > injected

    def _perform(
        self, cell: Cell, rig: AnyRig, operation: str, kind: FaultKind, number: int, rng: random.Random
    ) -> bool:
        """Do it under the fault; return whether it ended in a named error."""
        where = f"#{number} {operation}"
        begin = getattr(rig, "begin", None)
        if begin is not None:
            begin(operation)
        try:
            rig.perform(operation, rng)
        except Wrong as error:
            cell.wrong.append(f"{where}: {error}")
        except InstrumentError as error:
            if not isinstance(error, self._allowed(kind)):
                cell.misnamed.append(f"{where}: {type(error).__name__}: {error}"[:300])
            try:
                rig.check_after(error)
            except Wrong as wrong:
                cell.wrong.append(f"{where}: {wrong}")
            return True
        except Exception as error:
            cell.misnamed.append(f"{where}: {type(error).__name__}: {error}"[:300])
        return False

    def _forbid(self, cell: Cell, rig: AnyRig, kind: FaultKind, number: int, rng: random.Random) -> None:
        """Open the interlock or break the laser while it is on; it must say so, stay dark, and come back."""
        laser = laser_of(rig)
        assert laser is not None
        laser.light_up()
        self._emulator.control(once=self._spec(kind, number))
        operation = rng.choice(rig.operations)
        cell.struck += 1
        cell.named += self._perform(cell, rig, operation, kind, number, rng)
        try:
            if laser.light.is_on:
                raise Wrong("the fault did not put the light off")
            laser.refuses(FORBIDS[kind])
        except Wrong as error:
            cell.wrong.append(f"#{number} {operation}: {error}")
        laser.release()
        self._recover(cell, rig, number, operation, rng)

    def _recover(self, cell: Cell, rig: AnyRig, number: int, operation: str, rng: random.Random) -> None:
        """Wait until the driver does everything again, without opening it by hand."""
        began, errors = time.monotonic(), []
        while True:
            try:
                rig.good(rng)
                break
            except Wrong as error:
                cell.wrong.append(f"#{number} after {operation}: {error}")
                break
            except InstrumentError as error:
                errors.append(f"{type(error).__name__}: {error}")
            if time.monotonic() - began > GIVE_UP_S:
                cell.lost.append(f"#{number} after {operation}: {errors[-1]}"[:300])
                self._drop_rig()
                return
            time.sleep(_PAUSE_S)
        taken = max(0.0, time.monotonic() - began - self._typical_s)
        cell.worst_s = max(cell.worst_s, round(taken, 2))
        if taken > LIMIT_S:
            cell.lost.append(f"#{number} after {operation}: {taken:.1f} s, {errors[-1:]}"[:300])

    def _spec(self, kind: FaultKind, number: int) -> str:
        return spec(kind, number, delay_s=self._column.delay_s)

    def _allowed(self, kind: FaultKind) -> tuple[type[InstrumentError], ...]:
        return allowed(kind, hangs_up=self._column.hangs_up, files=self._column.folder)

    def _ready_rig(self) -> AnyRig:
        if self._rig is None:
            self._emulator.control(faults="")
            self._rig = self._open()
            taken = []
            for number in range(BASELINE):
                began = time.monotonic()
                self._rig.good(random.Random(number))
                taken.append(time.monotonic() - began)
            self._typical_s = sorted(taken)[BASELINE // 2]
        return self._rig

    def _drop_rig(self) -> None:
        rig, self._rig = self._rig, None
        if rig is not None:
            try:
                rig.close()
            except InstrumentError:
                return
