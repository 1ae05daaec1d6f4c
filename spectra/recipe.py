"""How a spectrum is made comparable: a recipe carried out, on one spectrum or many."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import steps
from .baseline import baseline
from .errors import SpectrumMismatch, ValueRangeError
from .noise import noise_of
from .operators import apply, never_zero
from .recipe_data import Recipe, default_recipe, shipped_recipes
from .treating import MIN_COVERAGE, Plan, Treated, plan_of, treat
from .values import FloatArray, Spectrum, check_ascending, frozen_array

__all__ = [
    "MIN_COVERAGE",
    "Features",
    "FeaturesBatch",
    "Recipe",
    "default_recipe",
    "prepare",
    "prepare_many",
    "shipped_recipes",
]


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """A spectrum after a recipe, on the part of the recipe's axis it covers."""

    axis: FloatArray
    """Grid points, cm⁻¹, shape (n,)."""
    corrected: FloatArray
    """Intensity after the baseline was taken off, before the derivative, shape (n,)."""
    background: FloatArray
    """The baseline, shape (n,)."""
    values: FloatArray
    """What is compared: the derivative per cm⁻¹, shape (n,)."""
    variance: FloatArray
    """Noise variance of `values`, shape (n,)."""
    sigma: FloatArray
    """Noise standard deviation of `corrected`, shape (n,)."""
    first: int
    """Index of the first grid point on the recipe's full axis."""
    scale: float = 1.0
    """What intensities were divided by where the recipe normalises; 1 where it does not."""
    margins: tuple[int, int] = (0, 0)
    """Points below and above `axis` over which the baseline was followed as well."""
    correlation: float = 1.0
    """By how much more noise a band gathers than `variance` says, because neighbouring points share
    channels (`spectra.operators.gathered`)."""


@dataclass(frozen=True, slots=True, eq=False)
class FeaturesBatch:
    """Many spectra of one axis after a recipe; the fields are those of `Features`, row by row."""

    axis: FloatArray
    """Grid points, cm⁻¹, shape (n,)."""
    corrected: FloatArray
    """Intensities after the baseline was taken off, before the derivative, shape (m, n)."""
    background: FloatArray
    """The baselines, shape (m, n)."""
    values: FloatArray
    """What is compared: the derivatives per cm⁻¹, shape (m, n)."""
    variance: FloatArray
    """Noise variance of `values`, shape (m, n)."""
    sigma: FloatArray
    """Noise standard deviation of `corrected`, shape (m, n)."""
    first: int
    """Index of the first grid point on the recipe's full axis."""
    margins: tuple[int, int]
    """Points below and above `axis` over which the baseline was followed as well."""
    correlation: float
    """By how much more noise a band gathers than `variance` says."""
    scale: FloatArray
    """What intensities were divided by, shape (m,); 1 where the recipe does not normalise."""

    def __len__(self) -> int:
        return int(self.values.shape[0])

    def row(self, i: int) -> Features:
        """Return one of the spectra."""
        return Features(
            axis=self.axis,
            corrected=self.corrected[i],
            background=self.background[i],
            values=self.values[i],
            variance=self.variance[i],
            sigma=self.sigma[i],
            first=self.first,
            scale=float(self.scale[i]),
            margins=self.margins,
            correlation=self.correlation,
        )


def prepare(spectrum: Spectrum, recipe: Recipe) -> Features:
    """Carry out a recipe on a spectrum, noise included.

    Where the spectrum brings no noise, it is estimated from it (`spectra.noise.noise_of`). A recipe that
    starts from transmittance takes the intensities for that.

    Raises
    ------
    SpectrumMismatch
        Another technique, or less than half of the recipe's range measured.
    ValueRangeError
        Intensities the recipe cannot take, for example a transmittance that is not positive.
    """
    if spectrum.technique is not recipe.technique:
        raise SpectrumMismatch(
            f"recipe {recipe.name!r} is for {recipe.technique}, the spectrum is {spectrum.technique}"
        )
    noise = None if spectrum.noise is None else spectrum.noise[None]
    return _carried_out(spectrum.axis, spectrum.intensity[None], recipe, noise, spectrum.resolution_cm1).row(
        0
    )


def prepare_many(
    axis: npt.ArrayLike,
    intensities: npt.ArrayLike,
    recipe: Recipe,
    *,
    noise: npt.ArrayLike | None = None,
    resolution_cm1: float | None = None,
) -> FeaturesBatch:
    """Carry out a recipe on many spectra of one axis; row by row the same as `prepare`.

    Equal to 10⁻⁹ of the largest value; where arPLS runs in the compiled kernel, to a thousandth of the
    spectrum's range. Results take some 40 bytes a point: hand in a few thousand rows at a time.

    Parameters
    ----------
    axis
        Raman shift or wavenumber, cm⁻¹, strictly ascending, shape (n,).
    intensities
        Shape (m, n), of the recipe's technique.
    recipe
        What to carry out.
    noise
        Standard deviation of each intensity, shape (m, n), or (n,) for all rows; estimated where missing.
    resolution_cm1
        Full width at half maximum of the instrument's line, cm⁻¹, where known.

    Raises
    ------
    AxisError
        An axis that is not ascending.
    SpectrumMismatch
        Less than half of the recipe's range measured.
    ValueRangeError
        Shapes that do not fit, numbers that are not finite or that the recipe cannot take.
    """
    grid = frozen_array(axis, name="axis")
    check_ascending(grid, name="axis")
    rows = _matrix(intensities, grid.size, "intensities")
    spread = None
    if noise is not None:
        spread = _matrix(np.atleast_2d(np.asarray(noise, dtype=np.float64)), grid.size, "noise")
        if spread.shape[0] not in (1, rows.shape[0]) or (spread < 0).any():
            raise ValueRangeError("noise must be one number ≥ 0 for each channel, of one row or of all")
    return _carried_out(grid, rows, recipe, spread, resolution_cm1)


def _matrix(values: npt.ArrayLike, channels: int, name: str) -> FloatArray:
    rows = np.asarray(values, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != channels:
        raise ValueRangeError(f"{name} must have the shape (spectra, {channels}), got {rows.shape}")
    if not np.isfinite(rows).all():
        raise ValueRangeError(f"{name} hold numbers that are not finite")
    return rows


def _carried_out(
    axis: FloatArray, rows: FloatArray, recipe: Recipe, noise: FloatArray | None, resolution: float | None
) -> FeaturesBatch:
    plan = plan_of(axis, recipe, resolution)
    return _compared(plan, treat(plan, rows, noise_of(rows) if noise is None else noise), recipe)


def _compared(plan: Plan, treated: Treated, recipe: Recipe) -> FeaturesBatch:
    """Take off the background, normalise and differentiate what lies on the recipe's axis."""
    even = treated.even
    options = recipe.settings("baseline")
    background = baseline(even, **options) if options is not None else np.zeros_like(even)
    corrected = even - background
    values = apply(plan.differentiation, corrected)
    variance, even_variance = never_zero(treated.variance), never_zero(treated.even_variance)
    scale = np.ones(even.shape[0])
    by = recipe.settings("normalise")
    if by is not None:
        scale = steps.size_of(corrected, spacing=recipe.spacing, **by)
        corrected, background, values = (part / scale[:, None] for part in (corrected, background, values))
        variance, even_variance = variance / scale[:, None] ** 2, even_variance / scale[:, None] ** 2
    shape, inner = even.shape, (slice(None), plan.inner)
    return FeaturesBatch(
        axis=plan.axis,
        corrected=corrected[inner],
        background=background[inner],
        values=values[inner],
        variance=np.broadcast_to(variance, shape)[inner],
        sigma=np.broadcast_to(np.sqrt(even_variance), shape)[inner],
        first=plan.first,
        margins=(plan.inner.start, shape[1] - plan.inner.stop),
        correlation=plan.correlation,
        scale=scale,
    )
