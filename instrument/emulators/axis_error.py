"""What makes an emulated instrument's axis differ from what it says of itself, at once or hour by hour."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from spectra.values import FloatArray

#: Settings with their limits: cm⁻¹, percent of the dispersion, nm, cm⁻¹ per hour of device time.
LIMITS: dict[str, tuple[float, float]] = {
    "axis_shift_cm1": (-500.0, 500.0),
    "axis_stretch_percent": (-10.0, 10.0),
    "laser_error_nm": (-5.0, 5.0),
    "drift_cm1_per_h": (-1000.0, 1000.0),
}


class AxisFault:
    """How far the true axis is from the one the device tells.

    A channel the device calls x sees the light of x + shift (cm⁻¹); the dispersion is greater by the
    stretch, around the middle of the chip; the laser emits at its nominal wavelength plus the error; and
    the shift grows with the hours.

    Parameters
    ----------
    speed
        Device seconds per second: the drift is one per hour of device time.
    clock
        Returns seconds.
    """

    def __init__(self, *, speed: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.axis_shift_cm1 = 0.0
        self.axis_stretch_percent = 0.0
        self.laser_error_nm = 0.0
        self._speed, self._clock = speed, clock
        self._drift_cm1_per_h = 0.0
        self._drifted_cm1 = 0.0
        self._since = clock()

    @property
    def drift_cm1_per_h(self) -> float:
        """Drift, cm⁻¹ per hour of device time; a new one begins from where the axis is."""
        return self._drift_cm1_per_h

    @drift_cm1_per_h.setter
    def drift_cm1_per_h(self, value: float) -> None:
        self._drifted_cm1, self._since = self.drifted_cm1, self._clock()
        self._drift_cm1_per_h = value

    @property
    def drifted_cm1(self) -> float:
        """How far the axis has drifted until now, cm⁻¹."""
        hours = (self._clock() - self._since) * self._speed / 3600.0
        return self._drifted_cm1 + self._drift_cm1_per_h * hours

    @property
    def shift_cm1(self) -> float:
        """Shift and drift together, now, cm⁻¹."""
        return self.axis_shift_cm1 + self.drifted_cm1

    def set(self, values: dict[str, float]) -> None:
        """Set what is named; a shift that is set is where the axis stands now, and drifts on from there."""
        for name, value in values.items():
            setattr(self, name, value)
        if "axis_shift_cm1" in values:
            self._drifted_cm1, self._since = 0.0, self._clock()

    def seen(self, wavelength_nm: FloatArray) -> FloatArray:
        """Return what light falls on the pixels of these wavelengths, nm, shape (pixels,)."""
        stretched = self.stretched(wavelength_nm)
        return np.asarray(1e7 / (1e7 / stretched - self.shift_cm1), dtype=np.float64)

    def stretched(self, wavelength_nm: FloatArray) -> FloatArray:
        """Return wavelengths with the error of the dispersion alone, nm, shape (pixels,)."""
        middle = 0.5 * (wavelength_nm[0] + wavelength_nm[-1])
        return np.asarray(
            middle + (wavelength_nm - middle) * (1.0 + self.axis_stretch_percent / 100.0), dtype=np.float64
        )

    def state(self) -> dict[str, Any]:
        """Return the errors as JSON values."""
        return {name: getattr(self, name) for name in LIMITS} | {"drifted_cm1": self.drifted_cm1}
