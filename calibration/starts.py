"""Rough axes that bring the peaks of a lamp onto its lines: where the precise fit may start.

Several are returned where the peaks alone cannot decide: a faint peak at the end of the detector can hold
an axis a line's width off.
"""

import numpy as np

from spectra.values import FloatArray

from .errors import NotCalibrated
from .lamps import LampLines
from .matching import Hypothesis, hypotheses
from .peaks import LampPeaks
from .polynomial_fit import fit_polynomial

#: Least share of what stands out that must be lines of the lamps.
MIN_EXPLAINED = 0.55
#: Axes that explain nearly as much as the best one are followed, too: share of the best, and how many.
RIVAL = 0.93
MOST_RIVALS = 4
#: How near a settled axis must bring a peak to a line for it to count, line widths (chosen).
_TIGHT = 0.25


def starts_of(peaks: LampPeaks, lines: LampLines, guess_nm: FloatArray) -> list[FloatArray]:
    """Return the different axes that explain the peaks about equally well, best first, by the peaks alone."""
    tried = [_by_peaks(peaks, lines, one, guess_nm) for one in hypotheses(peaks, lines, guess_nm)]
    tried.sort(key=lambda one: -one[1])
    most = tried[0][1]
    if most == 0.0:
        raise NotCalibrated("too few lines of the lamp are seen: longer exposure, or a second lamp")
    if most < MIN_EXPLAINED:
        raise NotCalibrated(
            f"only {most:.0%} of what stands out is lines of the lamp: another lamp, too rough a guess, "
            "or light of the room"
        )
    low, high = int(peaks.pixel.min()), int(peaks.pixel.max()) + 1
    starts: list[FloatArray] = []
    for axis, share in tried:
        same = 0.3 * peaks.fwhm * float(np.median(np.diff(axis)))
        new = all(np.abs(axis - other)[low:high].max() > same for other in starts)
        if share > RIVAL * most and new:
            starts.append(axis)
    return starts[:MOST_RIVALS]


def _by_peaks(
    peaks: LampPeaks, lines: LampLines, start: Hypothesis, guess_nm: FloatArray
) -> tuple[FloatArray, float]:
    axis = start.wavelength_nm
    channels = np.arange(axis.size, dtype=np.float64)
    dispersion = float(np.median(np.diff(axis)))
    for reach in (1.0, 0.7, 0.5, 0.5):
        at = np.interp(peaks.pixel, channels, axis)
        nearest = lines.wavelength_nm[np.abs(lines.wavelength_nm[:, None] - at).argmin(axis=0)]
        near = np.abs(nearest - at) < reach * max(peaks.fwhm, 2.0) * dispersion
        target = nearest[near] - np.interp(peaks.pixel[near], channels, guess_nm)
        sigma = np.full(target.size, 0.3 * dispersion)
        fit = fit_polynomial(
            peaks.pixel[near],
            target,
            sigma,
            extent=axis.size - 1.0,
            floor=0.1 * dispersion,
            degrees=(1, 2, 3),
        )
        if fit is None:
            return axis, 0.0
        moved = guess_nm + fit.at(channels)
        if not (np.diff(moved) > 0).all():
            return axis, 0.0
        axis = moved
    return axis, explained(peaks, lines, axis)


def explained(peaks: LampPeaks, lines: LampLines, axis_nm: FloatArray) -> float:
    """Return how much of what stands out an axis brings onto lines, 0 to 1."""
    at = np.interp(peaks.pixel, np.arange(axis_nm.size), axis_nm)
    off = np.abs(lines.wavelength_nm[:, None] - at).min(axis=0)
    weight = np.log1p(peaks.height / peaks.noise)
    tight_nm = _TIGHT * peaks.fwhm * float(np.median(np.diff(axis_nm)))
    return float(weight @ np.exp(-0.5 * (off / tight_nm) ** 2) / weight.sum())
