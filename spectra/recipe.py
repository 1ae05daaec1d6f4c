"""Recipes: how a spectrum is made comparable, as data with a digest."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from scipy import sparse

from . import steps
from .baseline import baseline
from .digest import json_digest
from .errors import RecipeError, SpectrumMismatch
from .noise import noise_of
from .values import FloatArray, Spectrum, Technique

#: Share of a recipe's range a spectrum must cover to be treated at all.
MIN_COVERAGE = 0.5


@dataclass(frozen=True, slots=True)
class Recipe:
    """A named sequence of steps for one technique."""

    name: str
    """Name under which results cite it."""
    technique: Technique
    """What it applies to."""
    steps: tuple[Mapping[str, Any], ...]
    """Steps in order; each a mapping with the key ``step`` and its parameters."""

    def __post_init__(self) -> None:
        order = [step.get("step") for step in self.steps]
        known = ["smooth", "resample", "baseline", "derivative"]
        if [name for name in known if name in order] != order:
            raise RecipeError(
                f"recipe {self.name!r}: steps must be among {known}, in that order, got {order}"
            )
        if "resample" not in order or "derivative" not in order:
            raise RecipeError(f"recipe {self.name!r} needs the steps resample and derivative")

    @property
    def digest(self) -> str:
        """SHA-256 over technique and steps; the name does not count."""
        return json_digest({"technique": str(self.technique), "steps": [dict(s) for s in self.steps]})

    def parameters(self, step: str) -> dict[str, Any]:
        """Return the parameters of a step, empty where the recipe leaves it out."""
        for one in self.steps:
            if one["step"] == step:
                return {key: value for key, value in one.items() if key != "step"}
        return {}

    @property
    def spacing(self) -> float:
        """Distance of the points after resampling, cm⁻¹."""
        return float(self.parameters("resample")["spacing_cm1"])

    def grid(self) -> FloatArray:
        """Return the full axis of the recipe, cm⁻¹."""
        return steps.grid(**self.parameters("resample"))


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


@cache
def shipped_recipes() -> dict[str, Recipe]:
    """Return the recipes that ship with the package, by name."""
    text = files("spectra").joinpath("data/recipes.json").read_text("utf-8")
    return {
        name: Recipe(name, Technique(entry["technique"]), tuple(entry["steps"]))
        for name, entry in json.loads(text).items()
    }


def default_recipe(technique: Technique) -> Recipe:
    """Return the shipped default recipe of a technique."""
    return shipped_recipes()[f"{technique}-default"]


def prepare(spectrum: Spectrum, recipe: Recipe) -> Features:
    """Carry out a recipe on a spectrum, noise included.

    Where the spectrum brings no noise, it is estimated from it (`spectra.noise.noise_of`).

    Raises
    ------
    SpectrumMismatch
        Another technique, or less than half of the recipe's range measured.
    """
    if spectrum.technique is not recipe.technique:
        raise SpectrumMismatch(
            f"recipe {recipe.name!r} is for {recipe.technique}, the spectrum is {spectrum.technique}"
        )
    full = recipe.grid()
    inside = np.flatnonzero((full >= spectrum.axis[0]) & (full <= spectrum.axis[-1]))
    if inside.size < MIN_COVERAGE * full.size:
        raise SpectrumMismatch(
            f"the spectrum covers {spectrum.axis[0]:.0f}–{spectrum.axis[-1]:.0f} cm⁻¹; "
            f"{recipe.name} needs more of {full[0]:.0f}–{full[-1]:.0f}"
        )
    axis = full[inside]
    passes = int(recipe.parameters("smooth").get("passes", 0))
    smoothed = steps.smooth(spectrum.intensity, passes=passes) if passes else spectrum.intensity
    even = steps.resample(spectrum.axis, smoothed, axis)
    options = recipe.parameters("baseline")
    background = baseline(even, **options) if options else np.zeros_like(even)
    corrected = even - background
    values = steps.derivative(corrected, spacing=recipe.spacing, **recipe.parameters("derivative"))
    noise = spectrum.noise if spectrum.noise is not None else noise_of(spectrum.intensity)
    to_even = _resampling(spectrum.axis, axis, passes)
    to_values = _differentiation(axis.size, recipe) @ to_even
    return Features(
        axis=axis,
        corrected=corrected,
        background=background,
        values=values,
        variance=_variance(to_values, noise),
        sigma=np.sqrt(_variance(to_even, noise)),
        first=int(inside[0]),
    )


def _variance(operator: sparse.csr_array, noise: FloatArray) -> FloatArray:
    """Variance of a linear function of independent channels; never zero, so that it can divide."""
    variance = np.asarray(operator.multiply(operator) @ (noise**2))
    floor = 1e-24 + 1e-12 * float(np.max(variance, initial=0.0))
    return np.asarray(np.maximum(variance, floor), dtype=np.float64)


def _resampling(axis: FloatArray, target: FloatArray, passes: int) -> sparse.csr_array:
    """Return smoothing and linear interpolation as one sparse matrix, (targets, channels)."""
    right = np.clip(np.searchsorted(axis, target), 1, axis.size - 1)
    left = right - 1
    weight = np.clip((target - axis[left]) / (axis[right] - axis[left]), 0.0, 1.0)
    rows = np.arange(target.size)
    matrix: Any = sparse.csr_array(
        (np.concatenate((1 - weight, weight)), (np.concatenate((rows, rows)), np.concatenate((left, right)))),
        shape=(target.size, axis.size),
    )
    n = axis.size
    kernel: Any = sparse.diags_array([0.25, 0.5, 0.25], offsets=[-1, 0, 1], shape=(n, n)).tocsr()
    for _ in range(passes):
        matrix = matrix @ kernel
    return sparse.csr_array(matrix)


def _differentiation(n: int, recipe: Recipe) -> sparse.csr_array:
    """Return the derivative step as a sparse banded matrix, (n, n); its edges are those of the inside."""
    options = recipe.parameters("derivative")
    window = int(options["window"])
    impulse = np.zeros(2 * window + 1)
    impulse[window] = 1.0
    response = steps.derivative(impulse, spacing=recipe.spacing, **options)
    half = window // 2
    taps = response[window - half : window + half + 1]
    return sparse.csr_array(
        sparse.diags_array(list(taps[::-1]), offsets=list(range(-half, half + 1)), shape=(n, n))
    )
