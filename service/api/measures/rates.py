"""Shares and counts with exact intervals.

The special functions are loaded when the first rate is asked for: a server that only takes results stays
small.
"""

from .models import RateView

#: Confidence of every interval (the usual one; chosen).
CONFIDENCE = 0.95

_DIGITS = 6


def rate(k: int, n: int) -> RateView:
    """Return a share with its exact interval."""
    from spectra.validation import clopper_pearson

    low, high = clopper_pearson(k, n, CONFIDENCE)
    return RateView(
        k=k,
        n=n,
        rate=round(k / n, _DIGITS) if n else None,
        low=round(low, _DIGITS),
        high=round(high, _DIGITS),
    )


def poisson_interval(k: int) -> tuple[float, float]:
    """Return the exact interval of the mean of a Poisson count of which k were seen.

    Garwood, Biometrika 28 (1936) 437: its ends are quantiles of gamma distributions.
    """
    from scipy.special import gammaincinv

    tail = (1.0 - CONFIDENCE) / 2.0
    return (float(gammaincinv(k, tail)) if k else 0.0), float(gammaincinv(k + 1, 1.0 - tail))
