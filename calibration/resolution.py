"""How sharp the instrument draws: its resolution from the calcite band at 1085.9 cm⁻¹ (ASTM E2529).

The band is fitted by a Gaussian, a Lorentzian and a Voigt profile on a sloping background; the corrected
information criterion of Akaike chooses. The width of the band itself is taken off: E2529 has a table for it,
which was not in the text read, so the relation of Voigt profiles is used instead.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import least_squares
from scipy.special import voigt_profile

from spectra.values import FloatArray, Spectrum, Technique

from .errors import ScanUnfit
from .outcomes import ResolutionOutcome

Shape = Literal["gauss", "lorentz", "voigt"]
SHAPES: tuple[Shape, ...] = ("gauss", "lorentz", "voigt")

#: Position of the strongest Raman band of calcite, cm⁻¹. Source: CWA table of the CHARISMA project, as in
#: ``misc/constants.py`` of h2020charisma/ramanchada2 (commit 7e6573b, 2025).
CALCITE_CM1 = 1085.91
#: Full width at half maximum of the band itself, Lorentzian, cm⁻¹. Source: N. Itoh, Appl. Spectrosc. (2025),
#: doi 10.1177/00037028251318757, abstract: 1.36 for calcite at room temperature.
NATURAL_CM1 = 1.36
#: How far the band may lie from its place, cm⁻¹; chosen: further off the axis is wrong, or it is no calcite.
SEARCH_CM1 = 8.0
#: Half width of the window of the fit: this many widths, within these bounds, cm⁻¹; chosen. The next Raman
#: band of calcite is 350 cm⁻¹ away.
WINDOW_WIDTHS, WINDOW_CM1 = 4.0, (12.0, 60.0)
#: Fewest channels a full width must hold; chosen: simulated bands of 1.5 channels, integrated over each
#: channel, are found right within 1 %, those of 1.2 fail one time in five.
MIN_CHANNELS = 1.5
#: What the place of the band between two channels adds to the uncertainty, channels; from the same
#: simulation.
SAMPLING = 0.01
#: The band must rise this many standard deviations of the residual above its background; chosen.
MIN_SNR = 20.0
#: Widest band that is still taken for calcite's, cm⁻¹; chosen: handhelds draw 4 to 15.
WIDEST_CM1 = 40.0
#: Full width at half maximum of a Gaussian in standard deviations, 2·√(2·ln 2).
_FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))


@dataclass(frozen=True, slots=True)
class _Fit:
    """One shape fitted to the band."""

    shape: Shape
    """Which one."""
    centre: float
    """Its place, cm⁻¹."""
    gauss: float
    """Full width of the Gaussian part, cm⁻¹."""
    lorentz: float
    """Full width of the Lorentzian part, cm⁻¹."""
    height: float
    """Height above the background, the spectrum's unit."""
    residual: float
    """Standard deviation of what is left, the spectrum's unit."""
    sigma: float
    """Standard uncertainty of the whole width by the fit, cm⁻¹."""
    criterion: float
    """Corrected information criterion of Akaike; the smaller the better."""

    @property
    def fwhm(self) -> float:
        """Return the whole width, cm⁻¹."""
        return voigt_width(self.gauss, self.lorentz)


def voigt_width(gauss: float, lorentz: float) -> float:
    """Return the full width at half maximum of a Voigt profile.

    Parameters
    ----------
    gauss, lorentz
        Full widths at half maximum of its two parts, any unit, at least 0.

    Returns
    -------
    float
        0.5346·L + √(0.2166·L² + G²), right to 0.02 % (J. J. Olivero and R. L. Longbothum,
        J. Quant. Spectrosc. Radiat. Transfer 17 (1977) 233).
    """
    return float(0.5346 * lorentz + np.sqrt(0.2166 * lorentz**2 + gauss**2))


def instrument_width(gauss: float, lorentz: float, natural: float = NATURAL_CM1) -> float:
    """Return the width of the instrument's line behind that of a band.

    The Lorentzian widths of band and instrument add up. Where the fit found less of it than the band has, the
    instrument is taken for a Gaussian that makes the same total width.

    Parameters
    ----------
    gauss, lorentz
        Parts of the measured band, full widths at half maximum, cm⁻¹.
    natural
        Lorentzian width of the band itself, cm⁻¹.

    Returns
    -------
    float
        Full width at half maximum, cm⁻¹; 0 where the band is drawn no wider than it is.
    """
    if lorentz >= natural:
        return voigt_width(gauss, lorentz - natural)
    total = voigt_width(gauss, lorentz) - 0.5346 * natural
    return float(np.sqrt(max(total, 0.0) ** 2 - min(0.2166 * natural**2, max(total, 0.0) ** 2)))


def calibrate_resolution(
    spectrum: Spectrum, *, band_cm1: float = CALCITE_CM1, natural_cm1: float = NATURAL_CM1
) -> ResolutionOutcome:
    """Measure the resolution from a scan of calcite.

    Parameters
    ----------
    spectrum
        Raman spectrum of a calcite crystal or powder on a calibrated axis, not smoothed.
    band_cm1
        Where the band is expected, cm⁻¹.
    natural_cm1
        Its own Lorentzian width, cm⁻¹.

    Returns
    -------
    ResolutionOutcome
        Its uncertainty is that of the fit; how exactly the band's own width is known is not in it.

    Raises
    ------
    ScanUnfit
        Saturated, no such band, or a band of too few channels, too much noise or no width of its own.
    """
    if spectrum.technique is not Technique.RAMAN:
        raise ScanUnfit(f"calcite calibrates Raman instruments, this is a scan by {spectrum.technique}")
    if spectrum.saturated:
        raise ScanUnfit("the scan of calcite is saturated: expose it shorter")
    found, channel = _best(spectrum, band_cm1)
    if found.height < MIN_SNR * found.residual or not abs(found.centre - band_cm1) <= SEARCH_CM1:
        raise ScanUnfit(
            f"no band of calcite stands out within {SEARCH_CM1:g} cm⁻¹ of {band_cm1:g}: calibrate the axis "
            "first, or expose longer"
        )
    if found.fwhm < MIN_CHANNELS * channel:
        raise ScanUnfit(
            f"a band of {found.fwhm:.2f} cm⁻¹ over channels of {channel:.2f} cm⁻¹: too few to tell its width"
        )
    instrument = instrument_width(found.gauss, found.lorentz, natural_cm1)
    if found.fwhm <= natural_cm1 or instrument <= 0.0 or found.fwhm > WIDEST_CM1:
        raise ScanUnfit(f"a band of {found.fwhm:.2f} cm⁻¹ is none of calcite by a usable instrument")
    return ResolutionOutcome(
        standard="calcite",
        band_cm1=found.centre,
        shape=found.shape,
        width_cm1=found.fwhm,
        sigma_cm1=float(np.hypot(found.sigma, SAMPLING * channel)),
        instrument_cm1=instrument,
        channel_cm1=channel,
    )


def _best(spectrum: Spectrum, band: float) -> tuple[_Fit, float]:
    """Return the shape that fits best, and the distance of two channels there."""
    near = np.abs(spectrum.axis - band) <= SEARCH_CM1
    if near.sum() < 2:
        raise ScanUnfit(f"the scan has {near.sum()} channels around {band:g} cm⁻¹, too few for a band")
    top = float(spectrum.axis[near][np.argmax(spectrum.intensity[near])])
    width = _half_height_width(spectrum, top)
    reach = float(np.clip(WINDOW_WIDTHS * width, *WINDOW_CM1))
    inside = np.abs(spectrum.axis - top) <= reach
    x, y = spectrum.axis[inside], spectrum.intensity[inside]
    if x.size < 10 or np.ptp(y) <= 0:
        raise ScanUnfit(f"the scan has {x.size} channels around {band:g} cm⁻¹, too few for a band")
    fits = [_fit(x, y, top, width, shape) for shape in SHAPES]
    channel = float(np.interp(top, (x[1:] + x[:-1]) / 2, np.diff(x)))
    return min(fits, key=lambda fit: fit.criterion), channel


def _half_height_width(spectrum: Spectrum, top: float) -> float:
    """Return about how wide the band is: the channels around its top that reach half its height."""
    inside = np.abs(spectrum.axis - top) <= WINDOW_CM1[1]
    x, y = spectrum.axis[inside], spectrum.intensity[inside]
    half = (y.max() + np.median(y)) / 2
    place = int(np.argmin(np.abs(x - top)))
    low = np.flatnonzero(y[:place] < half)
    high = np.flatnonzero(y[place:] < half)
    first = x[low[-1]] if low.size else x[0]
    last = x[place + high[0]] if high.size else x[-1]
    return float(max(last - first, np.median(np.diff(x))))


def _fit(x: FloatArray, y: FloatArray, top: float, width: float, shape: Shape) -> _Fit:
    """Fit one shape on a sloping background."""
    scale, free = float(np.ptp(y)), 2 if shape == "voigt" else 1

    def off(values: FloatArray) -> FloatArray:
        band = values[0] * _profile(x - values[3], *_parts(values, shape))
        return np.asarray((band + values[1] + values[2] * (x - top) - y) / scale)

    start = [scale, float(y.min()), 0.0, top, *([width] if free == 1 else [width * 0.7, width * 0.4])]
    low = [0.0, -np.inf, -np.inf, top - SEARCH_CM1, *([1e-3] * free)]
    high = [np.inf, np.inf, np.inf, top + SEARCH_CM1, *([4 * WIDEST_CM1] * free)]
    size = [scale, scale, scale / WINDOW_CM1[0], 1.0, *([width] * free)]
    done = least_squares(off, start, bounds=(low, high), x_scale=size, max_nfev=400)
    count = len(start) + 1
    freedom = x.size - len(start)
    if not done.success or freedom < 3:
        raise ScanUnfit("the band of calcite could not be fitted: scan it again, longer")
    rest = max(2.0 * float(done.cost), 1e-24)
    jacobian = np.asarray(done.jac, dtype=np.float64)
    spread = rest / freedom * np.linalg.pinv(jacobian.T @ jacobian)
    gauss, lorentz = _parts(done.x, shape)
    return _Fit(
        shape,
        centre=float(done.x[3]),
        gauss=gauss,
        lorentz=lorentz,
        height=float(done.x[0]),
        residual=float(np.sqrt(rest / freedom)) * scale,
        sigma=_sigma(gauss, lorentz, shape, np.asarray(spread[4:, 4:], dtype=np.float64)),
        # C. M. Hurvich and C.-L. Tsai, Biometrika 76 (1989) 297.
        criterion=x.size * float(np.log(rest / x.size)) + 2 * count * x.size / max(x.size - count - 1, 1),
    )


def _parts(values: FloatArray, shape: Shape) -> tuple[float, float]:
    """Return the Gaussian and the Lorentzian width among the values of a fit."""
    gauss = float(values[4]) if shape != "lorentz" else 0.0
    return gauss, float(values[-1]) if shape != "gauss" else 0.0


def _profile(offset: FloatArray, gauss: float, lorentz: float) -> FloatArray:
    """Return a Voigt profile of height 1 by the full widths of its parts."""
    sigma, gamma = gauss / _FWHM, lorentz / 2.0
    return np.asarray(voigt_profile(offset, sigma, gamma) / voigt_profile(0.0, sigma, gamma))


def _sigma(gauss: float, lorentz: float, shape: Shape, spread: FloatArray) -> float:
    """Return the standard uncertainty of the width from the covariance of its parts."""
    root = float(np.sqrt(0.2166 * lorentz**2 + gauss**2))
    slopes = {"gauss": [1.0], "lorentz": [1.0], "voigt": [gauss / root, 0.5346 + 0.2166 * lorentz / root]}
    slope = np.asarray(slopes[shape])
    return float(np.sqrt(max(float(slope @ spread @ slope), 0.0)))
