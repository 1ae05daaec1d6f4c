"""A calibration lamp before the probe: discrete lines, as wide as the spectrograph draws them."""

import numpy as np

from spectra.values import FloatArray

from .lamp_lines import ELEMENTS

#: Full width at half maximum of the spectrograph's line, nm: chosen, about 7 cm⁻¹ at 850 nm, as of handhelds.
LINE_FWHM_NM = 0.5
#: Lines are no narrower than so many pixels.
LINE_FWHM_PIXELS = 2.5
#: Exposure at which the brightest line of a lamp fills the typical share of the range, s; chosen.
TYPICAL_LINE_S = 0.1


def parse_lamp(text: str) -> tuple[str, ...]:
    """Return the elements of a lamp: ``neon``, ``argon`` or ``neon+argon``; none for an empty text.

    Raises
    ------
    ValueError
        Another lamp.
    """
    elements = tuple(text.split("+")) if text else ()
    if any(name not in ELEMENTS for name in elements) or len(set(elements)) != len(elements):
        raise ValueError(f"a lamp is {', '.join(ELEMENTS)} or {'+'.join(ELEMENTS)}")
    return elements


def emission_profile(wavelength_nm: FloatArray, elements: tuple[str, ...]) -> FloatArray:
    """Return a lamp's light on each pixel; of each element the brightest line on the chip has height 1.

    Parameters
    ----------
    wavelength_nm : ndarray, shape (pixels,)
        Which light falls on each pixel, nm, ascending.
    elements
        As `parse_lamp` returns them.
    """
    light = np.zeros(wavelength_nm.shape)
    channel = float(np.median(np.diff(wavelength_nm)))
    fwhm = max(LINE_FWHM_NM, LINE_FWHM_PIXELS * channel)
    for name in elements:
        lines = np.array([line for line in ELEMENTS[name] if _within(line[0], wavelength_nm, fwhm)])
        if len(lines):
            away = (wavelength_nm[:, None] - lines[:, 0]) / fwhm
            light += np.exp(-4.0 * np.log(2.0) * away**2) @ (lines[:, 1] / lines[:, 1].max())
    return light


def _within(nm: float, wavelength_nm: FloatArray, margin_nm: float) -> bool:
    return bool(wavelength_nm[0] - margin_nm <= nm <= wavelength_nm[-1] + margin_nm)
