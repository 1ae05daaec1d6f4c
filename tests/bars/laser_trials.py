"""What is common to all trials of going dark: the moments, the waiting, and what came out."""

import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from emulated import Emulated
from light_log import LightLog
from station import wait_until

#: Exposure and number of the signal frames, and how long the laser is on for them at least, s.
EXPOSURE_S, ACCUMULATIONS = 1.2, 2
WINDOW_S = EXPOSURE_S * ACCUMULATIONS - 0.3
LIGHT_WITHIN_S = 40.0
DARK_WITHIN_S = 12.0


@dataclass(frozen=True, slots=True)
class Trial:
    """One cause, and how the laser went dark."""

    cause: str
    bench: str
    """Which laser, and which program held it."""
    was_on: bool
    """Whether the laser was on at the moment."""
    dark_s: float
    """From the moment to the laser's going off by its own log; infinite if it did not."""
    said: str = ""
    """What the program that was scanning said."""
    shout_s: float | None = None
    """From the moment until somebody said that the laser may be on; None where nobody did."""
    missing_s: float | None = None
    """For a time-out: from the moment the answer was due."""
    restarted: bool | None = None
    """Whether another guardian took the place of one that was killed."""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


class NotLit(Exception):
    """The moment came too late: the laser was off already, and nothing was tested."""


def wait_lit(light: LightLog, ended: Callable[[], bool]) -> None:
    """Wait until the laser is on; raises `NotLit` where the scan is over without it."""
    wait_until(lambda: light.is_on or ended(), LIGHT_WITHIN_S, "the laser fired", every_s=0.01)
    if not light.is_on:
        raise NotLit("the scan ended without light")


def cut_moment(device: Emulated, ended: Callable[[], bool]) -> int:
    """Return when a port was cut, ns; raises `NotLit` where the scan is over before anybody used it.

    The plug comes out with the device's next answer, whoever asked, and its link is gone from then on.
    """
    wait_until(
        lambda: not device.link.is_symlink() or ended(), LIGHT_WITHIN_S, "the port was cut", every_s=0.002
    )
    moment = time.monotonic_ns()
    if device.link.is_symlink():
        device.control(faults="")
        raise NotLit("the scan ended before the port was cut")
    return moment


def sleep_within(rng: random.Random, longest_s: float = WINDOW_S) -> None:
    """Wait for a random moment of the laser's being on."""
    time.sleep(rng.uniform(0.0, longest_s))


def went_dark(light: LightLog, since_ns: int, within_s: float = DARK_WITHIN_S) -> float:
    """Return how long after a moment the laser was off, s; infinite where it stays on."""
    deadline = time.monotonic() + within_s
    while light.is_on:
        if time.monotonic() > deadline:
            return float("inf")
        time.sleep(0.01)
    return light.dark_after(since_ns) or 0.0
