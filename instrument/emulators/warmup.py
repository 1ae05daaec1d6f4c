"""First-order approach to a new value: temperatures, and a laser that warms up after power-on.

A body in contact with another approaches its temperature as exp(−t/τ) (Newton's law of cooling). All times
are device time: ``speed`` of them pass in a second.
"""

import math
import time
from collections.abc import Callable

Clock = Callable[[], float]


class Relaxation:
    """A value on its way to a target.

    Parameters
    ----------
    value
        Where it starts, and its first target.
    time_constant_s
        Time after which 1/e of the way is left, s.
    """

    def __init__(
        self, value: float, *, time_constant_s: float, speed: float = 1.0, clock: Clock = time.monotonic
    ) -> None:
        self._tau_s, self._speed, self._clock = time_constant_s, speed, clock
        self.target = value
        self._from, self._since = value, clock()

    @property
    def now(self) -> float:
        """The value now."""
        passed_s = (self._clock() - self._since) * self._speed
        return self.target + (self._from - self.target) * math.exp(-passed_s / self._tau_s)

    def head_for(self, target: float) -> None:
        """Begin the way from here to another target."""
        self._from, self._since = self.now, self._clock()
        self.target = target

    def jump(self, value: float) -> None:
        """Be there at once, and stay."""
        self.target = self._from = value
        self._since = self._clock()


class Warmup:
    """A laser after power-on: not ready for a while, then for a while weaker than it says.

    Parameters
    ----------
    ready_s
        Time from power-on until the device calls itself ready, s.
    droop
        Share of the power that is missing at power-on; 0.05 was chosen.
    time_constant_s
        Time after which 1/e of that share is still missing, s; by default a third of ``ready_s``.
    """

    def __init__(
        self,
        ready_s: float,
        *,
        droop: float = 0.05,
        time_constant_s: float | None = None,
        speed: float = 1.0,
        clock: Clock = time.monotonic,
    ) -> None:
        self._ready_s, self._droop, self._speed, self._clock = ready_s, droop, speed, clock
        tau_s = max(ready_s / 3.0 if time_constant_s is None else time_constant_s, 1e-9)
        self._share = Relaxation(1.0, time_constant_s=tau_s, speed=speed, clock=clock)
        self._since = clock()
        self.restart()

    def restart(self) -> None:
        """Be cold again, as after a power cut; a warm-up of no time is over at once."""
        self._since = self._clock()
        self._share.jump(1.0 if self._ready_s <= 0 else 1.0 - self._droop)
        self._share.head_for(1.0)

    @property
    def left_s(self) -> float:
        """Device time until it is ready, s; 0 when it is."""
        return max(0.0, self._ready_s - (self._clock() - self._since) * self._speed)

    @property
    def ready(self) -> bool:
        """Whether it has warmed up."""
        return self.left_s <= 0.0

    @property
    def power_share(self) -> float:
        """Power as a share of the set point, near 1."""
        return self._share.now
