"""An emulated detector: exposes under the light of the scene and keeps count of the spectra it gave."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spectra.values import FloatArray

from .light import Light
from .physics import Chip, FixedPattern, boxcar, read_out, wavelengths
from .scene import Scene

#: Counts of the known picture of ``--pattern ramp`` at its lowest.
_RAMP_BASE = 100
_RAMP_PERIOD = 4001


def ramp(pixels: int, index: int) -> FloatArray:
    """Return the known picture: pixel i of spectrum k is 100 + (7 i + 13 k) mod 4001 counts."""
    return (_RAMP_BASE + (7 * np.arange(pixels) + 13 * index) % _RAMP_PERIOD).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Exposure:
    """One acquisition under way."""

    start_ns: int
    """When it began, CLOCK_MONOTONIC."""
    exposure_s: float
    """Exposure of one accumulation, device time, s."""
    averages: int
    """Accumulations the device takes the mean of."""
    speed: float
    """Device seconds per second."""

    @property
    def real_s(self) -> float:
        """How long it takes by the clock on the wall, s."""
        return self.exposure_s * self.averages / self.speed


class Detector:
    """A chip behind a spectrograph; `begin` an exposure, wait for `Exposure.real_s`, then `finish` it."""

    def __init__(
        self,
        chip: Chip,
        *,
        coefficients: tuple[float, ...],
        pixels: int,
        scene: Scene,
        light: Light,
        seed: int,
        speed: float = 1.0,
        pattern: str = "",
        cosmic_rate: float = 0.0,
        lamp: bool = False,
        blind: tuple[tuple[int, int], ...] = (),
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        specimen, self._rng = (np.random.default_rng([seed, part]) for part in (1, 2))
        self.chip, self.pixels, self.scene, self.cosmic_rate = chip, pixels, scene, cosmic_rate
        self.wavelengths = wavelengths(coefficients, pixels)
        self._fixed = FixedPattern.of(chip, pixels, specimen)
        self._light, self._speed, self._ramp, self._lamp = light, speed, pattern == "ramp", lamp
        self._clock = clock
        self._sighted = np.ones(pixels)
        for first, last in blind:
            self._sighted[first : last + 1] = 0.0
        self.spectra_read = 0
        """Spectra given since the start."""

    def begin(self, exposure_s: float, averages: int = 1) -> Exposure:
        """Open the shutter."""
        return Exposure(self._clock(), exposure_s, averages, self._speed)

    def finish(self, exposure: Exposure, *, boxcar_width: int = 0, corrected: bool = False) -> FloatArray:
        """Close the shutter and return counts, whole numbers, shape (pixels,).

        The mean is taken after the converter, as devices do: a clipped accumulation stays visible in it.
        ``corrected`` leaves the fixed offsets out, as the device's own correction does.
        """
        index, self.spectra_read = self.spectra_read, self.spectra_read + 1
        if self._ramp:
            return np.minimum(ramp(self.pixels, index), self.chip.full_scale)
        frames = [self._frame(exposure, number) for number in range(exposure.averages)]
        mean = np.mean(frames, axis=0)
        if corrected:
            mean -= self._fixed.offset
        smooth = boxcar(mean, boxcar_width)
        return np.clip(np.rint(smooth), 0.0, self.chip.full_scale)

    def _frame(self, exposure: Exposure, number: int) -> FloatArray:
        duration_ns = exposure.exposure_s / self._speed * 1e9
        start_ns = exposure.start_ns + round(number * duration_ns)
        energy_mj = self._speed * self._light.energy_mj(start_ns, start_ns + round(duration_ns))
        electrons = self.scene.raman_rate(self.wavelengths, self.chip) * energy_mj
        if self._lamp:
            electrons = electrons + self.scene.lamp_rate(self.wavelengths, self.chip) * exposure.exposure_s
        return read_out(
            self.chip,
            self._fixed,
            electrons * self._sighted,
            exposure.exposure_s,
            self._rng,
            cosmic_rate=self.cosmic_rate,
        )
