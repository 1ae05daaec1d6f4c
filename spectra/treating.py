"""The part of a recipe before the baseline: from channels to an even axis, with the noise.

What depends on axis and recipe alone (matrices, lines of the air) is worked out once and kept.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from . import operators, steps
from .compensation import Air, air_on, subtract_water
from .despike import bridged, find_spikes
from .errors import SpectrumMismatch
from .infrared_atr import atr_factor
from .infrared_fresnel import transmission_of_atr
from .infrared_units import convert
from .noise_chain import Chain, Decided
from .operators import Matrix
from .recipe_data import Recipe
from .values import FloatArray

#: Share of a recipe's range a spectrum must cover to be treated at all.
MIN_COVERAGE: Final = 0.5
#: Plans kept; each takes about half a megabyte for 1 000 channels.
KEPT_PLANS: Final = 32
#: Longer axes are of no handheld; their plans are not kept, so that the memory stays bounded.
LONGEST_KEPT: Final = 8192


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What a recipe does to spectra on one axis, as far as that is known before they are."""

    axis: FloatArray
    """The part of the recipe's axis that is covered, cm⁻¹, shape (k,)."""
    first: int
    """Index of its first point on the recipe's full axis."""
    inner: slice
    """Where it lies among the points that are worked on, which reach further by the recipe's margin."""
    kept: slice
    """Channels left by the crop."""
    channels: FloatArray
    """Their axis, cm⁻¹, shape (channels,)."""
    unit: dict[str, Any] | None
    """Parameters of the change of unit."""
    despike: dict[str, Any] | None
    """Parameters of the search for spikes."""
    optics: dict[str, Any] | None
    """Parameters of the ATR correction by Fresnel's equations."""
    air: Air | None
    """What the air does to spectra; None where it is left alone."""
    sigmas: float
    """By how many standard deviations water must stand out."""
    linear: Matrix
    """ATR correction, smoothing and interpolation in one, (points worked on, channels)."""
    differentiation: Matrix
    """The derivative of all points worked on, square."""
    to_even: Chain
    """All linear steps up to the even axis."""
    to_values: Chain
    """All linear steps up to the derivative."""
    correlation: float
    """By how much more noise a band gathers than its points' variances say, relative to channels as far
    apart as the recipe's points."""


@dataclass(frozen=True, slots=True, eq=False)
class Treated:
    """Spectra on the recipe's axis and its margin, before the baseline; k points are worked on."""

    even: FloatArray
    """Intensities, shape (m, k)."""
    even_variance: FloatArray
    """Their noise variance, shape (m, k), or (1, k) where it is the same for all."""
    variance: FloatArray
    """Noise variance of their derivatives, shape (m, k) or (1, k)."""


def plan_of(axis: FloatArray, recipe: Recipe, resolution_cm1: float | None) -> Plan:
    """Return the plan of a recipe for an axis, from those kept where it is among them.

    Raises
    ------
    SpectrumMismatch
        Less than `MIN_COVERAGE` of the recipe's range is on the axis.
    """
    if axis.size > LONGEST_KEPT:
        return _planned(axis, recipe, resolution_cm1)
    return _kept_plan(axis.tobytes(), recipe, resolution_cm1)


@lru_cache(maxsize=KEPT_PLANS)
def _kept_plan(axis: bytes, recipe: Recipe, resolution_cm1: float | None) -> Plan:
    return _planned(np.frombuffer(axis, dtype=np.float64), recipe, resolution_cm1)


def _planned(measured: FloatArray, recipe: Recipe, resolution_cm1: float | None) -> Plan:
    kept, target, first, inner = _places(measured, recipe)
    axis = measured[kept]
    options = recipe.settings("derivative") or {}
    differentiation = operators.local_polynomial(target.size, spacing=recipe.spacing, **options)
    linear = _linear(axis, target, recipe)
    settings = recipe.settings("atmosphere")
    air = None
    if settings is not None:
        air = air_on(axis, width_cm1=max(resolution_cm1 or 0.0, settings["line_cm1"]))
    values = Matrix(differentiation @ linear)
    alike = Matrix(differentiation @ _linear(target, target, recipe))
    correlation = operators.gathered(values, recipe.spacing) / operators.gathered(alike, recipe.spacing)
    before, lines = (None, None) if air is None else (air.bridge, air.lines)
    return Plan(
        axis=target[inner],
        first=first,
        inner=inner,
        kept=kept,
        channels=axis,
        unit=recipe.settings("unit"),
        despike=recipe.settings("despike"),
        optics=_atr(recipe, "fresnel"),
        air=air,
        sigmas=settings["sigmas"] if settings is not None else 0.0,
        linear=linear,
        differentiation=differentiation,
        to_even=Chain.of(linear, before=before, lines=lines),
        to_values=Chain.of(values, before=before, lines=lines),
        correlation=correlation,
    )


def _places(measured: FloatArray, recipe: Recipe) -> tuple[slice, FloatArray, int, slice]:
    """Return the channels kept, the points they cover, the first one's index, and those inside the range."""
    limits = recipe.settings("crop")
    kept = slice(0, measured.size) if limits is None else steps.crop(measured, **limits)
    axis, full = measured[kept], recipe.grid()
    inside = np.flatnonzero((full >= axis[0]) & (full <= axis[-1]))
    window = recipe.parameters("derivative")["window"]
    if inside.size < MIN_COVERAGE * full.size or inside.size < window:
        raise SpectrumMismatch(
            f"the spectrum covers {measured[0]:.0f}–{measured[-1]:.0f} cm⁻¹; "
            f"{recipe.name} needs more of {full[0]:.0f}–{full[-1]:.0f}"
        )
    beyond = np.arange(1, recipe.margin + 1) * recipe.spacing
    lower = full[0] - beyond[::-1] if inside[0] == 0 else np.zeros(0)
    upper = full[-1] + beyond if inside[-1] == full.size - 1 else np.zeros(0)
    lower, upper = lower[lower >= axis[0]], upper[upper <= axis[-1]]
    target = np.concatenate((lower, full[inside], upper))
    target.setflags(write=False)
    return kept, target, int(inside[0]), slice(lower.size, lower.size + inside.size)


def _atr(recipe: Recipe, optics: str) -> dict[str, Any] | None:
    """Return the parameters of the ATR correction if it is of that kind."""
    given = recipe.settings("atr")
    if given is None or given.pop("optics") != optics:
        return None
    return given


def _linear(axis: FloatArray, target: FloatArray, recipe: Recipe) -> Matrix:
    """Return ATR correction, smoothing and interpolation as one matrix, (targets, channels)."""
    matrix = operators.interpolation(axis, target)
    smoothing = recipe.settings("smooth")
    if smoothing is not None:
        kernel = operators.binomial if "passes" in smoothing else operators.local_polynomial
        matrix = Matrix(matrix @ kernel(axis.size, **smoothing))
    correction = _atr(recipe, "depth")
    if correction is not None:
        matrix = Matrix(matrix @ operators.scaling(atr_factor(axis, **correction)))
    return matrix


def treat(plan: Plan, rows: FloatArray, noise: FloatArray) -> Treated:
    """Carry out a plan.

    Parameters
    ----------
    rows
        Intensities, shape (m, channels).
    noise
        Standard deviations, shape (m, channels), or (1, channels) for all rows.

    Raises
    ------
    ValueRangeError
        Intensities that have no value in the unit wanted.
    """
    rows, noise = rows[:, plan.kept], noise[:, plan.kept]
    if plan.unit is not None:
        rows, noise = convert(rows, noise, **plan.unit)
    spikes = water = None
    if plan.despike is not None:
        spikes = find_spikes(rows, noise=noise, **plan.despike)
        rows = bridged(rows, spikes)
    if plan.optics is not None:
        rows, noise = transmission_of_atr(plan.channels, rows, noise, **plan.optics)
    if plan.air is not None:
        rows = operators.apply(plan.air.bridge, rows)
        fit = plan.air.water(rows)
        rows, seen = subtract_water(rows, plan.air, fit, sigmas=plan.sigmas)
        water = fit.functional * seen[:, None]
    decided = Decided(spikes, water)
    return Treated(
        operators.apply(plan.linear, rows),
        plan.to_even.variance(noise, decided),
        plan.to_values.variance(noise, decided),
    )
