"""Noise through a chain of linear steps, some of which differ from spectrum to spectrum.

Most of a recipe is the same matrix L for every spectrum of an axis. Two things are decided spectrum by
spectrum: which channels a cosmic ray has hit (B, a bridge before L), and whether water's lines are subtracted
(a rank-one change: L·y − u·(g·y), with u what L makes of the lines and g·y their height). Given the decision
both are linear, and the variance stays exact.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from .operators import Mask, Matrix, apply, bridge, variance_of
from .values import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """What was decided spectrum by spectrum."""

    spikes: Mask | None = None
    """Channels that were bridged, shape (m, channels); None where none was searched for."""
    water: FloatArray | None = None
    """g, zero where nothing was subtracted, shape (m, channels); None where the air was left alone."""

    def changed(self) -> np.ndarray[Any, np.dtype[np.intp]]:
        """Return the spectra that did not go the common way."""
        one_each = self.water if self.spikes is None else self.spikes
        return np.zeros(0, np.intp) if one_each is None else np.flatnonzero(np.any(one_each, axis=-1))


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Linear steps from a spectrum's channels to points."""

    matrix: Matrix
    """L, shape (points, channels)."""
    squared: Matrix
    """L∘L, which takes variances along; same shape."""
    reach: FloatArray | None
    """u, what the steps make of water's lines, shape (points,); None where the air is left alone."""

    @classmethod
    def of(cls, matrix: Matrix, *, before: Matrix | None = None, lines: FloatArray | None = None) -> Self:
        """Make a chain of a matrix, of one to go before it, and of lines subtracted between them."""
        whole = matrix if before is None else Matrix(matrix @ before)
        return cls(
            whole,
            Matrix(whole.multiply(whole)),
            None if lines is None else np.asarray(matrix @ lines, dtype=np.float64),
        )

    def variance(self, noise: FloatArray, decided: Decided) -> FloatArray:
        """Return the variance of the points.

        Parameters
        ----------
        noise
            Standard deviations of the channels, shape (m, channels), or (1, channels) for all spectra.
        decided
            What was decided spectrum by spectrum.

        Returns
        -------
        ndarray
            Shape (m, points), or (1, points) where noise and steps are the same for all.
        """
        variance = apply(self.squared, noise**2)
        changed = decided.changed()
        if not changed.size:
            return variance
        one_each = decided.spikes if decided.spikes is not None else decided.water
        rows = one_each.shape[0] if one_each is not None else 0
        variance = np.array(np.broadcast_to(variance, (rows, variance.shape[1])))
        spread = np.broadcast_to(noise, (rows, noise.shape[1]))[changed]
        if decided.spikes is not None:
            marked = decided.spikes[changed]
            bridged = [self._bridged(*pair) for pair in zip(marked, spread, strict=True)]
            variance[changed] = np.stack(bridged)
        if decided.water is not None:
            variance[changed] += self._of_lines(decided.water[changed], spread)
        return variance

    def _bridged(self, marked: Mask, noise: FloatArray) -> FloatArray:
        return np.asarray(variance_of(Matrix(self.matrix @ bridge(marked)), noise[None])[0])

    def _of_lines(self, functionals: FloatArray, noise: FloatArray) -> FloatArray:
        """Return what the subtraction adds: u²·(g²·v) − 2·u∘L·(g∘v), shape (m, points).

        CO₂'s bridge lies outside water's bands, so that g meets the same channels before and behind it.
        """
        own = np.sum(functionals**2 * noise**2, axis=-1)[:, None]
        crossed = apply(self.matrix, functionals * noise**2)
        reach = self.reach if self.reach is not None else np.zeros(self.matrix.shape[0])
        return np.asarray(reach**2 * own - 2.0 * reach * crossed, dtype=np.float64)
