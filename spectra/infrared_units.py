"""Transmittance, absorbance, single channels.

Absorbance is decadic: A = −log₁₀ T (IUPAC Gold Book, A00028), and T is the ratio of the sample's single
channel to the background's (Griffiths and de Haseth, *Fourier Transform Infrared Spectrometry*, 2nd ed.,
2007).
"""

import numpy as np

from .errors import SpectrumMismatch, ValueRangeError
from .values import FloatArray

#: No sample lets through more light than this, a background of another day included; chosen.
LARGEST_TRANSMITTANCE = 2.0


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


def convert(
    intensity: FloatArray, noise: FloatArray, *, given: str, wanted: str = "absorbance"
) -> tuple[FloatArray, FloatArray]:
    """Turn intensities into another unit and carry their noise along, to first order.

    A = −log₁₀ T, so that σ_A = σ_T / (T·ln 10): good while the noise is small beside T.

    Parameters
    ----------
    intensity, noise
        Values and their standard deviations, the same shape, or shapes that go together.
    given
        ``transmittance``, ``transmittance_percent`` or ``absorbance``.
    wanted
        ``absorbance`` or ``transmittance``.

    Raises
    ------
    ValueRangeError
        Transmittances that are zero or negative; or so large that they cannot be a fraction (or per cent).
    """
    values = np.asarray(intensity, dtype=np.float64)
    if given == "absorbance":
        factor = 1.0
    else:
        factor = 100.0 if given == "transmittance_percent" else 1.0
        largest = float(np.max(values, initial=0.0)) / factor
        if largest > LARGEST_TRANSMITTANCE:
            raise ValueRangeError(
                f"a transmittance of {largest:g} is impossible: is it per cent, or absorbance?"
            )
    if given.startswith(wanted):
        return values / factor, np.asarray(noise / factor)
    if wanted == "transmittance":
        passed = transmittance_of(values)
        return passed, np.asarray(noise * passed * np.log(10.0))
    return absorbance_of(values / factor), np.asarray(noise / (values * np.log(10.0)))


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
