"""An emulated detector: exposes under the light of the scene and keeps count of the spectra it gave."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from spectra.values import FloatArray

from .faults import Fault, FaultKind, FaultSpecError
from .light import Light
from .physics import (
    DARK_DOUBLING_C,
    DRIFT_NM_PER_C,
    Chip,
    FixedPattern,
    boxcar,
    cosmic_electrons,
    read_out,
    wavelengths,
)
from .scene import Scene
from .truth import Truth

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
    """A chip behind a spectrograph; `begin` an exposure, wait for `Exposure.real_s`, then `finish` it.

    Parameters
    ----------
    blind
        First and last pixel of each range that sees no light.
    unlit
        First and last pixel of each range without a photodiode: bias only, not even dark current.
    nonlinearity
        See `physics.bent`.
    """

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
        unlit: tuple[tuple[int, int], ...] = (),
        nonlinearity: tuple[float, ...] = (),
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        specimen, self._rng = (np.random.default_rng([seed, part]) for part in (1, 2))
        self.chip, self.pixels, self.scene, self.cosmic_rate = chip, pixels, scene, cosmic_rate
        self.wavelengths = wavelengths(coefficients, pixels)
        self._fixed = FixedPattern.of(chip, pixels, specimen)
        self._light, self._ramp, self._lamp = light, pattern == "ramp", lamp
        self._nonlinearity, self._clock = nonlinearity, clock
        self._sighted = _without(pixels, *blind, *unlit)
        self._diodes = _without(pixels, *unlit)
        self._floods = self._rays = 0
        self.speed = speed
        """Device seconds per second."""
        self.chip_excess_c = 0.0
        """How much warmer the chip is than where its dark current was stated, °C."""
        self.bench_excess_c = 0.0
        """How much warmer the spectrograph is than where its axis was calibrated, °C."""
        self.spectra_read = 0
        """Spectra given since the start."""
        self.truth = Truth()
        """What they were; noted by the device, which knows what becomes of them."""

    def begin(self, exposure_s: float, averages: int = 1) -> Exposure:
        """Open the shutter."""
        return Exposure(self._clock(), exposure_s, averages, self.speed)

    def finish(self, exposure: Exposure, *, boxcar_width: int = 0, corrected: bool = False) -> FloatArray:
        """Close the shutter and return counts, whole numbers, shape (pixels,).

        The mean is taken after the converter, as devices do: a clipped accumulation stays visible in it.
        ``corrected`` leaves the fixed offsets out, as the device's own correction does.
        """
        index, self.spectra_read = self.spectra_read, self.spectra_read + 1
        if self._ramp:
            return self._known_picture(index)
        frames = [self._frame(exposure, number) for number in range(exposure.averages)]
        mean = np.mean(frames, axis=0)
        if corrected:
            mean -= self._fixed.offset
        smooth = boxcar(mean, boxcar_width)
        return np.clip(np.rint(smooth), 0.0, self.chip.full_scale)

    def suffer(self, fault: Fault) -> None:
        """Let the next frames be flooded, rays hit the next one, or the temperature change.

        Raises
        ------
        FaultSpecError
            The fault is none of a detector.
        """
        match fault.kind:
            case FaultKind.SATURATION:
                self._floods += round(fault.or_else(1.0))
            case FaultKind.COSMIC:
                self._rays += round(fault.or_else(5.0))
            case FaultKind.DRIFT:
                self.bench_excess_c += fault.or_else(5.0)
            case _:
                raise FaultSpecError(f"{fault.kind}: a detector has no such fault")

    def state(self) -> dict[str, Any]:
        """Return how many spectra it gave and what they were, as JSON values."""
        return {"spectra_read": self.spectra_read, **self.truth.state()}

    def _known_picture(self, index: int) -> FloatArray:
        """Return the ramp, with what faults make of it."""
        counts = ramp(self.pixels, index)
        flooded, rays = self._next_frame()
        if flooded:
            return np.full(self.pixels, float(self.chip.full_scale))
        if rays:
            hits = cosmic_electrons(self.chip, self.pixels, 0.0, 0.0, self._rng, rays=rays)
            counts += np.rint(hits / self.chip.electrons_per_count)
        return np.minimum(counts, self.chip.full_scale)

    def _next_frame(self) -> tuple[bool, int]:
        """Return whether the next frame is flooded, and how many cosmic rays hit it."""
        flooded, rays = self._floods > 0, self._rays
        self._floods, self._rays = max(0, self._floods - 1), 0
        return flooded, rays

    def _frame(self, exposure: Exposure, number: int) -> FloatArray:
        flooded, rays = self._next_frame()
        if flooded:
            return np.full(self.pixels, float(self.chip.full_scale))
        return read_out(
            self.chip,
            self._fixed,
            self._electrons(exposure, number) * self._sighted,
            exposure.exposure_s,
            self._rng,
            cosmic_rate=self.cosmic_rate,
            rays=rays,
            dark=self._diodes * 2.0 ** (self.chip_excess_c / DARK_DOUBLING_C),
            nonlinearity=self._nonlinearity,
        )

    def _electrons(self, exposure: Exposure, number: int) -> FloatArray:
        """Return the electrons light sets free in one accumulation, shape (pixels,)."""
        duration_ns = exposure.exposure_s / self.speed * 1e9
        start_ns = exposure.start_ns + round(number * duration_ns)
        energy_mj = self.speed * self._light.energy_mj(start_ns, start_ns + round(duration_ns))
        seen = self.wavelengths + DRIFT_NM_PER_C * self.bench_excess_c
        electrons = self.scene.raman_rate(seen, self.chip) * energy_mj
        electrons += self.scene.emission_rate(seen, self.chip) * exposure.exposure_s
        if self._lamp:
            electrons = electrons + self.scene.lamp_rate(seen, self.chip) * exposure.exposure_s
        return electrons


def _without(pixels: int, *ranges: tuple[int, int]) -> FloatArray:
    """Return 1 for each pixel and 0 in the ranges."""
    mask = np.ones(pixels)
    for first, last in ranges:
        mask[first : last + 1] = 0.0
    return mask
