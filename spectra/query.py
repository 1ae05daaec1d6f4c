"""A scan made ready for search: values, blank, and how far each point can be trusted.

Two kinds of error are weighed at every point. Noise is known from the scan. Mismatch is what two
instruments never agree on after shift, width and response were fitted: it is proportional to the signal
*at that point*, so that a weak band beside a strong one still counts, and an absent weak band still speaks
against a candidate that matches the strong one. Against its own blank a scan has much less of it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter1d

from .recipe import Features
from .refset import ReferenceSet
from .values import FloatArray

#: Relative difference to be expected between the signal of two instruments after shift, width and
#: response were fitted. Chosen, larger than the ripple the null simulation gives its instruments (0.10):
#: true pairs of five open 785 and 532 nm instruments then leave 0.15 to 2.2 times the expected energy.
RIPPLE_REFERENCE = 0.2

#: The same between a scan and a blank of the same instrument. Chosen.
RIPPLE_BLANK = 0.05

#: Mismatch beside bands (residues of the baseline), relative to the strongest band: of references and of
#: the blank. Chosen: the leave-one-out neighbours of 80 open spectra part best from their sources there.
FLOOR_REFERENCE, FLOOR_BLANK = 0.01, 0.0025

#: Added to the regime of a scan with a blank, so that scans with and without one are never compared.
WITH_BLANK = 2.0

#: Share of noise in a blank's energy above which it is too noisy to be taken for the container: its
#: lines would be fitted too small, and their rest taken for content. Chosen; the null tables know no worse.
NOISY_BLANK = 0.05

#: Ends of the baseline that are left out, cm⁻¹: held from one side only it follows the noise, and the error
#: of the derivative is 2 to 25 times its noise there (simulated scans of noise alone). Chosen.
BASELINE_END_CM1 = 60.0

#: Width over which the strength of the signal is averaged, cm⁻¹: about one band. Chosen.
BAND_CM1 = 18.0


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """A prepared scan and blank on the full axis of a reference set, weighted."""

    values: FloatArray
    """Derivative of the query, shape (n,), zero where not measured."""
    blank: FloatArray | None
    """Derivative of the blank, shape (n,); None without one."""
    weight: FloatArray
    """One over the standard deviation of each point, noise and mismatch together; zero where not measured."""
    blank_area: float
    """Area of the blank after its baseline (counts · cm⁻¹); 0 without one."""
    noise_energy: float
    """Expected Σ (weight · noise)², the energy noise alone leaves in any residual."""
    spacing: float
    """Distance of the points, cm⁻¹."""
    variance: FloatArray
    """Noise variance of what is left after the blank is taken off, shape (n,), zero where not measured."""
    blank_variance: FloatArray | None = None
    """Noise variance of the blank, shape (n,); None without one."""

    @property
    def energy(self) -> float:
        """Σ (weight · value)²."""
        return float(np.sum((self.weight * self.values) ** 2))

    @property
    def points(self) -> int:
        """Number of measured points."""
        return int(np.count_nonzero(self.weight))

    @property
    def blank_noise(self) -> float:
        """Share of the blank's energy that is its own noise, 0 to 1; 0 without a blank."""
        if self.blank is None or self.blank_variance is None:
            return 0.0
        energy = float(np.sum((self.weight * self.blank) ** 2))
        return min(float(np.sum(self.weight**2 * self.blank_variance)) / max(energy, 1e-300), 1.0)

    @property
    def noise_share(self) -> float:
        """Share of the expected error that is noise, 0 (a perfect detector) to 1 (nothing but noise)."""
        return min(self.noise_energy / max(self.points, 1), 1.0)

    @property
    def regime(self) -> float:
        """What limits the scan, and how: `noise_share`, plus `WITH_BLANK` where a blank is given.

        Null scans of a like regime are what its statistics are counted against.
        """
        return self.noise_share + (0.0 if self.blank is None else WITH_BLANK)


def make_query(features: Features, references: ReferenceSet, *, blank: Features | None = None) -> Query:
    """Place a prepared scan (and its blank) on the axis of a reference set and weigh it."""
    n = references.axis.size
    values = _laid(features, features.values, n)
    variance = _laid(features, features.variance * features.correlation, n)
    spacing = references.recipe.spacing
    measured = _inside(features, n, spacing)
    if blank is None:
        return weigh(values, variance, measured, spacing=spacing)
    measured &= _inside(blank, n, spacing)
    return weigh(
        values,
        variance,
        measured,
        spacing=spacing,
        blank=_laid(blank, blank.values, n),
        blank_variance=_laid(blank, blank.variance * blank.correlation, n),
        blank_area=float(np.sum(np.abs(blank.corrected))) * spacing,
    )


def weigh(
    values: FloatArray,
    variance: FloatArray,
    measured: npt.NDArray[np.bool_],
    *,
    spacing: float,
    blank: FloatArray | None = None,
    blank_variance: FloatArray | None = None,
    blank_area: float = 0.0,
) -> Query:
    """Return a query with the weights its noise and its expected mismatch give.

    Parameters
    ----------
    values, variance
        Derivative of the scan and its noise variance, shape (n,).
    measured
        Where both scan and blank were measured, shape (n,).
    spacing
        Distance of the points, cm⁻¹.
    blank, blank_variance, blank_area
        The same of the empty container, and its area; None and 0 without one.
    """
    window = max(1, round(BAND_CM1 / spacing))
    noise, mismatch, rest = variance * measured, np.zeros(values.size), values * measured
    if blank is not None:
        amplitude = _amplitude(rest, blank, noise, measured, blank_variance)
        if blank_variance is not None:
            noise = noise + amplitude**2 * blank_variance * measured
        container = amplitude * blank * measured
        mismatch = _mismatch(uniform_filter1d(container**2, window), RIPPLE_BLANK, FLOOR_BLANK)
        rest = rest - container
    around = noise + mismatch
    signal = np.maximum(uniform_filter1d(rest**2, window) - uniform_filter1d(around, window), 0.0)
    total = around + _mismatch(signal, RIPPLE_REFERENCE, FLOOR_REFERENCE)
    least = float(np.max(total, initial=0.0)) * 1e-12 or 1.0
    weight = np.where(measured, 1.0 / np.sqrt(np.maximum(total, least)), 0.0)
    energy = float(np.sum(weight**2 * noise))
    return Query(values * measured, blank, weight, blank_area, energy, spacing, noise, blank_variance)


def _mismatch(signal: FloatArray, ripple: float, floor: float) -> FloatArray:
    """Return the variance of the mismatch for a local signal energy."""
    return ripple**2 * signal + floor**2 * float(np.max(signal, initial=0.0))


def _amplitude(
    values: FloatArray,
    blank: FloatArray,
    noise: FloatArray,
    measured: npt.NDArray[np.bool_],
    blank_variance: FloatArray | None,
) -> float:
    """Return how much of the blank a scan holds, by least squares over the noise, never negative."""
    weight = measured / np.maximum(noise + float(np.mean(noise)), 1e-300)
    energy = float(weight @ blank**2)
    if blank_variance is not None:
        # The blank's own noise would make it look larger than its signal is, and the amplitude too small.
        energy = max(energy - float(weight @ blank_variance), 0.1 * energy)
    return max(float((weight * blank) @ values) / energy, 0.0) if energy > 0 else 0.0


def _inside(features: Features, n: int, spacing: float) -> npt.NDArray[np.bool_]:
    """Return where a prepared spectrum can be relied on: measured, and not at an end of its baseline."""
    end = round(BASELINE_END_CM1 / spacing)
    low, high = (max(end - margin, 0) for margin in features.margins)
    inside = np.zeros(n, dtype=bool)
    inside[features.first + low : features.first + features.axis.size - high] = True
    return inside


def _laid(features: Features, part: FloatArray, n: int) -> FloatArray:
    """Return values of a prepared spectrum on the full axis, zero where not measured."""
    laid = np.zeros(n)
    laid[features.first : features.first + features.axis.size] = part
    return laid
