"""Automatic exposure: a bounded number of probe frames, each of which decides the next."""

from collections.abc import Callable

import numpy as np

from spectra.values import FloatArray

#: The brightest line shall stand within this share of the saturation counts.
TARGET = (0.60, 0.80)
#: Above this share a detector is no longer linear: treated as saturated.
SATURATED = 0.95
#: Greatest and least change of the exposure from one probe to the next.
LONGER, SHORTER = 5.0, 0.5
#: First probe, s.
FIRST_S = 0.1
#: Exposure where the device has no saturation level to aim at, s.
DEFAULT_S = 1.0
#: From 0.1 s, halving reaches 0.1 ms and growing fivefold reaches any limit within so many probes.
MAX_PROBES = 12


def peak_counts(frame: FloatArray) -> float:
    """Return the height of the brightest line, counts.

    The running median over three pixels takes out cosmic rays, which light one pixel; no line of a
    handheld is narrower than three.

    Parameters
    ----------
    frame
        Raw counts, shape (pixels,).
    """
    if frame.size < 3:
        return float(frame.max())
    triples = np.lib.stride_tricks.sliding_window_view(frame, 3)
    return float(np.median(triples, axis=1).max())


def lamp_peak(frame: FloatArray) -> float:
    """Return the brightest pixel, counts: a lamp's lines are so narrow that the median would miss their tops.

    Of its short exposures hardly one is struck by a cosmic ray, and one that is only ends up shorter.
    """
    return float(frame.max())


def is_saturated(
    frame: FloatArray, saturation_counts: float | None, peak: Callable[[FloatArray], float] = peak_counts
) -> bool:
    """Return whether a line of a frame, shape (pixels,), is beyond the detector's linear range."""
    return saturation_counts is not None and peak(frame) >= SATURATED * saturation_counts


def next_exposure(exposure_s: float, share: float, *, low_s: float, high_s: float) -> float | None:
    """Return the exposure to try next, or None when this one is to be used.

    Parameters
    ----------
    exposure_s
        Exposure of the last probe, s.
    share
        Its brightest line as a share of the saturation counts.
    low_s, high_s
        Limits, s.
    """
    if TARGET[0] <= share <= TARGET[1]:
        return None
    aim = sum(TARGET) / 2
    if share >= SATURATED:
        factor = SHORTER
    else:
        factor = min(max(aim / max(share, 1e-9), SHORTER), LONGER)
    wanted = min(max(exposure_s * factor, low_s), high_s)
    return None if wanted == exposure_s else wanted


def find_exposure(
    probe: Callable[[float], FloatArray],
    *,
    saturation_counts: float | None,
    low_s: float,
    high_s: float,
    peak: Callable[[FloatArray], float] = peak_counts,
) -> float:
    """Return an exposure whose brightest line stands at 60–80 % of saturation, or a limit.

    A frame above 95 % halves the exposure whatever it shows, since the true height is unknown.

    Parameters
    ----------
    probe
        Takes an exposure in s, returns raw counts, shape (pixels,).
    saturation_counts
        Counts at which the detector saturates; None where unknown: then `DEFAULT_S` within the limits.
    low_s, high_s
        Limits of the exposure, s.
    peak
        Returns the height of the brightest line, counts.
    """
    if saturation_counts is None:
        return min(max(DEFAULT_S, low_s), high_s)
    exposure = min(max(FIRST_S, low_s), high_s)
    for _ in range(MAX_PROBES):
        share = peak(probe(exposure)) / saturation_counts
        wanted = next_exposure(exposure, share, low_s=low_s, high_s=high_s)
        if wanted is None:
            break
        exposure = wanted
    return exposure
