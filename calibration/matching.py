"""Which line of a lamp is which: from a rough axis to one on which peaks and lines meet.

Every straight correction of the guess (and a slight bend) within what a guess may be wrong by is tried,
and scored by how much of the light it puts on lines of the table. Peaks that are no line of the table, and
lines that the lamp does not show, lower the score of every hypothesis alike and mislead none.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from spectra.values import FloatArray

from .errors import NotCalibrated
from .lamps import LampLines
from .peaks import LampPeaks

#: What a guess may be wrong by: as a whole, nm, and in its dispersion, share. Half again what users were
#: promised (2 nm and 1 %), so that the truth is never at the edge of the search.
OFFSET_NM = 3.0
STRETCH = 0.015
#: Bends tried: deviation of the middle from a straight correction, nm (chosen).
BENDS_NM = (-0.6, -0.3, 0.0, 0.3, 0.6)
#: Step of the search and reach of a line, in line widths.
_STEP, _REACH = 0.5, 0.6
#: Peaks that are matched: the strongest ones.
_PEAKS = 60
#: Hypotheses that are handed on, each of another place.
KEPT = 12


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A correction of the guess."""

    wavelength_nm: FloatArray
    """Axis it gives, nm, shape (pixels,)."""
    score: float
    """Share of the peaks' weight that lies on lines, 0 to 1."""


def hypotheses(peaks: LampPeaks, lines: LampLines, guess_nm: FloatArray) -> list[Hypothesis]:
    """Return the corrections of a guess that explain the peaks best, best first.

    Parameters
    ----------
    peaks
        Peaks of the lamp.
    lines
        Its lines.
    guess_nm
        Rough wavelength of each pixel, nm, shape (pixels,), ascending; may be wrong by `OFFSET_NM` and
        `STRETCH`.

    Raises
    ------
    NotCalibrated
        Fewer than four lines of the lamp are in reach of the guess.
    """
    size = guess_nm.size
    dispersion = float(guess_nm[-1] - guess_nm[0]) / (size - 1)
    half_nm = 0.5 * float(guess_nm[-1] - guess_nm[0])
    reach_nm = OFFSET_NM + 2 * STRETCH * half_nm
    within = (lines.wavelength_nm > guess_nm[0] - reach_nm) & (lines.wavelength_nm < guess_nm[-1] + reach_nm)
    if within.sum() < 4:
        raise NotCalibrated("the lamp has fewer than four lines in the range of this spectrometer")
    width_nm = max(peaks.fwhm, 2.0) * dispersion
    table = _Reach(lines, within, guess_nm, reach_nm, _REACH * width_nm)
    strongest = np.argsort(peaks.height)[::-1][:_PEAKS]
    at, weight = peaks.pixel[strongest], _weight(peaks, strongest)
    rough = np.interp(at, np.arange(size), guess_nm)
    u = at / (size - 1) * 2 - 1
    step = _STEP * width_nm
    # Wherever a guess is anchored, its stretch moves the middle as well as the ends.
    shifts = np.arange(-OFFSET_NM - STRETCH * half_nm, OFFSET_NM + STRETCH * half_nm + step, step)
    tilts = np.arange(-STRETCH * half_nm, STRETCH * half_nm + step, step)
    tried: list[tuple[float, tuple[float, float, float]]] = []
    for tilt, bend in product(tilts, BENDS_NM):
        moved = rough + tilt * u + bend * (1 - u * u)
        scores = table.at(moved[None, :] + shifts[:, None]) @ weight
        best = np.argsort(scores)[::-1][:2]
        tried += [(float(scores[one]), (float(shifts[one]), float(tilt), bend)) for one in best]
    tried.sort(reverse=True)
    everywhere = np.linspace(-1, 1, size)
    kept: list[Hypothesis] = []
    for score, (shift, tilt, bend) in tried:
        axis = guess_nm + shift + tilt * everywhere + bend * (1 - everywhere**2)
        if all(np.abs(axis - one.wavelength_nm).max() > 2 * width_nm for one in kept):
            kept.append(Hypothesis(axis, score))
        if len(kept) == KEPT:
            break
    return kept


def _weight(peaks: LampPeaks, chosen: npt.NDArray[np.intp]) -> FloatArray:
    """Return the weight of peaks, sum 1: one decade of height counts as much as another."""
    weight = np.log1p(peaks.height[chosen] / peaks.noise)
    return np.asarray(weight / weight.sum(), dtype=np.float64)


class _Reach:
    """How well a wavelength agrees with some line: 1 on a strong one, 0 between the lines."""

    def __init__(
        self,
        lines: LampLines,
        within: npt.NDArray[np.bool_],
        guess_nm: FloatArray,
        reach_nm: float,
        sigma_nm: float,
    ) -> None:
        self._start = float(guess_nm[0]) - 2 * reach_nm
        self._step = sigma_nm / 8
        count = int((float(guess_nm[-1]) + 2 * reach_nm - self._start) / self._step) + 2
        grid = self._start + self._step * np.arange(count)
        self._value = np.zeros(count)
        for line, strength in zip(lines.wavelength_nm[within], lines.strength[within], strict=True):
            worth = (0.4 + 0.6 * strength) * np.exp(-0.5 * ((grid - line) / sigma_nm) ** 2)
            np.maximum(self._value, worth, out=self._value)

    def at(self, wavelength_nm: FloatArray) -> FloatArray:
        index = np.rint((wavelength_nm - self._start) / self._step).astype(np.intp)
        return np.asarray(self._value[np.clip(index, 0, self._value.size - 1)], dtype=np.float64)
