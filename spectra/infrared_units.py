"""Transmittance, absorbance, single channels.

Absorbance is decadic: A = −log₁₀ T (IUPAC Gold Book, A00028), and T is the ratio of the sample's single
channel to the background's (Griffiths and de Haseth, *Fourier Transform Infrared Spectrometry*, 2nd ed.,
2007).
"""

import numpy as np

from .errors import SpectrumMismatch, ValueRangeError
from .values import FloatArray


def transmittance_of(absorbance: FloatArray) -> FloatArray:
    """Return T = 10^−A, the same shape."""
    return np.asarray(10.0 ** -np.asarray(absorbance, dtype=np.float64), dtype=np.float64)


def absorbance_of(transmittance: FloatArray) -> FloatArray:
    """Return A = −log₁₀ T, the same shape.

    Parameters
    ----------
    transmittance
        Fraction of the light, not per cent.

    Raises
    ------
    ValueRangeError
        A transmittance is zero or negative: it has no absorbance. Nothing is put in its place.
    """
    values = np.asarray(transmittance, dtype=np.float64)
    bad = int((~(values > 0)).sum())
    if bad:
        raise ValueRangeError(
            f"{bad} of {values.size} transmittances are zero or negative and have no absorbance"
        )
    return np.asarray(-np.log10(values), dtype=np.float64)


def lit_part(*channels: FloatArray) -> slice:
    """Return the range of channels in which every spectrum has light, dark ends left out.

    Detector and beam splitter end somewhere; beyond, a single channel is noise around zero.

    Raises
    ------
    ValueRangeError
        Light is missing in the middle too, or everywhere: nobody can tell absorbance there.
    """
    dark = np.logical_or.reduce([~(np.asarray(channel) > 0) for channel in channels])
    lit = np.flatnonzero(~dark)
    if lit.size < 2:
        raise ValueRangeError("no light in any channel: is the beam blocked?")
    inside = slice(int(lit[0]), int(lit[-1]) + 1)
    holes = int(dark[inside].sum())
    if holes:
        raise ValueRangeError(f"{holes} channels without light in the middle of the spectrum")
    return inside


def aligned_background(
    sample_axis: FloatArray, background_axis: FloatArray, background: FloatArray
) -> FloatArray:
    """Return the background's channels that lie on the sample's axis, shape of ``sample_axis``.

    Spectrometers keep a background over a wider range than a sample. Nothing is interpolated.

    Raises
    ------
    SpectrumMismatch
        The sample's channels are not among the background's, to a hundredth of a channel.
    """
    if sample_axis.size > background_axis.size or sample_axis.size < 2:
        raise SpectrumMismatch("the background covers less than the sample")
    step = abs(float(sample_axis[-1] - sample_axis[0])) / (sample_axis.size - 1)
    first = int(np.argmin(np.abs(background_axis - sample_axis[0])))
    part = slice(first, first + sample_axis.size)
    found = background_axis[part]
    if found.size != sample_axis.size or np.abs(found - sample_axis).max() > 0.01 * step:
        raise SpectrumMismatch("sample and background have different axes: measure the background again")
    return background[part]
