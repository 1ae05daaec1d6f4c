"""The light path that a laser and a spectrometer emulator share: a file of power changes.

Each line is ``monotonic_ns power_mw``. CLOCK_MONOTONIC is common to all processes of a machine, so the
spectrometer can integrate the laser's power over its own exposure. The file is also the laser emulator's
log.
"""

import time
from collections import deque
from pathlib import Path
from typing import Protocol

#: Power changes remembered; older ones are of no exposure any more.
MAX_CHANGES = 100_000
#: Power of the light when no laser is emulated, mW.
CONSTANT_POWER_MW = 100.0


class Light(Protocol):
    """Laser light at the sample."""

    def energy_mj(self, start_ns: int, end_ns: int) -> float:
        """Return the laser energy between two instants of CLOCK_MONOTONIC, mJ."""
        ...


class ConstantLight:
    """A sample that is always lit."""

    def __init__(self, power_mw: float = CONSTANT_POWER_MW) -> None:
        self._power_mw = power_mw

    def energy_mj(self, start_ns: int, end_ns: int) -> float:
        """Return power times duration, mJ."""
        return self._power_mw * max(0, end_ns - start_ns) * 1e-9


class PowerTimeline:
    """Power changes in order of time; dark before the first."""

    def __init__(self) -> None:
        self._changes: deque[tuple[int, float]] = deque(maxlen=MAX_CHANGES)

    def add(self, at_ns: int, power_mw: float) -> None:
        """Note a change; a time before the last one means that the clock began anew: the past is dropped."""
        if self._changes and at_ns < self._changes[-1][0]:
            self._changes.clear()
        self._changes.append((at_ns, power_mw))

    def clear(self) -> None:
        """Forget everything."""
        self._changes.clear()

    def energy_mj(self, start_ns: int, end_ns: int) -> float:
        """Return the integral of the power between two instants, mJ."""
        energy, until = 0.0, end_ns
        for at_ns, power_mw in reversed(self._changes):
            since = max(at_ns, start_ns)
            if since < until:
                energy += power_mw * (until - since) * 1e-9
                until = since
            if at_ns <= start_ns:
                break
        return energy


class LightFile:
    """Read the power changes another process writes; no file yet means no light."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._timeline = PowerTimeline()

    def energy_mj(self, start_ns: int, end_ns: int) -> float:
        """Return the laser energy between two instants, mJ."""
        self._read_new_lines()
        return self._timeline.energy_mj(start_ns, end_ns)

    def _read_new_lines(self) -> None:
        try:
            with self._path.open("rb") as file:
                if file.seek(0, 2) < self._offset:
                    self._offset = 0
                    self._timeline.clear()
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            change = _parsed(line)
            if change is not None:
                self._timeline.add(*change)


def _parsed(line: bytes) -> tuple[int, float] | None:
    """Return the change a line tells; None for a line nobody of ours wrote."""
    try:
        at, power = line.split()
        return int(at), float(power)
    except ValueError:
        return None


class LightLog:
    """Write power changes of a laser, each on disk's doorstep (line-buffered) before the laser answers."""

    def __init__(self, path: Path | None) -> None:
        self._file = path.open("a", buffering=1, encoding="ascii") if path else None
        self.timeline = PowerTimeline()
        """The same changes, in memory."""
        self._power_mw: float | None = None
        self.set_power(0.0)

    def set_power(self, power_mw: float) -> None:
        """Note the power from now on, mW; the same power again is no change."""
        if power_mw == self._power_mw:
            return
        self._power_mw = power_mw
        now = time.monotonic_ns()
        self.timeline.add(now, power_mw)
        if self._file is not None:
            self._file.write(f"{now} {power_mw:.6g}\n")

    def close(self) -> None:
        """Go dark and close the file."""
        self.set_power(0.0)
        if self._file is not None:
            self._file.close()
            self._file = None
