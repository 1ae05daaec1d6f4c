"""Power of an IPS laser by its current: what the label says, since the laser cannot be asked.

The table in the laser leads from its monitor diode to mW, not from mA. So the device URL says it, from the
laser's label or test sheet: ``max_mw`` at ``max_ma``, light beginning at ``threshold_ma`` (0 where it is not
known), a straight line between. A diode's true threshold above the one given makes less light than asked for,
never more.
"""

import math
from dataclasses import dataclass

from ..errors import DeviceURLError
from ..registry import DeviceURL

#: Limits of what a label may say, mA and mW; chosen, beyond any laser of this kind.
_MAX_MA, _MAX_MW = 5000.0, 2000.0
#: More light than due by this share and this much, mW, is no longer an error of the label; chosen.
_EXCESS, _EXCESS_MW = 1.25, 5.0


@dataclass(frozen=True, slots=True)
class PowerLine:
    """Power of the light by the current of the diode: nothing up to a threshold, then a straight line."""

    max_ma: float
    """Largest current ever set, mA."""
    max_mw: float
    """Power at that current, mW."""
    threshold_ma: float = 0.0
    """Current at which light begins, mA."""

    def current(self, milliwatts: float) -> int:
        """Return the current for a power, whole mA, rounded down so that it is never more light."""
        if milliwatts <= 0.0:
            return 0
        span = self.max_ma - self.threshold_ma
        return math.floor(self.threshold_ma + span * milliwatts / self.max_mw + 1e-6)

    def power(self, milliamperes: float) -> float:
        """Return the power at a current, mW."""
        span = self.max_ma - self.threshold_ma
        return max(0.0, self.max_mw * (milliamperes - self.threshold_ma) / span)

    def excessive(self, milliwatts: float, milliamperes: float) -> bool:
        """Return whether a measured power is clearly more than is due at a current."""
        return milliwatts > _EXCESS * self.power(milliamperes) + _EXCESS_MW

    def snapshot(self) -> dict[str, float]:
        """Return the line as JSON values."""
        return {"max_ma": self.max_ma, "max_mw": self.max_mw, "threshold_ma": self.threshold_ma}


def power_line(url: DeviceURL) -> PowerLine:
    """Return the power line a URL describes; raises `DeviceURLError`."""
    url.need("max_ma")
    url.need("max_mw")
    max_ma = url.number("max_ma", low=1.0, high=_MAX_MA)
    max_mw = url.number("max_mw", low=1.0, high=_MAX_MW)
    threshold_ma = url.number("threshold_ma", low=0.0, high=_MAX_MA) or 0.0
    if max_ma is None or max_mw is None or threshold_ma >= max_ma:
        raise DeviceURLError(f"{url.text}: threshold_ma has to be below max_ma")
    return PowerLine(max_ma, max_mw, threshold_ma)
