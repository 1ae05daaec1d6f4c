"""Counts by pixel: what a calibration of the axis starts from, where an axis is what is in doubt."""

import numpy as np

from ..axis import wavelength_of
from ..errors import FormatError
from ..values import Technique
from . import bwspec, decode
from .reading import PixelCounts, text_of

#: Degree of the polynomial that stands for the axis of a file without coefficients (chosen: gratings need 3).
DEGREE = 3


def decode_pixels(data: bytes, *, name: str = "", laser_nm: float | None = None) -> PixelCounts:
    """Return the counts of a file by pixel, with the rough axis the file has.

    BWSpec text holds every pixel and the wavelength coefficients. Of other files each point of the first
    spectrum counts as a pixel, and a polynomial through its axis as the coefficients.

    Parameters
    ----------
    data
        The whole file.
    name
        File name, for messages.
    laser_nm
        Excitation wavelength, nm, where the file does not say it.

    Raises
    ------
    FormatError
        Damaged, of no format read here, or not of a Raman spectrometer.
    """
    if not data.startswith(b"\x89HDF") and b"\0" not in data[:200]:
        text = text_of(data)
        if bwspec.recognise(text):
            try:
                return bwspec.decode_pixels(text)
            except FormatError as error:
                raise FormatError(f"{name}: {error}" if name else str(error)) from error
    one = decode(data, name=name, technique=Technique.RAMAN, laser_nm=laser_nm)[0]
    spectrum = one.spectrum
    laser = spectrum.laser_nm if spectrum.laser_nm is not None else laser_nm
    if laser is None:
        return PixelCounts(spectrum.intensity, (), None, one.meta)
    pixel = np.arange(spectrum.axis.size, dtype=np.float64)
    degree = min(DEGREE, spectrum.axis.size - 1)
    fitted = np.polynomial.Polynomial.fit(pixel, wavelength_of(spectrum.axis, laser), degree)
    coefficients = tuple(float(one) for one in fitted.convert().coef)
    return PixelCounts(spectrum.intensity, coefficients, laser, one.meta)
