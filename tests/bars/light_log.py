"""What the emulated laser says of itself: when it changed, and to which power."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Change:
    """A line of the laser emulator's own log."""

    at_ns: int
    """CLOCK_MONOTONIC, the same in all processes."""
    power_mw: float
    """Power from then on."""


class LightLog:
    """The laser emulator's own log of what left the laser."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def changes(self) -> list[Change]:
        """Return all changes so far, in order."""
        lines = [line.split() for line in self.path.read_text().splitlines()]
        return [Change(int(line[0]), float(line[1])) for line in lines if len(line) == 2]

    @property
    def is_on(self) -> bool:
        """Whether the laser is on."""
        changes = self.changes()
        return bool(changes) and changes[-1].power_mw > 0

    def dark_after(self, since_ns: int) -> float | None:
        """Return how long after a moment the laser last went off, s; 0 if it was off, None if it is on."""
        changes = self.changes()
        if changes and changes[-1].power_mw > 0:
            return None
        ends = [new.at_ns for old, new in zip(changes, changes[1:], strict=False) if old.power_mw > 0]
        return max(ends[-1] - since_ns, 0) / 1e9 if ends else 0.0

    def was_on_at(self, moment_ns: int) -> bool:
        """Whether the laser was on at a moment."""
        before = [change for change in self.changes() if change.at_ns <= moment_ns]
        return bool(before) and before[-1].power_mw > 0
