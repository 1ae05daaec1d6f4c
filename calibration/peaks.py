"""The lines in a spectrum of a lamp, on the detector's own channels."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d, percentile_filter
from scipy.signal import find_peaks

from spectra.values import FloatArray

from .errors import NotCalibrated

#: A line must rise this many noise standard deviations above what surrounds it.
HEIGHT_SIGMAS = 6.0
#: Background is a running quantile over so many channels: far wider than any line of a lamp.
BACKGROUND_CHANNELS = 101
BACKGROUND_PERCENT = 30
#: Range of widths that lines of a spectrometer can have, full width at half maximum, channels.
WIDTHS = (1.2, 40.0)
#: The strongest lines tell the width of all.
_FOR_WIDTH = 12
#: Median absolute deviation of a normal variable over its standard deviation.
_MAD = 0.6744897501960817


@dataclass(frozen=True, slots=True)
class LampPeaks:
    """What stands out in the spectrum of a lamp."""

    counts: FloatArray
    """Counts above the background, shape (pixels,)."""
    noise: float
    """Standard deviation of the noise where there is no line, counts."""
    fwhm: float
    """Full width at half maximum of a single line, channels."""
    pixel: FloatArray
    """Where the peaks are, to a fraction of a channel, shape (n,)."""
    height: FloatArray
    """How high they rise, counts, shape (n,)."""
    clipped: FloatArray
    """1 for channels at the detector's limit, else 0, shape (pixels,)."""


def lamp_peaks(counts: FloatArray, *, saturation: float | None = None) -> LampPeaks:
    """Find the lines of a lamp.

    Parameters
    ----------
    counts
        Counts, the dark taken off or not, shape (pixels,).
    saturation
        Counts at which the detector is full; lines that reach it are seen but not measured.

    Raises
    ------
    NotCalibrated
        Fewer than 64 channels, no noise to compare with, or no line stands out.
    """
    values = np.asarray(counts, dtype=np.float64)
    if values.ndim != 1 or values.size < 64 or not np.isfinite(values).all():
        raise NotCalibrated("the spectrum of a lamp needs at least 64 channels of finite counts")
    full = values >= saturation if saturation is not None else np.zeros(values.size, dtype=bool)
    background = percentile_filter(values, BACKGROUND_PERCENT, size=BACKGROUND_CHANNELS, mode="nearest")
    above = values - gaussian_filter1d(background, BACKGROUND_CHANNELS / 4, mode="nearest")
    noise = _noise(above)
    if noise <= 0.0:
        raise NotCalibrated("the spectrum of the lamp has no noise: it is no measurement")
    top, found = find_peaks(above, prominence=HEIGHT_SIGMAS * noise, width=0.5, wlen=BACKGROUND_CHANNELS)
    if not top.size:
        raise NotCalibrated("no line stands out: is the lamp on, and before the probe?")
    strongest = np.argsort(above[top])[::-1][:_FOR_WIDTH]
    sound = [one for one in strongest if not full[max(top[one] - 2, 0) : top[one] + 3].any()]
    widths = found["widths"][sound or strongest]
    # Neighbours that run into each other look like one wide line: the lower half of the widths is theirs.
    fwhm = float(np.clip(np.median(np.sort(widths)[: max(1, (len(widths) + 1) // 2 + 1)]), *WIDTHS))
    return LampPeaks(
        above, noise, fwhm, _between(above, top.astype(np.intp)), above[top], full.astype(np.float64)
    )


def _noise(above: FloatArray) -> float:
    """Return the noise between the lines: third differences, so that neither slope nor bend counts."""
    third = above[3:] - 3 * above[2:-1] + 3 * above[1:-2] - above[:-3]
    return float(np.median(np.abs(third)) / _MAD / np.sqrt(20.0))


def _between(above: FloatArray, top: npt.NDArray[np.intp]) -> FloatArray:
    """Return the tops of parabolas through three logarithms each: exact for a sampled Gaussian."""
    inside = np.clip(top, 1, above.size - 2)
    least = 1e-3 * above[inside]
    left, mid, right = (np.log(np.maximum(above[inside + step], least)) for step in (-1, 0, 1))
    bend = left - 2 * mid + right
    shift = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, -1.0), 0.0)
    return np.asarray(inside + np.clip(shift, -0.5, 0.5), dtype=np.float64)
