"""An axis that was wrong, set right afterwards by a known substance in the scan.

Its bands are matched to the lines of the substance under every straight correction of the axis and a bend,
and a polynomial no higher than the matched lines can contradict moves the axis onto them. One known
substance corrects every scan made with the same axis.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
from scipy.ndimage import percentile_filter
from scipy.signal import find_peaks

from spectra.noise import noise_of
from spectra.values import FloatArray, Spectrum, Technique

from .errors import NotCalibrated
from .lines import fit_line
from .outcomes import AxisOutcome, LineFit
from .polynomial_fit import PolynomialFit, fit_polynomial
from .standards import weighted_lines

#: What an axis may be wrong by: everywhere, cm⁻¹, by stretch, share, and by a bend, cm⁻¹. A handheld was seen
#: that was off by up to 40 cm⁻¹, and not by a constant.
OFFSET_CM1, STRETCH, BEND_CM1 = 60.0, 0.03, 16.0
#: Steps of the search and how near a band must come to a line, cm⁻¹.
_STEP_CM1, _NEAR_CM1 = 2.0, 4.0
#: A band must rise this many noise standard deviations above what surrounds it.
_PROMINENT = 6.0
_BROAD_CM1, _BACKGROUND_CM1, _PERCENT = 40.0, 120.0, 20
#: Fewest lines a rescued axis rests on: two more than a straight correction needs.
MIN_LINES = 4
#: Least share of the substance's light, and largest uncertainty of the corrected axis, cm⁻¹ (chosen).
MIN_FOUND, MAX_SIGMA_CM1 = 0.6, 1.0
#: Another correction that finds nearly as much makes the answer ambiguous.
_RIVAL = 0.92
#: What tables and fitted shapes leave uncertain in one line, cm⁻¹ (chosen).
_FLOOR_CM1 = 0.5

Lines = Sequence[tuple[float, float]]


def rescue_axis(spectrum: Spectrum, known: str | Lines) -> AxisOutcome:
    """Fit a correction of a spectrum's axis to the lines of a substance known to be in it.

    Parameters
    ----------
    spectrum
        The spectrum on its wrong axis; up to `OFFSET_CM1`, `STRETCH` and `BEND_CM1` off.
    known
        A shift standard by name, or the lines of the substance: position, cm⁻¹, and height as a share of the
        strongest.

    Returns
    -------
    AxisOutcome
        Of the form ``shifts``: the corrected position of x is Σ cᵢ·xⁱ.

    Raises
    ------
    NotCalibrated
        The substance is not seen, or its bands fit in more than one way.
    UnknownStandard
        No standard of that name.
    """
    name = known if isinstance(known, str) else "known substance"
    lines = _in_reach(weighted_lines(known) if isinstance(known, str) else known, spectrum)
    band, sigma, height = _bands(spectrum)
    if band.size < MIN_LINES or len(lines) < MIN_LINES:
        raise NotCalibrated(
            f"{band.size} bands stand out, and {len(lines)} lines of {name} could be there; "
            f"{MIN_LINES} are needed"
        )
    tried = [
        one
        for start in _starts(spectrum.axis, band, height, lines)
        if (one := _settled(band, sigma, height, lines, spectrum.axis, start)) is not None
    ]
    if not tried:
        raise NotCalibrated(f"the bands of the scan are not those of {name}")
    tried.sort(key=lambda one: -one[0])
    found, fit, matched, reference = tried[0]
    if found < MIN_FOUND:
        raise NotCalibrated(f"only {found:.0%} of {name} is found in the scan; {MIN_FOUND:.0%} are needed")
    low, high = float(band[matched][fit.used].min()), float(band[matched][fit.used].max())
    inside = spectrum.axis[(spectrum.axis >= low) & (spectrum.axis <= high)]
    for share, other, _, _ in tried[1:]:
        if share > _RIVAL * found and np.abs(other.at(inside) - fit.at(inside)).max() > 2 * _NEAR_CM1:
            raise NotCalibrated(f"the bands of {name} fit in two ways: another known substance is needed")
    return _outcome(spectrum, fit, band[matched], sigma[matched], reference, name)


def _in_reach(lines: Lines, spectrum: Spectrum) -> Lines:
    reach = OFFSET_CM1 / 2
    low, high = float(spectrum.axis[0]) - reach, float(spectrum.axis[-1]) + reach
    return [(line, weight) for line, weight in lines if low < line < high]


def _bands(spectrum: Spectrum) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return place, uncertainty and height of what stands out, cm⁻¹, cm⁻¹ and share of the highest."""
    y = spectrum.intensity
    step = float(np.median(np.diff(spectrum.axis)))
    width = max(3, round(_BACKGROUND_CM1 / step))
    above = y - percentile_filter(y, _PERCENT, size=width, mode="nearest")
    noise = spectrum.noise if spectrum.noise is not None else noise_of(y)
    limit = max(_PROMINENT * float(np.median(noise)), 0.005 * float(above.max()))
    top, about = find_peaks(above, prominence=limit, width=(None, _BROAD_CM1 / step))
    fitted = [fit_line(spectrum, float(spectrum.axis[one]), window_cm1=10.0) for one in top]
    rows = [
        (band.centre_cm1, band.sigma_cm1, float(prominence))
        for band, prominence in zip(fitted, about["prominences"], strict=True)
        if band is not None
    ]
    if not rows:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    place, sigma, height = np.array(sorted(rows)).T
    # Two tops of one bump are fitted to the same place.
    new = np.concatenate([[True], np.diff(place) > 1.0])
    return place[new], sigma[new], height[new] / height.max()


def _starts(axis: FloatArray, band: FloatArray, height: FloatArray, lines: Lines) -> list[FloatArray]:
    """Return corrected places of the bands under the best straight-and-bent corrections."""
    at = np.array([line for line, _ in lines])
    weight = np.sqrt(np.array([one for _, one in lines]))
    middle, half = 0.5 * (axis[0] + axis[-1]), 0.5 * (axis[-1] - axis[0])
    u = (band - middle) / half
    strong = np.sqrt(height)
    shifts = np.arange(-OFFSET_CM1, OFFSET_CM1 + _STEP_CM1, _STEP_CM1)
    tilts = np.arange(-STRETCH * half, STRETCH * half + 1e-9, 2 * _STEP_CM1)
    bends = np.arange(-BEND_CM1, BEND_CM1 + 1e-9, 2 * _STEP_CM1)
    tried: list[tuple[float, int, FloatArray]] = []
    for tilt, bend in product(tilts, bends):
        moved = band + tilt * u + bend * (1 - u * u)
        off = moved[None, :, None] + shifts[:, None, None] - at[None, None, :]
        near = np.exp(-0.5 * (off / _NEAR_CM1) ** 2) * strong[None, :, None]
        scores = near.max(axis=1) @ weight
        best = int(np.argmax(scores))
        tried.append((float(scores[best]), len(tried), moved + shifts[best]))
    tried.sort(reverse=True)
    kept: list[FloatArray] = []
    for _, _, moved in tried:
        if all(np.abs(moved - one).max() > 2 * _NEAR_CM1 for one in kept):
            kept.append(moved)
        if len(kept) == 6:
            break
    return kept


def _settled(
    band: FloatArray, sigma: FloatArray, height: FloatArray, lines: Lines, axis: FloatArray, start: FloatArray
) -> tuple[float, PolynomialFit, FloatArray, FloatArray] | None:
    """Match, fit and match again; return the share of the substance that is found, fit, bands and lines."""
    at = np.array([line for line, _ in lines])
    weight = np.sqrt(np.array([one for _, one in lines]))
    moved = start
    for reach in (3.0, 2.0, 1.5, 1.5):
        off = np.abs(moved[:, None] - at[None, :])
        # The highest band within reach of a line is its; a band serves its nearest line.
        mine = off.argmin(axis=1)
        pairs = [
            (int(max(near, key=lambda one: height[one])), number)
            for number in range(at.size)
            if (near := np.flatnonzero((mine == number) & (off[:, number] < reach * _NEAR_CM1))).size
        ]
        if len(pairs) < MIN_LINES:
            return None
        matched, reference = (np.array(column) for column in zip(*pairs, strict=True))
        fit = fit_polynomial(
            band[matched],
            at[reference] - band[matched],
            sigma[matched],
            extent=float(axis[-1]),
            floor=_FLOOR_CM1,
            degrees=(1, 2, 3),
        ) or _shift(band[matched], at[reference], sigma[matched], float(axis[-1]))
        if fit is None:
            return None
        moved = band + fit.at(band)
    residual = np.abs(moved[matched] - at[reference])
    share = float(weight[reference] @ np.exp(-0.5 * (residual / 2.0) ** 2) / weight.sum())
    return share, fit, matched, at[reference]


def _shift(band: FloatArray, line: FloatArray, sigma: FloatArray, extent: float) -> PolynomialFit | None:
    """Fit a constant, where there are too few lines for more."""
    return fit_polynomial(band, line - band, sigma, extent=extent, floor=_FLOOR_CM1, degrees=(0,))


def _outcome(
    spectrum: Spectrum,
    fit: PolynomialFit,
    band: FloatArray,
    sigma: FloatArray,
    reference: FloatArray,
    name: str,
) -> AxisOutcome:
    held = band[fit.used]
    inside = spectrum.axis[(spectrum.axis >= held.min()) & (spectrum.axis <= held.max())]
    uncertain = float(np.hypot(fit.sigma_at(inside), _FLOOR_CM1 / np.sqrt(held.size)).max())
    if uncertain > MAX_SIGMA_CM1:
        raise NotCalibrated(
            f"the corrected axis is uncertain by {uncertain:.1f} cm⁻¹; {MAX_SIGMA_CM1:g} are allowed"
        )
    corrected = spectrum.axis + fit.at(spectrum.axis)
    if not (np.diff(corrected) > 0).all():
        raise NotCalibrated(f"the bands of {name} give an axis that does not ascend")
    powers = fit.powers()
    coefficients = np.zeros(max(2, powers.size))
    coefficients[: powers.size] += powers
    coefficients[1] += 1.0
    lines = tuple(
        LineFit(name, float(at), float(found), float(error), float(off), bool(used))
        for at, found, error, off, used in zip(reference, band, sigma, fit.residual, fit.used, strict=True)
    )
    return AxisOutcome(
        form="shifts",
        coefficients=tuple(float(one) for one in coefficients),
        pixels=spectrum.axis.size,
        laser_nm=spectrum.laser_nm if spectrum.technique is Technique.RAMAN else None,
        laser_sigma_nm=None,
        rms=fit.rms,
        leave_one_out_rms=fit.leave_one_out_rms,
        sigma_cm1=uncertain,
        valid_range=(float(held.min()), float(held.max())),
        lines=lines,
    )
