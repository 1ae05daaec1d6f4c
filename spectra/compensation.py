"""Taking the air out of an infrared spectrum: water's lines subtracted, carbon dioxide's bands bridged.

Everything is linear in the channels once it is decided whether water stands out, so that the noise goes
through exactly. What counts as standing out is what `spectra.atmosphere` calls visible: where narrow bands of
the sample could be taken for water, nothing is subtracted.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from .atmosphere import CO2_SIDES_CM1, COARSEST_STEP_CM1, SLOW_CM1, WATER_BANDS_CM1, water_template
from .noise import noise_of
from .operators import Mask, Matrix, apply, identity, local_polynomial
from .values import FloatArray

#: Fewest channels on either side of a band for a straight line under it.
FEWEST_BESIDE: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """One of water's bands on an axis."""

    place: slice
    """Its channels."""
    template: FloatArray
    """What varies fast of water's lines, shape (channels,)."""
    quick: Matrix
    """Takes off what varies slowly, (channels, channels)."""
    functional: FloatArray
    """What, times the channels, is the height of water's strongest line, shape (channels,)."""
    together: float
    """Channels a line is wide: so many are not independent."""


@dataclass(frozen=True, slots=True, eq=False)
class WaterFit:
    """Water in some spectra."""

    height: FloatArray
    """Height of the strongest line, absorbance, shape (m,)."""
    sigma: FloatArray
    """Its standard deviation, the sample's own structure included, shape (m,)."""
    functional: FloatArray
    """What, times the channels, is the height, shape (m, n)."""


@dataclass(frozen=True, slots=True, eq=False)
class Air:
    """What the air does to spectra on one axis."""

    bridge: Matrix
    """Puts a straight line through both sides under CO₂'s band, (n, n); changes nothing if not covered."""
    lines: FloatArray
    """Water's lines, the strongest 1 high, shape (n,)."""
    bands: tuple[Band, ...]
    """The bands of water that are covered and resolved; may be none."""

    def water(self, rows: FloatArray) -> WaterFit:
        """Fit water's lines to spectra, as `spectra.atmosphere.water_height` does.

        Parameters
        ----------
        rows
            Absorbance, shape (m, n).
        """
        if not self.bands:
            nothing = np.zeros(rows.shape[0])
            return WaterFit(nothing, nothing + np.inf, np.zeros(rows.shape))
        fits = [_fit(band, rows[:, band.place]) for band in self.bands]
        heights, sigmas = np.stack([fit[0] for fit in fits]), np.stack([fit[1] for fit in fits])
        weights = 1 / np.maximum(sigmas, 1e-12) ** 2
        shares = weights / weights.sum(axis=0)
        mean = np.sum(shares * heights, axis=0)
        # Where the bands disagree, narrow bands of the sample were taken for lines.
        disagreement = np.sum(shares * (heights - mean) ** 2, axis=0)
        functional = np.zeros(rows.shape)
        for band, share in zip(self.bands, shares, strict=True):
            functional[:, band.place] = share[:, None] * band.functional
        return WaterFit(mean, np.sqrt(1 / weights.sum(axis=0) + disagreement), functional)


def air_on(axis: FloatArray, *, width_cm1: float) -> Air:
    """Work out what water and carbon dioxide look like on an axis.

    Parameters
    ----------
    axis
        Wavenumber, cm⁻¹, ascending, shape (n,).
    width_cm1
        Full width at half maximum of a water line, cm⁻¹.
    """
    bands = (_band(axis, limits, width_cm1) for limits in WATER_BANDS_CM1)
    return Air(
        co2_bridge(axis), water_template(axis, width_cm1), tuple(band for band in bands if band is not None)
    )


def co2_bridge(axis: FloatArray) -> Matrix:
    """Return the matrix that bridges CO₂'s band at 2349 cm⁻¹, (n, n).

    Between `CO2_SIDES_CM1` each channel becomes the value there of the least-squares line through both sides.
    Nothing is changed where a side has fewer than `FEWEST_BESIDE` channels.
    """
    (low, left), (right, high) = CO2_SIDES_CM1
    sides = np.flatnonzero(((axis >= low) & (axis <= left)) | ((axis >= right) & (axis <= high)))
    between = np.flatnonzero((axis > left) & (axis < right))
    before = int((axis[sides] <= left).sum())
    matrix = identity(axis.size)
    if min(before, sides.size - before) < FEWEST_BESIDE or not between.size:
        return matrix
    centre = 0.5 * (left + right)
    line = np.stack((np.ones(sides.size), axis[sides] - centre), axis=1)
    values = np.stack((np.ones(between.size), axis[between] - centre), axis=1) @ np.linalg.pinv(line)
    kept = np.setdiff1d(np.arange(axis.size), between)
    rows = np.concatenate((kept, np.repeat(between, sides.size)))
    columns = np.concatenate((kept, np.tile(sides, between.size)))
    return Matrix((np.concatenate((np.ones(kept.size), values.ravel())), (rows, columns)), shape=matrix.shape)


def subtract_water(rows: FloatArray, air: Air, fit: WaterFit, *, sigmas: float) -> tuple[FloatArray, Mask]:
    """Subtract the fitted lines where they stand out.

    Parameters
    ----------
    rows
        Absorbance, shape (m, n).
    sigmas
        By how many standard deviations the height must differ from zero.

    Returns
    -------
    ndarray, ndarray
        The rows, shape (m, n); and which were changed, shape (m,).
    """
    seen = np.abs(fit.height) / np.maximum(fit.sigma, 1e-12) > sigmas
    if not seen.any():
        return rows, seen
    return rows - np.where(seen, fit.height, 0.0)[:, None] * air.lines, seen


def _band(axis: FloatArray, limits: tuple[float, float], width_cm1: float) -> Band | None:
    low, high = limits
    place = slice(int(np.searchsorted(axis, low)), int(np.searchsorted(axis, high, side="right")))
    inside = axis[place]
    if inside.size <= 8 or inside[-1] - inside[0] <= 0.9 * (high - low):
        return None
    step = float(np.median(np.diff(inside)))
    if step > COARSEST_STEP_CM1:
        return None
    window = max(round(SLOW_CM1 / step) | 1, 5)
    quick = Matrix(identity(inside.size) - local_polynomial(inside.size, window, 3))
    template = np.asarray(quick @ water_template(inside, width_cm1))
    functional = np.asarray(quick.T @ template) / float(template @ template)
    return Band(place, template, quick, functional, max(1.0, width_cm1 / step))


def _fit(band: Band, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return height and standard deviation in one band, each of shape (m,)."""
    heights = rows @ band.functional
    rest = apply(band.quick, rows) - heights[:, None] * band.template
    scatter = np.maximum(np.sqrt(np.mean(rest**2, axis=-1)), np.median(noise_of(rows), axis=-1))
    return heights, scatter * np.sqrt(band.together / float(band.template @ band.template))
