"""Baselines: the typed wall in front of pybaselines."""

import warnings
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from . import _kernels
from .errors import RecipeError
from .values import FloatArray


@dataclass(frozen=True, slots=True)
class Knob:
    """A parameter of an algorithm, by the keyword pybaselines knows it under."""

    keyword: str
    """Keyword of pybaselines."""
    low: float
    """Smallest value, itself allowed."""
    high: float
    """Largest value, itself allowed."""
    default: float
    """Where the recipe does not say."""
    whole: bool = False
    """True for whole numbers."""

    def value(self, given: float | None, algorithm: str) -> float | int:
        """Return the value to use.

        Raises
        ------
        RecipeError
            It is outside the range, or not whole where it has to be.
        """
        number = self.default if given is None else float(given)
        if not self.low <= number <= self.high or (self.whole and number != int(number)):
            kind = "a whole number" if self.whole else "a number"
            raise RecipeError(
                f"{algorithm}: {self.keyword} must be {kind} from {self.low:g} to {self.high:g}, got {given}"
            )
        return int(number) if self.whole else number


#: Algorithms a recipe may name, with what their stiffness is. λ penalises the squared second difference of
#: the background (Eilers, Anal. Chem. 75 (2003) 3631): structures wider than about 2π·λ^¼ points belong to
#: it. The defaults suit 2 cm⁻¹ points and bands below 60 cm⁻¹; chosen. asLS weighs points above the
#: background hardly at all, so that it needs more of it than arPLS.
ALGORITHMS: Final[dict[str, Knob]] = {
    "asls": Knob("lam", 1.0, 1e12, 1e5),
    "arpls": Knob("lam", 1.0, 1e12, 1e4),
    "airpls": Knob("lam", 1.0, 1e12, 1e5),
    "drpls": Knob("lam", 1.0, 1e12, 1e5),
    "snip": Knob("max_half_window", 1, 1000, 40, whole=True),
    "modpoly": Knob("poly_order", 0, 12, 5, whole=True),
}
#: Second parameter, where an algorithm has one: weight of points above the background (asls; Eilers and
#: Boelens, 2005, name 0.001 to 0.1), how much of the smoothing follows the weights (drpls; Xu et al., Appl.
#: Opt. 58 (2019) 3913), half window of the smoothing against noise (snip; 0 takes the noise's lower edge).
VARIANTS: Final[dict[str, Knob]] = {
    "asls": Knob("p", 1e-6, 0.5, 0.01),
    "drpls": Knob("eta", 0.0, 1.0, 0.5),
    "snip": Knob("smooth_half_window", 0, 100, 3, whole=True),
}
#: When arPLS stops: relative change of its weights, and rounds after the first (pybaselines 1.2's defaults).
TOL: Final = 1e-3
ROUNDS: Final = 50
#: Batches from this many rows go through the compiled kernel, if there is one.
BATCH_ROWS: Final = 8
#: Options that pybaselines leaves at something else. A shrinking window makes fewer false bands, and a filter
#: of order 4 follows curved backgrounds (Morháč et al., NIM A 401 (1997) 113): under a hump of 1400 cm⁻¹ full
#: width the second order was wrong by a tenth of it, the fourth by 0.3 %. Polynomials need more rounds than
#: the default where a fluorescent slope is steep.
_FIXED: Final[dict[str, dict[str, Any]]] = {
    "snip": {"decreasing": True, "filter_order": 4},
    "modpoly": {"max_iter": 500},
}


def baseline(
    intensity: FloatArray,
    *,
    algorithm: str = "arpls",
    stiffness: float | None = None,
    variant: float | None = None,
) -> FloatArray:
    """Estimate the smooth background under the bands of evenly spaced spectra.

    Parameters
    ----------
    intensity
        One spectrum, shape (n,), or a batch, shape (m, n), evenly spaced.
    algorithm
        One of `ALGORITHMS`: ``asls`` (Eilers and Boelens 2005), ``arpls`` (Baek et al., Analyst 140 (2015)
        250), ``airpls`` (Zhang et al., Analyst 135 (2010) 1138), ``drpls`` (Xu et al., Appl. Opt. 58 (2019)
        3913), ``snip`` (Ryan et al., NIM B 34 (1988) 396), ``modpoly`` (Lieber and Mahadevan-Jansen, Appl.
        Spectrosc. 57 (2003) 1363).
    stiffness
        Smoothness λ for the Whittaker methods (larger is stiffer; it scales with the fourth power of the
        points per cm⁻¹), half window for ``snip``, degree for ``modpoly``; see `ALGORITHMS`.
    variant
        Second parameter of ``asls``, ``drpls`` and ``snip``; see `VARIANTS`.

    Returns
    -------
    ndarray
        The background, of the shape of `intensity`. Batches of at least `BATCH_ROWS` rows may go through a
        compiled kernel; it agrees with the single form within a thousandth of each spectrum's range.

    Raises
    ------
    RecipeError
        An unknown algorithm, or a parameter out of range.
    """
    options = options_of(algorithm, stiffness, variant)
    rows = np.atleast_2d(np.asarray(intensity, dtype=np.float64))
    result = np.array(rows)
    # A flat spectrum has no bands to weigh down and makes arPLS divide by zero: it is its own background.
    lively = np.flatnonzero(np.ptp(rows, axis=-1) > 0)
    if algorithm == "arpls" and lively.size >= BATCH_ROWS and _kernels.available():
        finished = np.ones(lively.size, dtype=bool)
        result[lively] = _kernels.arpls(rows[lively], finished=finished, **options)
        for place in lively[~finished]:
            result[place] = _held(rows[place], options["lam"])
    elif lively.size:
        result[lively] = _one_by_one(rows[lively], algorithm, options)
    return result.reshape(np.shape(intensity))


def options_of(
    algorithm: str, stiffness: float | None = None, variant: float | None = None
) -> dict[str, Any]:
    """Return what pybaselines is handed for the parameters of a recipe, defaults filled in.

    Raises
    ------
    RecipeError
        An unknown algorithm, or a parameter out of range.
    """
    if algorithm not in ALGORITHMS:
        raise RecipeError(f"unknown baseline algorithm {algorithm!r}; known are {', '.join(ALGORITHMS)}")
    knob = ALGORITHMS[algorithm]
    options = {**_FIXED.get(algorithm, {}), knob.keyword: knob.value(stiffness, algorithm)}
    if algorithm in VARIANTS:
        second = VARIANTS[algorithm]
        options[second.keyword] = second.value(variant, algorithm)
    elif variant is not None:
        raise RecipeError(f"{algorithm} has no variant")
    return options


def _one_by_one(rows: FloatArray, algorithm: str, options: dict[str, Any]) -> FloatArray:
    # Here, because importing it takes a second (it brings numba), and most commands need no baseline.
    from pybaselines import Baseline
    from pybaselines.utils import ParameterWarning

    fit = getattr(Baseline(np.arange(rows.shape[1], dtype=np.float64)), algorithm)
    with warnings.catch_warnings():
        # Spectra without a background end the weighting early: the fit stands, the warning is for tuning.
        warnings.simplefilter("ignore", ParameterWarning)
        found = [fit(row, **options) for row in rows]
    if algorithm != "arpls":
        return np.stack([background for background, _ in found])
    return np.stack(
        [
            background
            if _kernels.came_to_an_end(told["tol_history"], tol=TOL, max_iter=ROUNDS)
            else _held(row, options["lam"])
            for row, (background, told) in zip(rows, found, strict=True)
        ]
    )


def _held(row: FloatArray, stiffness: float) -> FloatArray:
    """Return the background of a spectrum whose arPLS weights do not settle.

    Over strong, nearly noiseless fluorescence they swing between two solutions, one of which runs through
    the bands. Adaptive smoothness holds there (asPLS: Zhang et al., Spectrosc. Lett. 53 (2020) 222): on such
    simulated spectra it was wrong by 0.05 to 0.13 of the strongest band, arPLS by 0.3 to 10 times it.
    """
    from pybaselines import Baseline
    from pybaselines.utils import ParameterWarning

    fitter = Baseline(np.arange(row.size, dtype=np.float64))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ParameterWarning)
        return np.asarray(fitter.aspls(row, lam=stiffness)[0])
