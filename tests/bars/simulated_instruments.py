"""Simulated spectrometers with lamps and shift standards, each with its own axis, laser, detector and faults.

Line shapes are drawn by oversampling, not by the functions that fit them; the true axis is known exactly.
Lamp wavelengths are the table's; how strong a line shines, which are missing and which strangers appear is
drawn for every instrument.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from calibration.lamps import lamp_lines
from calibration.standards import standard_lines

#: Points that one channel is made of.
_OVER = 9
#: Relative heights of bands, from ``calibration/data/shift_standards.csv`` where it has numbers.
_BANDS = {
    "silicon": ((520.45, 1.0, 3.5), (302.0, 0.02, 25.0), (955.0, 0.06, 60.0)),
    "polystyrene": (
        (620.9, 0.16, 6.0),
        (795.8, 0.10, 12.0),
        (1001.4, 1.0, 4.5),
        (1031.8, 0.27, 7.0),
        (1155.3, 0.13, 8.0),
        (1182.0, 0.08, 10.0),
        (1450.5, 0.08, 16.0),
        (1583.1, 0.12, 8.0),
        (1602.3, 0.28, 7.0),
        (2852.4, 0.09, 20.0),
        (2904.5, 0.13, 25.0),
        (3054.3, 0.32, 12.0),
    ),
    "acetaminophen": tuple((line, 0.3, 9.0) for line in standard_lines("acetaminophen")),
}


@dataclass(frozen=True, slots=True)
class Instrument:
    """One simulated instrument and what it measured."""

    true_nm: np.ndarray
    """True wavelength of each pixel."""
    true_laser_nm: float
    """True laser line."""
    guess: tuple[float, ...]
    """What is believed of the axis."""
    stated_nm: float
    """What is believed of the laser."""
    lamp: str
    """Which lamps shine."""
    lamp_counts: np.ndarray
    """Their spectrum."""
    standard: str
    """Shift standard."""
    standard_counts: np.ndarray
    """Its scan, the dark taken off."""
    saturation: float
    """Counts at which the detector is full."""
    words: str
    """What is special about it."""

    @property
    def true_shift(self) -> np.ndarray:
        """True Raman shift of each pixel, cm⁻¹."""
        return 1e7 / self.true_laser_nm - 1e7 / self.true_nm


def instrument(draw: np.random.Generator) -> Instrument:
    """Return a random instrument."""
    pixels = int(draw.choice([1024, 1044, 2048]))
    stated = float(draw.choice([785.0, 785.0, 785.0, 830.0, 633.0]))
    laser = stated + float(draw.uniform(-0.7, 0.7))
    first, last = draw.uniform(-150.0, 250.0), draw.uniform(2000.0, 3300.0)
    low, high = 1 / (1 / laser - first * 1e-7), 1 / (1 / laser - last * 1e-7)
    u = np.arange(pixels) / (pixels - 1)
    bend, twist = draw.uniform(1.0, 6.0), draw.uniform(-0.8, 0.8)
    coefficients = np.polynomial.Polynomial(
        [low, high - low + 4 * bend / 1 + twist, -4 * bend - 3 * twist, 2 * twist]
    )
    # Over u; over pixels each power is divided by (pixels − 1)ⁱ.
    powers = coefficients.coef / (pixels - 1.0) ** np.arange(4)
    true_nm = coefficients(u)
    wrong = 1 + float(draw.uniform(-0.01, 0.01))
    guess = powers * np.array([1.0, wrong, wrong, wrong])
    guess[0] += float(draw.uniform(-2.0, 2.0))
    fwhm_px = float(draw.uniform(1.6, 5.0)) * (pixels / 2048) ** 0.5
    tail = float(draw.uniform(0.0, 0.35)) * fwhm_px
    lamp = "neon" if draw.random() < 0.6 else "neon+argon"
    if stated == 830.0:
        lamp = "neon+argon"
    lit, words = _lamp(true_nm, lamp, fwhm_px, tail, draw)
    standard = str(draw.choice(["silicon", "silicon", "polystyrene", "acetaminophen"]))
    band = _standard(true_nm, laser, standard, fwhm_px, tail, draw)
    return Instrument(
        true_nm, laser, tuple(guess), stated, lamp, lit, standard, band, 65535.0, f"{stated:g} nm, {words}"
    )


def _lamp(true_nm, lamp, fwhm_px, tail, draw):
    table = lamp_lines(lamp.split("+"))
    strength = 10 ** (4 * (table.strength - 1)) * np.exp(draw.normal(0.0, 0.7, len(table)))
    missing = draw.random(len(table)) < draw.uniform(0.0, 0.35)
    strength[missing] = 0.0
    at = np.interp(table.wavelength_nm, true_nm, np.arange(true_nm.size), left=-99.0, right=-99.0)
    strangers = int(draw.integers(0, 9))
    at = np.concatenate([at, draw.uniform(0, true_nm.size, strangers)])
    seen = strength[at[: len(table)] > 0]
    top = seen.max() if seen.size else 1.0
    strength = np.concatenate([strength, top * 10 ** draw.uniform(-2.5, -0.3, strangers)]) / top
    full = float(10 ** draw.uniform(3.5, 5.1))
    counts = full * _drawn(at, strength, true_nm.size, fwhm_px, tail)
    counts += 900 + draw.uniform(0, 400) * np.linspace(-1, 1, true_nm.size)
    return _read(counts, draw), f"{lamp}, {int(missing.sum())} missing, {strangers} strangers, top {full:.0f}"


def _standard(true_nm, laser, standard, fwhm_px, tail, draw):
    shift = 1e7 / laser - 1e7 / true_nm
    height = float(10 ** draw.uniform(3.3, 4.6))
    over = np.linspace(-0.5, true_nm.size - 0.5, true_nm.size * _OVER, endpoint=False) + 0.5 / _OVER
    fine = np.interp(over, np.arange(true_nm.size), shift)
    light = np.zeros(fine.size)
    for centre, share, width in _BANDS[standard]:
        light += share / (1 + ((fine - centre) / (width / 2)) ** 2)
    light = np.convolve(light, _kernel(fwhm_px, tail), mode="same").reshape(-1, _OVER).mean(axis=1)
    humps = draw.uniform(0, 3) * height * np.exp(-(((shift - 800) / draw.uniform(700, 2000)) ** 2))
    laser_line = 5 * height * np.exp(-((shift / 40.0) ** 2))
    dark = 1000.0
    counts = height * light + humps + laser_line
    # Whoever calibrates chooses an exposure that does not fill the detector with what is measured.
    beyond = counts[shift > 120.0].max() if (shift > 120.0).any() else counts.max()
    return _read(counts * min(1.0, 50000.0 / beyond) + dark, draw) - dark


def _drawn(at, strength, size, fwhm_px, tail):
    fine = np.zeros(size * _OVER)
    place = np.rint((at + 0.5) * _OVER - 0.5).astype(int)
    inside = (place >= 0) & (place < fine.size) & (at > 0)
    np.add.at(fine, place[inside], strength[inside])
    kernel = _kernel(fwhm_px, tail)
    return np.convolve(fine, kernel / kernel.max(), mode="same").reshape(-1, _OVER).mean(axis=1)


def _kernel(fwhm_px, tail):
    reach = int(6 * fwhm_px * _OVER)
    t = np.arange(-reach, reach + 1) / _OVER
    gauss = np.exp(-4 * np.log(2) * (t / fwhm_px) ** 2)
    if tail > 0:
        gauss = np.convolve(gauss, np.where(t >= 0, np.exp(-np.maximum(t, 0) / tail), 0), mode="same")
        # Where a skewed line "is" is a convention. Here, as for every table of fitted bands: where a Gaussian
        # fitted to it has its centre.
        gauss = np.interp(t + _gaussian_centre(t, gauss), t, gauss)
    return gauss / gauss.sum()


def _gaussian_centre(t, line):
    start = [float(t[np.argmax(line)]), 1.0, float(line.max())]
    return least_squares(lambda p: p[2] * np.exp(-(((t - p[0]) / p[1]) ** 2)) - line, start).x[0]


def _read(counts, draw):
    gain, noise = draw.uniform(1.0, 6.0), draw.uniform(5.0, 60.0)
    seen = draw.poisson(np.maximum(counts, 0.0) * gain) / gain + draw.normal(0.0, noise, counts.size)
    for _ in range(int(draw.integers(0, 3))):
        seen[int(draw.integers(0, counts.size))] += draw.uniform(500, 8000)
    return np.clip(np.rint(seen), 0.0, 65535.0)
