"""Baselines: the typed wall in front of pybaselines."""

import warnings
from typing import Final

import numpy as np
from pybaselines import Baseline
from pybaselines.utils import ParameterWarning

from .errors import RecipeError
from .values import FloatArray

#: Algorithms a recipe may name, with the keyword their stiffness goes to.
ALGORITHMS: Final[dict[str, str]] = {
    "asls": "lam",
    "arpls": "lam",
    "airpls": "lam",
    "drpls": "lam",
    "snip": "max_half_window",
    "modpoly": "poly_order",
}


def baseline(intensity: FloatArray, *, algorithm: str = "arpls", stiffness: float = 1e4) -> FloatArray:
    """Estimate the smooth background under the bands of evenly spaced spectra.

    Parameters
    ----------
    intensity
        One spectrum, shape (n,), or a batch, shape (m, n), evenly spaced.
    algorithm
        One of `ALGORITHMS`. ``arpls`` is Baek et al., Analyst 140 (2015) 250.
    stiffness
        Smoothness λ for the Whittaker methods (> 0; larger is stiffer; it scales with the
        fourth power of the points per cm⁻¹), half window for ``snip``, degree for ``modpoly``.

    Returns
    -------
    ndarray
        The background, of the shape of `intensity`.

    Raises
    ------
    RecipeError
        An unknown algorithm or a stiffness that is not positive.
    """
    if algorithm not in ALGORITHMS:
        raise RecipeError(f"unknown baseline algorithm {algorithm!r}; known are {', '.join(ALGORITHMS)}")
    if not stiffness > 0:
        raise RecipeError(f"a baseline's stiffness must be positive, got {stiffness}")
    keyword = ALGORITHMS[algorithm]
    value = float(stiffness) if keyword == "lam" else int(stiffness)
    rows = np.atleast_2d(np.asarray(intensity, dtype=np.float64))
    fitter = Baseline(np.arange(rows.shape[1], dtype=np.float64))
    fit = getattr(fitter, algorithm)
    result = np.empty_like(rows)
    with warnings.catch_warnings():
        # Spectra without a background end the weighting early: the fit stands, the warning is for tuning.
        warnings.simplefilter("ignore", ParameterWarning)
        for i, row in enumerate(rows):
            # A flat spectrum has no bands to weigh down and makes arPLS divide by zero.
            result[i] = row if np.ptp(row) == 0 else fit(row, **{keyword: value})[0]
    return result.reshape(np.shape(intensity))
