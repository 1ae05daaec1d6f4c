"""The optics of an emulated infrared spectrometer: single channels with noise, air, a sample on a crystal.

A hot source through a beam splitter onto a detector gives the background's single channel; a sample lets
10^−A of it through (Beer–Lambert). Noise is the detector's: the same at every wavenumber, falling with the
root of the scans (Griffiths and de Haseth, *Fourier Transform Infrared Spectrometry*, 2nd ed., 2007, ch. 7).
Shapes and sizes are chosen, typical of a bench instrument with a room-temperature detector.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from spectra.atmosphere import water_template
from spectra.values import FloatArray, Spectrum, Technique

from .detector import ramp
from .scene import SceneError, load_sample, number

#: Wavenumber of the instrument's own laser, cm⁻¹: its crossings are where the interferogram is read.
LASER_CM1 = 15798.0
#: Noise of one scan at 4 cm⁻¹ as a share of the strongest single channel; chosen.
NOISE = 3e-4
#: Absorbance of the instrument's own air: CO₂'s band, water's strongest line; chosen, an open housing.
CO2_PATH, WATER_PATH = 0.4, 0.25
#: Absorbance where nothing is left of the light, as OPUS writes it.
DARK_ABSORBANCE = 6.0
#: What stays on a crystal that was not cleaned: centre and width of its bands, cm⁻¹, and relative height.
RESIDUE = ((2925.0, 40.0, 1.0), (1740.0, 30.0, 0.8), (1455.0, 35.0, 0.4), (1110.0, 60.0, 0.6))
#: Temperature of the source, K.
_SOURCE_K = 1300.0
#: hc/k, cm K (CODATA 2018).
_SECOND_RADIATION = 1.438776877


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement, descending wavenumber like the instrument's program keeps it."""

    axis: FloatArray
    """cm⁻¹, shape (n,)."""
    sample: FloatArray
    """Single channel of the sample, single precision."""
    background: FloatArray
    """Single channel of the background, single precision."""
    absorbance: FloatArray
    """Of the two, single precision."""
    background_at: float
    """When the background was measured, s since 1970."""
    began_at: float
    """When the measurement began, s since 1970."""

    def truth_sha256(self) -> str:
        """Return the SHA-256 of the absorbance as a driver should return it: ascending, float64."""
        return hashlib.sha256(self.absorbance[::-1].astype("<f8").tobytes()).hexdigest()


class FtirOptics:
    """Source, air, sample, detector.

    Parameters
    ----------
    seed
        Of the noise.
    resolution_cm1
        Full width at half maximum of a line, cm⁻¹.
    range_cm1
        Lowest and highest wavenumber.
    scans
        Scans co-added.
    atr
        Whether an ATR crystal of diamond is in the beam.
    pattern
        ``ramp`` for a known picture instead of the physics.
    """

    def __init__(
        self,
        *,
        seed: int,
        resolution_cm1: float,
        range_cm1: tuple[float, float],
        scans: int,
        atr: bool,
        pattern: str = "",
    ) -> None:
        self.resolution_cm1, self.scans, self.atr = resolution_cm1, scans, atr
        self._ramp = pattern == "ramp"
        self._rng = np.random.default_rng([seed, 5])
        # Twofold zero filling: half the resolution, in powers of two of the laser's wavenumber.
        self.step_cm1 = LASER_CM1 / 2 ** round(np.log2(2 * LASER_CM1 / resolution_cm1))
        low, high = (int(limit / self.step_cm1) for limit in range_cm1)
        self.axis: FloatArray = np.arange(high, low, -1) * self.step_cm1
        self.sample: Spectrum | None = None
        self.sample_name = ""
        self.settings = {"co2": 1.0, "h2o": 1.0, "brightness": 1.0, "residue": 0.0}
        self._source = self._light_of_source()
        self._background = self._source
        self.background_at = 0.0
        self.spectra_read = 0
        """Spectra measured since the start."""
        self.last_truth_sha256 = ""
        """Digest of the last absorbance, as a driver should return it."""

    def put(self, path: Path | None) -> None:
        """Put the sample of a file on the crystal; None takes it away. On error nothing changes."""
        sample = None if path is None else load_sample(path, technique=Technique.FTIR)
        self.sample, self.sample_name = sample, str(path or "")

    def measure_background(self, at: float) -> None:
        """Measure the bare crystal, in the air of the moment."""
        self._background = self._seen(self._source * self._air())
        self.background_at = at

    def measure(self, began_at: float) -> Measured:
        """Measure the sample against the last background."""
        index, self.spectra_read = self.spectra_read, self.spectra_read + 1
        if self._ramp:
            absorbance = np.asarray((ramp(self.axis.size, index) / 1e4).astype("<f4"), dtype=np.float64)
            sample = _single(self._background * 10.0**-absorbance)
        else:
            sample = self._seen(self._source * self._air() * 10.0 ** -self._absorbing())
        absorbance = _absorbance(sample, self._background)
        measured = Measured(self.axis, sample, self._background, absorbance, self.background_at, began_at)
        self.last_truth_sha256 = measured.truth_sha256()
        return measured

    def control(self, message: dict[str, Any]) -> None:
        """Carry out ``sample``, ``co2``, ``h2o``, ``brightness`` and ``residue`` of a control message.

        Raises
        ------
        SceneError
            A value is of the wrong kind or out of range.
        """
        if "sample" in message:
            sample = message["sample"]
            if sample is not None and not isinstance(sample, str):
                raise SceneError("sample: a file name, or null for none")
            self.put(Path(sample) if sample else None)
        for name in self.settings:
            if name in message:
                self.settings[name] = number(message, name, 0.0, 100.0)

    def _absorbing(self) -> FloatArray:
        """Return the absorbance of what lies on the crystal."""
        total = np.zeros(self.axis.size)
        if self.sample is not None:
            total += self.settings["brightness"] * np.interp(
                self.axis, self.sample.axis, self.sample.intensity
            )
        for centre, width, height in RESIDUE:
            total += self.settings["residue"] * height * _gauss(self.axis, centre, width)
        return np.clip(total, -1.0, 8.0)

    def _air(self) -> FloatArray:
        """Return the transmittance of the air in the instrument."""
        co2 = 0.8 * _gauss(self.axis, 2338.0, 26.0) + _gauss(self.axis, 2361.0, 17.0)
        absorbance = CO2_PATH * self.settings["co2"] * co2
        absorbance += WATER_PATH * self.settings["h2o"] * water_template(self.axis, self.resolution_cm1)
        return np.asarray(10.0**-absorbance, dtype=np.float64)

    def _light_of_source(self) -> FloatArray:
        """Return the single channel without air, 1 at its strongest."""
        x = self.axis
        planck = x**3 / np.expm1(_SECOND_RADIATION * x / _SOURCE_K)
        optics = 1 / (1 + np.exp(-(x - 380.0) / 30.0)) / (1 + np.exp((x - 5500.0) / 300.0))
        light = planck * optics
        if self.atr:
            # Two phonons of diamond absorb here.
            light = light * (1 - 0.75 * _gauss(x, 2100.0, 350.0))
        return np.asarray(light / light.max(), dtype=np.float64)

    def _seen(self, light: FloatArray) -> FloatArray:
        """Return what the detector makes of light: broadened by the resolution, with noise."""
        sigma = self.resolution_cm1 / self.step_cm1 / np.sqrt(8 * np.log(2))
        noise = NOISE * (4.0 / self.resolution_cm1) / np.sqrt(self.scans)
        return _single(gaussian_filter1d(light, sigma) + noise * self._rng.standard_normal(light.size))


def _absorbance(sample: FloatArray, background: FloatArray) -> FloatArray:
    lit = (sample > 0) & (background > 0)
    ratio = np.divide(sample, background, out=np.ones(sample.size), where=lit)
    return _single(np.where(lit, np.minimum(-np.log10(ratio), DARK_ABSORBANCE), DARK_ABSORBANCE))


def _gauss(axis: FloatArray, centre: float, width: float) -> FloatArray:
    return np.asarray(np.exp(-4 * np.log(2) * ((axis - centre) / width) ** 2), dtype=np.float64)


def _single(values: FloatArray) -> FloatArray:
    """Return values rounded to single precision, as the files keep them."""
    return values.astype("<f4").astype(np.float64)
