"""From light to counts: the physics of a spectrometer as pure functions.

Electrons are counted per pixel: Raman and fluorescence light are proportional to the laser's energy (mJ), a
lamp to the exposure (s). A chip turns electrons into counts: photo-response, dark current, shot noise, read
noise, bias, fixed pattern, saturation. The noise model is the usual one of a linear image sensor (EMVA
1288, release 4.0, section 2: Poisson electrons, normal read noise, linear conversion). Numbers of a chip
are typical of its class, chosen for these emulators and taken from no data sheet.
"""

from dataclasses import dataclass

import numpy as np

from spectra.values import FloatArray

#: Energy at which the brightest channel of a sample of brightness 1 fills `TYPICAL_FILL`: 100 mW for 1 s, mJ.
TYPICAL_ENERGY_MJ = 100.0
#: Share of the range above the bias that a typical powder fills at `TYPICAL_ENERGY_MJ`.
TYPICAL_FILL = 0.6

# Relative response of deep-depletion silicon: flat to 850 nm, falling to the band edge. Typical of the class.
_QE_NM = (350.0, 500.0, 650.0, 785.0, 850.0, 900.0, 950.0, 1000.0, 1050.0, 1100.0)
_QE = (0.40, 0.75, 0.92, 0.95, 0.93, 0.87, 0.72, 0.47, 0.18, 0.04)
# InGaAs, for detectors that start above 850 nm and end above 1150 nm. Typical of the class.
_QE_INGAAS_NM = (850.0, 950.0, 1100.0, 1600.0, 1700.0, 2600.0)
_QE_INGAAS = (0.20, 0.65, 0.80, 0.82, 0.60, 0.55)

PHOTO_RESPONSE_SPREAD = 0.003
COSMIC_MEAN_FILL = 0.15
#: Warming that doubles the dark current, °C; chosen, silicon image sensors double every 6–9 °C.
DARK_DOUBLING_C = 7.0
#: How far the light moves over the chip when the spectrograph warms up, nm per °C: chosen, about 0.3 cm⁻¹
#: per °C at 850 nm.
DRIFT_NM_PER_C = 0.02


@dataclass(frozen=True, slots=True)
class Chip:
    """A detector with its amplifier and converter."""

    full_scale: int
    """Counts at which the converter clips."""
    electrons_per_count: float
    """Conversion, e⁻ per count."""
    bias: float
    """Counts without light and without exposure."""
    read_noise: float
    """Standard deviation of one read-out, e⁻."""
    dark_rate: float
    """Dark current, e⁻ per pixel and s."""
    pattern: float
    """Standard deviation of the fixed pattern over the pixels, counts."""

    @property
    def typical_electrons(self) -> float:
        """Electrons of the brightest channel of a typical powder at `TYPICAL_ENERGY_MJ`."""
        return TYPICAL_FILL * (self.full_scale - self.bias) * self.electrons_per_count


@dataclass(frozen=True, slots=True)
class FixedPattern:
    """What differs from pixel to pixel and stays."""

    offset: FloatArray
    """Counts added to the bias, shape (pixels,)."""
    response: FloatArray
    """Relative photo-response, near 1, shape (pixels,)."""

    @classmethod
    def of(cls, chip: Chip, pixels: int, rng: np.random.Generator) -> "FixedPattern":
        """Draw the pattern of one specimen of a chip."""
        offset = rng.normal(0.0, chip.pattern, pixels)
        return cls(offset, 1.0 + rng.normal(0.0, PHOTO_RESPONSE_SPREAD, pixels))


def wavelengths(coefficients: tuple[float, ...], pixels: int) -> FloatArray:
    """Return the wavelength of each pixel, Σ cᵢ pⁱ, nm, shape (pixels,)."""
    pixel = np.arange(pixels, dtype=np.float64)
    axis = np.zeros(pixels)
    for coefficient in reversed(coefficients):
        axis = axis * pixel + coefficient
    return axis


def raman_shift(wavelength_nm: FloatArray, laser_nm: float) -> FloatArray:
    """Return the Raman shift 10⁷/λ₀ − 10⁷/λ, cm⁻¹."""
    return 1e7 / laser_nm - 1e7 / wavelength_nm


def quantum_efficiency(wavelength_nm: FloatArray) -> FloatArray:
    """Return electrons per photon at each wavelength (nm): silicon, or InGaAs for near-infrared axes."""
    if wavelength_nm.size and wavelength_nm.max() > 1150.0:
        return np.interp(wavelength_nm, _QE_INGAAS_NM, _QE_INGAAS)
    return np.interp(wavelength_nm, _QE_NM, _QE)


def sample_profile(at: FloatArray, axis: FloatArray, intensity: FloatArray) -> FloatArray:
    """Return a sample's light on other channels, 1 at the brightest, its own baseline kept.

    Parameters
    ----------
    at : ndarray, shape (pixels,)
        Where to know it, cm⁻¹. Beyond the sample's axis its end values are held.
    axis, intensity : ndarray, shape (n,)
        The sample's spectrum, axis ascending, cm⁻¹. Light cannot be negative: such values count as none.
    """
    light = np.interp(at, axis, np.maximum(intensity, 0.0))
    brightest = float(light.max(initial=0.0))
    return light / brightest if brightest > 0 else np.zeros_like(light)


def fluorescence_profile(shift_cm1: FloatArray) -> FloatArray:
    """Return a broad background, at most 1: a Gaussian around 900 cm⁻¹, as impure powders show."""
    profile: FloatArray = np.exp(-0.5 * ((shift_cm1 - 900.0) / 900.0) ** 2)
    return profile


def lamp_profile(wavelength_nm: FloatArray) -> FloatArray:
    """Return a smooth lamp, at most 1, brightest in the middle of the axis."""
    middle, width = wavelength_nm.mean(), np.ptp(wavelength_nm)
    profile: FloatArray = np.exp(-0.5 * ((wavelength_nm - middle) / (0.5 * width)) ** 2)
    return profile


def electron_rate(profile: FloatArray, wavelength_nm: FloatArray, chip: Chip) -> FloatArray:
    """Return electrons per mJ of laser energy for light of a profile, response included, shape (pixels,)."""
    efficiency = quantum_efficiency(wavelength_nm)
    relative: FloatArray = efficiency / efficiency.max()
    return profile * relative * (chip.typical_electrons / TYPICAL_ENERGY_MJ)


def cosmic_electrons(
    chip: Chip, pixels: int, exposure_s: float, rate: float, rng: np.random.Generator, *, rays: int = 0
) -> FloatArray:
    """Return electrons of cosmic rays, 1–3 pixels wide each.

    ``rate`` is hits per s on the whole chip; ``rays`` come besides, however short the exposure.
    """
    electrons = np.zeros(pixels)
    for _ in range(rays + rng.poisson(rate * exposure_s)):
        first, width = rng.integers(pixels), rng.integers(1, 4)
        electrons[first : first + width] += rng.exponential(
            COSMIC_MEAN_FILL * chip.full_scale * chip.electrons_per_count
        )
    return electrons


def read_out(
    chip: Chip,
    pattern: FixedPattern,
    light_electrons: FloatArray,
    exposure_s: float,
    rng: np.random.Generator,
    *,
    cosmic_rate: float = 0.0,
    rays: int = 0,
    dark: FloatArray | float = 1.0,
    nonlinearity: tuple[float, ...] = (),
) -> FloatArray:
    """Return the counts of one exposure, whole numbers in 0..full scale, shape (pixels,).

    Parameters
    ----------
    light_electrons : ndarray, shape (pixels,)
        Mean number of electrons set free by light.
    exposure_s : float
        Exposure, s; dark current and cosmic rays grow with it.
    rng : numpy.random.Generator
        Source of the noise: the same state gives the same counts.
    cosmic_rate : float
        Cosmic rays per s on the whole chip.
    rays : int
        Cosmic rays that come besides.
    dark : ndarray, shape (pixels,), or float
        Dark current relative to the chip's own.
    nonlinearity : tuple of float
        Polynomial cᵢ that the measured signal is to be divided by, see `bent`; empty for a linear chip.
    """
    mean = light_electrons * pattern.response + chip.dark_rate * dark * exposure_s
    electrons = rng.poisson(np.minimum(mean, 1e12)).astype(np.float64)
    electrons += cosmic_electrons(chip, mean.size, exposure_s, cosmic_rate, rng, rays=rays)
    electrons += rng.normal(0.0, chip.read_noise, mean.size)
    signal = bent(electrons / chip.electrons_per_count, nonlinearity, float(chip.full_scale))
    counts = chip.bias + pattern.offset + signal
    return np.clip(np.rint(counts), 0.0, chip.full_scale)


def bent(signal: FloatArray, coefficients: tuple[float, ...], full_scale: float) -> FloatArray:
    """Return the signal y a nonlinear chip measures instead of x: y = x · Σ cᵢ yⁱ, shape (pixels,).

    Dividing y by Σ cᵢ yⁱ gives x back, as Ocean Optics devices define their coefficients (SeaBreeze,
    ``NonlinearityCoeffsFeature``). Where the polynomial is near 1, six rounds of inserting y into it are
    exact to far less than a count; signals beyond full scale are cut first, for it says nothing about them.
    """
    if not coefficients:
        return signal
    straight = np.clip(signal, -full_scale, full_scale)
    measured = straight
    for _ in range(6):
        measured = straight * np.polynomial.polynomial.polyval(measured, coefficients)
    return np.where(signal > full_scale, signal, measured)


def boxcar(counts: FloatArray, half_width: int) -> FloatArray:
    """Return the mean over 2·half_width + 1 pixels, over fewer at the ends."""
    if half_width < 1:
        return counts
    window = np.ones(2 * half_width + 1)
    total: FloatArray = np.convolve(counts, window)[half_width : half_width + counts.size]
    members: FloatArray = np.convolve(np.ones_like(counts), window)[half_width : half_width + counts.size]
    return total / members


def binned(counts: FloatArray, factor: int) -> FloatArray:
    """Return means over groups of 2^factor pixels, shape (pixels >> factor,)."""
    pixels = counts.size >> factor
    means: FloatArray = counts[: pixels << factor].reshape(pixels, 1 << factor).mean(axis=1)
    return means
