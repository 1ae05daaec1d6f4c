"""An axis from lamps and a shift standard: pixel to wavelength, and the laser line that makes shifts of it.

Lamps fix the wavelengths, not the laser; a substance fixes the difference (ASTM E1840).
"""

from collections.abc import Sequence

import numpy as np

from spectra.axis import raman_shift, wavelength_of
from spectra.values import FloatArray

from .errors import NotCalibrated
from .laser_line import LaserLine, calibrate_laser
from .outcomes import AxisOutcome, LineFit
from .peaks import lamp_peaks
from .wavelength import WavelengthFit, calibrate_wavelengths

#: An axis less certain than this is none: standard uncertainty between its lines, with that of its laser
#: line, cm⁻¹ (chosen on simulated instruments: of those accepted, 99 in 100 are within 0.5 cm⁻¹).
MAX_SIGMA_CM1 = 0.35

#: Where substances are told apart, cm⁻¹: there the axis must rest on lines, or lie near them.
FINGERPRINT_CM1 = (200.0, 1800.0)
#: How far beyond its first and last line an axis is trusted there, share of what they span (chosen: a real
#: lamp whose lines began 40 % late gave an axis 8 cm⁻¹ from its maker's at the end without lines).
MAX_BEYOND = 0.25


def calibrate_axis(
    lamps: Sequence[tuple[FloatArray, str]],
    standard: tuple[FloatArray, str] | None,
    *,
    guess: Sequence[float],
    laser_nm: float,
    saturation: float | None = None,
) -> AxisOutcome:
    """Calibrate the axis of a Raman spectrometer.

    Parameters
    ----------
    lamps
        Spectra of lamps, the laser off: counts, shape (pixels,), and the lamp's name (``neon``, ``argon``,
        ``neon+argon`` for two that shone together). Each dark taken off or not.
    standard
        A scan of a shift standard, the dark taken off, and its name; None keeps the laser line as stated.
    guess
        Rough coefficients c₀ (nm), c₁ (nm/pixel), …, such as the device's own.
    laser_nm
        Laser line as the device states it, nm.
    saturation
        Counts at which the detector is full.

    Raises
    ------
    NotCalibrated
        A measurement that gives no certain axis; says why.
    UnknownStandard
        A lamp or substance that is not in the tables.
    """
    if not lamps:
        raise NotCalibrated("an axis needs the spectrum of at least one lamp")
    counts, names = _together(lamps, saturation)
    fit = calibrate_wavelengths(counts, names, guess, saturation=saturation if len(lamps) == 1 else None)
    laser = None if standard is None else _laser(fit, standard, laser_nm)
    outcome = _outcome(fit, laser, laser_nm)
    _require_held(fit, outcome)
    if outcome.sigma_cm1 > MAX_SIGMA_CM1:
        raise NotCalibrated(
            f"the axis is uncertain by {outcome.sigma_cm1:.2f} cm⁻¹; {MAX_SIGMA_CM1:g} are allowed: "
            "longer exposures, or a second lamp"
        )
    return outcome


def _require_held(fit: WavelengthFit, outcome: AxisOutcome) -> None:
    """Raise `NotCalibrated` where the fingerprint range lies too far beyond the lines."""
    assert outcome.laser_nm is not None
    first, last = outcome.valid_range
    low, high = wavelength_of(np.asarray(FINGERPRINT_CM1), outcome.laser_nm)
    low, high = max(low, fit.axis_nm[0]), min(high, fit.axis_nm[-1])
    if max(first - low, high - last) > MAX_BEYOND * (last - first):
        held = raman_shift(np.array([first, last]), outcome.laser_nm)
        raise NotCalibrated(
            f"lines of the lamp hold the axis only from {held[0]:.0f} to {held[1]:.0f} cm⁻¹: "
            "longer exposure, or a second lamp"
        )


def _laser(fit: WavelengthFit, standard: tuple[FloatArray, str], stated_nm: float) -> LaserLine:
    counts, substance = standard
    return calibrate_laser(counts, fit.axis_nm, substance, stated_nm, fwhm_px=fit.fwhm_px)


def _together(
    lamps: Sequence[tuple[FloatArray, str]], saturation: float | None
) -> tuple[FloatArray, tuple[str, ...]]:
    """Return one spectrum of all lamps, each in units of its noise, and their names."""
    names = tuple(dict.fromkeys(part for _, name in lamps for part in name.split("+")))
    if len(lamps) == 1:
        return np.asarray(lamps[0][0], dtype=np.float64), names
    if len({np.shape(counts) for counts, _ in lamps}) > 1:
        raise NotCalibrated("the spectra of the lamps have different numbers of pixels")
    seen = [lamp_peaks(counts, saturation=saturation) for counts, _ in lamps]
    clipped = np.any([one.clipped > 0 for one in seen], axis=0)
    whole = np.sum([one.counts / one.noise for one in seen], axis=0)
    # What was full in one of them is no line of the sum: its light is not known.
    return np.asarray(np.where(clipped, 0.0, whole), dtype=np.float64), names


def _outcome(fit: WavelengthFit, laser: LaserLine | None, stated_nm: float) -> AxisOutcome:
    laser_nm = stated_nm if laser is None else laser.laser_nm
    first, last = fit.first_line, fit.last_line
    inside = (fit.axis_nm >= first.wavelength_nm) & (fit.axis_nm <= last.wavelength_nm)
    per_nm = 1e7 / fit.axis_nm**2
    beside = 0.0 if laser is None else laser.sigma_nm * 1e7 / laser_nm**2
    sigma = np.hypot(fit.sigma_nm * per_nm, beside)
    lines = tuple(
        LineFit(line.element, line.wavelength_nm, line.pixel, line.sigma, float(residual), bool(used))
        for line, residual, used in zip(fit.lines, fit.fit.residual, fit.fit.used, strict=True)
    )
    return AxisOutcome(
        form="pixels",
        coefficients=fit.coefficients,
        pixels=fit.axis_nm.size,
        laser_nm=laser_nm,
        laser_sigma_nm=None if laser is None else laser.sigma_nm,
        rms=fit.fit.rms,
        leave_one_out_rms=fit.fit.leave_one_out_rms,
        sigma_cm1=float(sigma[inside].max()),
        valid_range=(first.wavelength_nm, last.wavelength_nm),
        lines=lines + (() if laser is None else laser.lines),
    )
