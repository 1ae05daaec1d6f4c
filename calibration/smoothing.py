"""A smooth curve through a noisy scan of something smooth: as stiff as its channels predict one another best.

The curve is SciPy's cubic smoothing spline (`scipy.interpolate.make_smoothing_spline`: P. Craven and
G. Wahba, Numer. Math. 31 (1979) 377) over the channels, weighted by the measured noise. Its stiffness is
the one with which the even channels predict the odd ones best and the other way round, so that more noise
makes it stiffer by itself; fringes and steps of the detector that are wider than a few channels stay, as
they belong to the response.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.interpolate import BSpline, make_smoothing_spline
from scipy.optimize import minimize_scalar

from spectra.despike import find_spikes
from spectra.noise import noise_of
from spectra.values import FloatArray

Mask = npt.NDArray[np.bool_]

#: A channel this many noise standard deviations off the curve is struck by a cosmic ray or a stray line;
#: chosen.
STRUCK_SIGMAS = 6.0
#: Rounds of leaving struck channels out.
ROUNDS = 3
#: Stiffness tried, decades of λ in channels³; between a curve that follows 3 channels and one of about 600.
STIFFNESS = (0.0, 9.0)
#: Stiffnesses that are tried before the best is looked for around one of them.
TRIED = 8
#: Draws of noise by which it is measured how much of it is left.
DRAWS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Smoothed:
    """A smoothed curve and what became of the noise."""

    curve: FloatArray
    """The curve at each channel, shape (n,)."""
    struck: Mask
    """True for channels that were left out, shape (n,)."""
    noise_left: FloatArray
    """Standard deviation of the curve at each channel by the noise it was drawn through, shape (n,)."""


def smooth(values: FloatArray, noise: FloatArray) -> Smoothed:
    """Draw a smooth curve through noisy values.

    Parameters
    ----------
    values
        Shape (n,), n ≥ 32, on the detector's own channels.
    noise
        Standard deviation of each, above 0, shape (n,).

    Returns
    -------
    Smoothed
        Not sure at a place where more than a few neighbouring channels were left out.
    """
    # Before anything is drawn: a single spike makes the curve so stiff that fringes stand out of it, too.
    struck = _with_neighbours(find_spikes(values, width=3, noise=noise))
    stiffness = _stiffness(values, noise, struck)
    curve = _drawn(values, noise, struck, stiffness)
    for _ in range(ROUNDS):
        again = _with_neighbours(np.abs(values - curve) > STRUCK_SIGMAS * noise) | struck
        if (again == struck).all() or again.mean() > 0.5:
            break
        struck = again
        stiffness = _stiffness(values, noise, struck)
        curve = _drawn(values, noise, struck, stiffness)
    # Seeded, so that the same scan gives the same figures.
    draws = np.random.default_rng(2241).standard_normal((DRAWS, values.size)) * noise
    left = np.array([_drawn(draw, noise, struck, stiffness) for draw in draws])
    return Smoothed(curve, struck, np.sqrt((left**2).mean(axis=0)))


def roughness(values: FloatArray) -> float:
    """Return how rough a curve is from channel to channel, as a share of itself.

    The noise that `spectra.noise.noise_of` finds in the logarithm, median over the curve: third differences,
    in which any slope and curvature over a few channels cancels. A scan with 1 % noise has 0.01.

    Parameters
    ----------
    values
        A curve above 0, shape (n,), n ≥ 8.
    """
    return float(np.median(noise_of(np.log(values))))


def _with_neighbours(struck: Mask) -> Mask:
    """Return struck channels with those beside them, which hold the rest of the charge."""
    wider = struck.copy()
    wider[1:] |= struck[:-1]
    wider[:-1] |= struck[1:]
    return wider


def _stiffness(values: FloatArray, noise: FloatArray, struck: Mask) -> float:
    """Return the λ with which each half of the channels predicts the other best."""
    places = np.arange(values.size)
    halves = [places[~struck & (places % 2 == half)] for half in (0, 1)]

    def error(decade: float) -> float:
        missed = 0.0
        for kept, asked in (halves, halves[::-1]):
            # Half as many channels draw the same curve with half the λ; nothing is asked beyond them.
            spline = _spline(kept, values, noise, 10**decade / 2.0)
            asked = asked[(asked > kept[0]) & (asked < kept[-1])]
            missed += float((((values[asked] - spline(asked)) / noise[asked]) ** 2).sum())
        return missed

    # There may be several valleys, one for the fringes and one for what is broader: look over all of them.
    decades = np.linspace(*STIFFNESS, TRIED)
    best = decades[int(np.argmin([error(decade) for decade in decades]))]
    step = decades[1] - decades[0]
    around = (max(best - step, STIFFNESS[0]), min(best + step, STIFFNESS[1]))
    found = minimize_scalar(error, bounds=around, method="bounded", options={"xatol": 0.15})
    return float(10**found.x)


def _drawn(values: FloatArray, noise: FloatArray, struck: Mask, stiffness: float) -> FloatArray:
    spline = _spline(np.flatnonzero(~struck), values, noise, stiffness)
    return np.asarray(spline(np.arange(values.size)), dtype=np.float64)


def _spline(places: npt.NDArray[np.int_], values: FloatArray, noise: FloatArray, stiffness: float) -> BSpline:
    weights = 1.0 / noise[places] ** 2
    return make_smoothing_spline(
        places.astype(np.float64), values[places], w=weights / weights.mean(), lam=stiffness
    )
