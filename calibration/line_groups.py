"""Where the lines of a lamp are on the detector, neighbours that run into each other fitted together.

Several lines of a lamp within a line's width make one bump, whose top is nobody's wavelength. Here the
table's wavelengths keep their distances, each line has its own strength (never below 0), and one shift
moves them together: what is found is where the light of the group is, and which wavelength that light has.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls
from scipy.special import erf

from spectra.values import FloatArray

from .lamps import LampLines
from .peaks import LampPeaks

#: Lines closer than this run into each other, line widths.
_TOGETHER = 1.6
#: Channels on each side of a group that take part, line widths.
_MARGIN = 2.0
#: Light of a group over its uncertainty, at least.
MIN_SIGMAS = 5.0
#: No line is drawn exactly as the model does: so much of its height is uncertain. Chosen, and small:
#: with 0.05 a skewed line counts by its foot, while the fit of a Raman band counts by its top, 0.5 cm⁻¹ away.
_SHAPE = 0.02
#: A group's shift is sought within this, line widths; what wants to go further belongs to another line.
_FURTHEST = 1.0
#: A neighbour weaker than this beside the strongest of its group is left out, in strength of `LampLines`.
_FAINTER = 0.6


@dataclass(frozen=True, slots=True)
class FoundLine:
    """A line of the lamp, or a group of lines that cannot be told apart."""

    element: str
    """Element of its strongest part."""
    wavelength_nm: float
    """Wavelength of its light: mean of its parts, weighted by their light, nm."""
    pixel: float
    """Where that light is, pixel."""
    sigma: float
    """Standard uncertainty of the place, pixel."""
    sigmas: float
    """Its light over the uncertainty of its light."""


def found_lines(peaks: LampPeaks, lines: LampLines, axis_nm: FloatArray) -> list[FoundLine]:
    """Return the lines that are seen, ascending.

    Parameters
    ----------
    peaks
        Spectrum of the lamp.
    lines
        Lines of the lamp.
    axis_nm
        Wavelength of each pixel, right to about a line's width, nm, shape (pixels,), ascending.
    """
    size = axis_nm.size
    inside = (lines.wavelength_nm > axis_nm[0]) & (lines.wavelength_nm < axis_nm[-1])
    chosen = np.flatnonzero(inside)
    expected = np.interp(lines.wavelength_nm[chosen], axis_nm, np.arange(size))
    found: list[FoundLine] = []
    for group in _groups(expected, _TOGETHER * peaks.fwhm):
        members, places = chosen[group], expected[group]
        strong = lines.strength[members] >= lines.strength[members].max() - _FAINTER
        line = _fitted(peaks, lines, members[strong], places[strong])
        if line is not None:
            found.append(line)
    return found


def _groups(expected: FloatArray, reach: float) -> list[npt.NDArray[np.intp]]:
    """Return the indices of lines that lie within reach of their neighbours."""
    if not expected.size:
        return []
    breaks = np.flatnonzero(np.diff(expected) > reach) + 1
    return [np.asarray(one) for one in np.split(np.arange(expected.size), breaks)]


def _fitted(
    peaks: LampPeaks, lines: LampLines, members: npt.NDArray[np.intp], places: FloatArray
) -> FoundLine | None:
    reach = _MARGIN * peaks.fwhm
    low, high = int(np.floor(places[0] - reach)), int(np.ceil(places[-1] + reach)) + 1
    if low < 0 or high > peaks.counts.size or peaks.clipped[low:high].any():
        return None
    channel = np.arange(low, high, dtype=np.float64)
    seen = peaks.counts[low:high]
    sigma = np.hypot(peaks.noise, _SHAPE * np.maximum(seen, 0.0))
    if seen.max() < MIN_SIGMAS * peaks.noise:
        return None
    shifts = np.linspace(-_FURTHEST, _FURTHEST, 21) * peaks.fwhm
    misfits = np.array([_solved(channel, seen, sigma, places + one, peaks.fwhm)[0] for one in shifts])
    best = int(np.argmin(misfits))
    if best in {0, shifts.size - 1}:
        return None
    shift, bend = _bottom(shifts, misfits, best)
    misfit, light = _solved(channel, seen, sigma, places + shift, peaks.fwhm)
    if bend <= 0 or not light.any():
        return None
    # A model that fits worse than its uncertainties say is as much less certain (Birge ratio).
    spread = max(1.0, misfit / max(channel.size - light.size - 2, 1))
    wavelength = float(light @ lines.wavelength_nm[members] / light.sum())
    strongest = int(np.argmax(light))
    place = float(light @ (places + shift) / light.sum())
    height = float(light.max()) / float(np.median(sigma)) / np.sqrt(spread)
    if height < MIN_SIGMAS:
        return None
    return FoundLine(
        lines.elements[members[strongest]], wavelength, place, float(np.sqrt(spread / bend)), height
    )


def _bottom(shifts: FloatArray, misfits: FloatArray, best: int) -> tuple[float, float]:
    """Return the lowest place of the parabola through three misfits, and half its second derivative."""
    step = float(shifts[1] - shifts[0])
    left, mid, right = misfits[best - 1 : best + 2]
    bend = (left - 2 * mid + right) / step**2
    if bend <= 0:
        return float(shifts[best]), 0.0
    return float(shifts[best] + 0.5 * (left - right) / (bend * step)), float(bend / 2)


def _solved(
    channel: FloatArray, seen: FloatArray, sigma: FloatArray, places: FloatArray, fwhm: float
) -> tuple[float, FloatArray]:
    """Return misfit (χ²) and light of lines at given places, with a level that may be of either sign."""
    level = np.ones(channel.size)
    model = np.column_stack([line_shape(channel, place, fwhm) for place in places] + [level, -level])
    light, rest = nnls(model / sigma[:, None], seen / sigma)
    return float(rest**2), np.asarray(light[: places.size], dtype=np.float64)


def line_shape(channel: FloatArray, place: float, fwhm: float) -> FloatArray:
    """Return a Gaussian line of height about 1, as channels of width 1 collect it, shape of ``channel``."""
    root = np.sqrt(2.0) * fwhm / (2.0 * np.sqrt(2.0 * np.log(2.0)))
    edges = (erf((channel + 0.5 - place) / root) - erf((channel - 0.5 - place) / root)) * 0.5
    return np.asarray(edges / (1.0 / (root * np.sqrt(np.pi))), dtype=np.float64)
