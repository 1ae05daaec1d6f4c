"""A polynomial through lines some of which are wrong, of a degree that the lines themselves choose."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spectra.values import FloatArray

#: Degrees tried. Spectrometers keep cubic axes; more than the fourth follows the noise of the lines.
DEGREES = (1, 2, 3, 4)
#: Lines that each coefficient needs, so that leaving one out still says something (chosen).
LINES_EACH = 3
#: A higher degree must make the prediction of a left-out line better by this share (chosen).
_WORTH = 0.9
#: Tukey's biweight: 95 % efficiency for normal errors (Huber and Ronchetti, Robust Statistics, 2009).
_TUKEY = 4.685
#: A line further off than this many robust standard deviations is set aside.
_OUTLIER = 4.0
#: Stated uncertainties may be too large, yet not by more than this: no fit is so good that it makes outliers.
_LEAST = 0.75
_MAD = 0.6744897501960817
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class PolynomialFit:
    """A polynomial over u = 2·x/extent − 1."""

    coefficients: FloatArray
    """Chebyshev coefficients, shape (degree + 1,)."""
    covariance: FloatArray
    """Their covariance, from the scatter of the lines used."""
    extent: float
    """Largest x: u is 1 there, −1 at x = 0."""
    used: npt.NDArray[np.bool_]
    """Which lines count, booleans, shape (n,)."""
    residual: FloatArray
    """Fit minus value of each line, shape (n,)."""
    left_out: FloatArray
    """Residual of each line in a fit without it, shape (n,)."""

    @property
    def degree(self) -> int:
        """Degree of the polynomial."""
        return self.coefficients.size - 1

    @property
    def rms(self) -> float:
        """Root mean square residual of the lines used."""
        return float(np.sqrt(np.mean(self.residual[self.used] ** 2)))

    @property
    def leave_one_out_rms(self) -> float:
        """Root mean square residual of the lines used, each predicted by the others."""
        return float(np.sqrt(np.mean(self.left_out[self.used] ** 2)))

    def at(self, x: FloatArray) -> FloatArray:
        """Return the polynomial, shape of ``x``."""
        return np.asarray(_basis(x, self.extent, self.degree) @ self.coefficients, dtype=np.float64)

    def sigma_at(self, x: FloatArray) -> FloatArray:
        """Return its standard uncertainty, shape of ``x``."""
        basis = _basis(x, self.extent, self.degree)
        return np.asarray(np.sqrt(np.einsum("ij,jk,ik->i", basis, self.covariance, basis)), dtype=np.float64)

    def powers(self) -> FloatArray:
        """Return the coefficients c₀, c₁, … of Σ cᵢ·xⁱ."""
        series = np.polynomial.Chebyshev(self.coefficients, domain=[0.0, self.extent])
        return np.asarray(series.convert(kind=np.polynomial.Polynomial).coef, dtype=np.float64)


def fit_polynomial(
    x: FloatArray,
    y: FloatArray,
    sigma: FloatArray,
    *,
    extent: float,
    floor: float,
    degrees: tuple[int, ...] = DEGREES,
) -> PolynomialFit | None:
    """Fit a polynomial, set outliers aside, and choose the degree by leaving out one line at a time.

    Parameters
    ----------
    x, y, sigma
        Places, values, and standard uncertainties of the values, shape (n,).
    extent
        Largest x there can be.
    floor
        Uncertainty that is added to each, unit of ``y``: no line is known better than this.
    degrees
        Degrees to choose from.

    Returns
    -------
    PolynomialFit or None
        None for fewer lines than any degree needs.
    """
    weight = 1.0 / (sigma**2 + floor**2)
    fits = [
        fit
        for degree in degrees
        if x.size >= LINES_EACH * (degree + 1)
        and (fit := _robust(x, y, weight, extent, floor, degree)) is not None
    ]
    if not fits:
        return None
    # An outlier counts as one, however far it is off, and for as much at every degree; a line that holds the
    # polynomial alone, so that without it the end swings, counts in full.
    cap = _OUTLIER * max(floor, *(_scale(fit.left_out[fit.used]) for fit in fits))
    scores = [_predicted(fit, cap) for fit in fits]
    best = 0
    for number in range(1, len(fits)):
        if scores[number] < _WORTH * scores[best]:
            best = number
    return fits[best]


def _predicted(fit: PolynomialFit, cap: float) -> float:
    off = np.where(fit.used, np.abs(fit.left_out), np.minimum(np.abs(fit.left_out), cap))
    return float(np.sqrt(np.mean(off**2)))


def _robust(
    x: FloatArray, y: FloatArray, weight: FloatArray, extent: float, floor: float, degree: int
) -> PolynomialFit | None:
    basis = _basis(x, extent, degree)
    trust = np.ones(x.size)
    for _ in range(_ROUNDS):
        solved = np.linalg.lstsq(
            basis * np.sqrt(weight * trust)[:, None], y * np.sqrt(weight * trust), rcond=None
        )
        # In units of each line's own uncertainty: a faint line may be further off than a strong one.
        off = (basis @ solved[0] - y) * np.sqrt(weight)
        reach = _TUKEY * max(_scale(off), _LEAST)
        trust = np.maximum((1 - np.minimum(np.abs(off) / reach, 1.0) ** 2) ** 2, 1e-9)
    used = np.abs(off) <= _OUTLIER * max(_scale(off[trust > 0.1]), _LEAST)
    if used.sum() < LINES_EACH * (degree + 1):
        return None
    return _plain(basis, y, weight, used, extent)


def _plain(
    basis: FloatArray, y: FloatArray, weight: FloatArray, used: npt.NDArray[np.bool_], extent: float
) -> PolynomialFit:
    """Fit by weighted least squares; the leverage of each line gives its left-out residual exactly."""
    root = np.sqrt(weight * used)
    inverse = np.linalg.pinv((basis * root[:, None]).T @ (basis * root[:, None]))
    coefficients = inverse @ (basis.T @ (weight * used * y))
    residual = basis @ coefficients - y
    leverage = np.einsum("ij,jk,ik->i", basis, inverse, basis) * weight
    left_out = np.where(used, residual / np.maximum(1.0 - leverage, 1e-6), residual)
    free = int(used.sum()) - basis.shape[1]
    # By the scatter that is seen, not by the uncertainties that were stated.
    scatter = float((weight * used) @ residual**2) / free
    return PolynomialFit(coefficients, inverse * scatter, extent, used, residual, left_out)


def _scale(off: FloatArray) -> float:
    return float(np.median(np.abs(off)) / _MAD) if off.size else 0.0


def _basis(x: FloatArray, extent: float, degree: int) -> FloatArray:
    u = 2.0 * np.asarray(x, dtype=np.float64) / extent - 1.0
    return np.asarray(np.polynomial.chebyshev.chebvander(u, degree), dtype=np.float64)
