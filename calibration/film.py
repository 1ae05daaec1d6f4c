"""The wavenumber axis of an infrared instrument from a polystyrene film in transmission.

The axis of a Fourier spectrometer is a stretch, set by the laser that counts its steps and by the alignment,
so a straight line through the bands corrects it; an offset is left free for units whose software moved the
axis. The film stands in the beam: in attenuated total reflection strong bands lie up to several cm⁻¹ lower,
which the fit takes for a stretch. Whoever calls sees to it that the scan was made in transmission.
"""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from spectra.noise import noise_of
from spectra.values import FloatArray, Spectrum, Technique

from .errors import ScanUnfit
from .film_table import MIN_BANDS, PHARMACOPOEIA, FilmTable
from .outcomes import AxisOutcome, LineFit

#: Largest stretch of an axis that is looked for, and its step; chosen: 15 cm⁻¹ at 3,000 cm⁻¹.
STRETCH, STRETCH_STEP = 5e-3, 1e-4
#: How far a band may lie from where the stretch puts it, cm⁻¹; chosen.
SEARCH_CM1 = 5.0
#: How far from a band its shoulders are looked for, cm⁻¹; chosen: between the bands at 1,583 and 1,601.
SHOULDER_CM1 = 12.0
#: Most absorbance of a band that is used; chosen: beyond it the detector sees 1 % of the light.
MAX_ABSORBANCE = 2.0
#: A band must stand this many noise standard deviations above its higher shoulder; chosen.
MIN_SNR = 10.0
#: Share of the depth in which the minimum is fitted by a parabola; chosen.
TOP = 0.7
#: A band off by more than this many of its uncertainties is set aside; chosen.
OUTLIER = 2.5
#: Largest root mean square residual and leave-one-out residual of an axis that is accepted, cm⁻¹; chosen: the
#: tolerance of the pharmacopoeias for the sharp bands.
MAX_RMS_CM1 = 1.0


@dataclass(frozen=True, slots=True)
class _Found:
    """A band as found."""

    place: float
    """Where, cm⁻¹ of the axis as it is."""
    sigma: float
    """Standard uncertainty by noise and shape, cm⁻¹."""
    reference: float
    """Where it belongs, cm⁻¹."""
    uncertainty: float
    """How exactly that is known, cm⁻¹."""


def calibrate_film(spectrum: Spectrum, table: FilmTable = PHARMACOPOEIA) -> AxisOutcome:
    """Fit the wavenumber axis to the bands of a polystyrene film.

    Parameters
    ----------
    spectrum
        Absorbance of the film in transmission, on the whole axis of the device.
    table
        Its bands: the certificate of the film in hand, by default those of the pharmacopoeias.

    Returns
    -------
    AxisOutcome
        Form ``shifts``: the corrected wavenumber is c₀ + c₁·x.

    Raises
    ------
    ScanUnfit
        No infrared spectrum, fewer than five bands that can be used, or residuals above 1 cm⁻¹.
    """
    if spectrum.technique is not Technique.FTIR:
        raise ScanUnfit(f"a film calibrates infrared instruments, this is a scan by {spectrum.technique}")
    if spectrum.saturated:
        raise ScanUnfit("the scan of the film is saturated: lower the gain")
    stretch = _stretch(spectrum, table)
    found = [one for one in (_band(spectrum, table, n, stretch) for n in range(len(table.bands))) if one]
    if len(found) < MIN_BANDS:
        raise ScanUnfit(
            f"{len(found)} of {len(table.bands)} bands of {table.name} were found, {MIN_BANDS} are needed: "
            "is the film in the beam, dry and not too thick?"
        )
    used = _used(found)
    outcome = _outcome(spectrum, table, found, used)
    if max(outcome.rms, outcome.leave_one_out_rms) > MAX_RMS_CM1:
        raise ScanUnfit(
            f"the bands of {table.name} leave {outcome.rms:.2f} cm⁻¹ (each by the others "
            f"{outcome.leave_one_out_rms:.2f}), more than {MAX_RMS_CM1:g}: scan the film in transmission, "
            "at 4 cm⁻¹ or better"
        )
    return outcome


def _stretch(spectrum: Spectrum, table: FilmTable) -> float:
    """Return the stretch of the axis at which all bands together stand out most."""
    tried = np.arange(-STRETCH, STRETCH + STRETCH_STEP / 2, STRETCH_STEP)
    places = np.array([band.position_cm1 for band in table.bands])[:, None] * (1 + tried)
    covered = (places[:, 0] > spectrum.axis[0] + 20) & (places[:, -1] < spectrum.axis[-1] - 20)
    if covered.sum() < MIN_BANDS:
        raise ScanUnfit(f"the scan covers {covered.sum()} bands of {table.name}, {MIN_BANDS} are needed")
    at = [np.interp(places[covered] + off, spectrum.axis, spectrum.intensity) for off in (0.0, -10.0, 10.0)]
    height = at[0] - (at[1] + at[2]) / 2
    # Each band counts alike, however strong.
    score = np.clip(height / np.maximum(height.max(axis=1, keepdims=True), 1e-12), 0, 1).sum(axis=0)
    return float(tried[int(np.argmax(score))])


def _band(spectrum: Spectrum, table: FilmTable, number: int, stretch: float) -> _Found | None:
    """Return where a band is, None where it is not or cannot be used."""
    band = table.bands[number]
    expected = band.position_cm1 * (1 + stretch)
    inside = np.abs(spectrum.axis - expected) <= SEARCH_CM1 + SHOULDER_CM1
    x, y = spectrum.axis[inside], spectrum.intensity[inside]
    near = np.abs(x - expected) <= SEARCH_CM1
    if x.size < 12 or not near.any():
        return None
    top = int(np.flatnonzero(near)[np.argmax(y[near])])
    reach = np.abs(x - x[top]) <= SHOULDER_CM1
    left, right = y[:top][reach[:top]], y[top + 1 :][reach[top + 1 :]]
    if left.size < 2 or right.size < 2 or y[top] > MAX_ABSORBANCE or max(y[top - 1], y[top + 1]) > y[top]:
        return None
    shoulder = float(max(left.min(), right.min()))
    noise = float(np.median(noise_of(spectrum.intensity)[inside]))
    if y[top] - shoulder < MIN_SNR * noise:
        return None
    place = _minimum if table.method == "minimum" else _centroid
    where, sigma = place(x, y, top, shoulder, noise)
    return _Found(where, sigma, band.position_cm1, band.uncertainty_cm1)


def _minimum(x: FloatArray, y: FloatArray, top: int, shoulder: float, noise: float) -> tuple[float, float]:
    """Return the place of least transmittance: top of a parabola through the upper part of the band."""
    first, last = _above(y, top, shoulder + TOP * (y[top] - shoulder))
    first, last = min(first, top - 2), max(last, top + 2)
    part = slice(max(first, 0), last + 1)
    offset = x[part] - x[top]
    coefficients, spread = np.polyfit(offset, y[part], 2, cov="unscaled")
    a, b = float(coefficients[0]), float(coefficients[1])
    left = y[part] - np.polyval(coefficients, offset)
    # The parabola is no exact shape: what it leaves counts as if it were noise.
    scale = max(noise**2, float((left**2).sum()) / max(offset.size - 3, 1))
    slope = np.array([b / (2 * a**2), -1 / (2 * a), 0.0])
    return float(x[top] - b / (2 * a)), float(np.sqrt(slope @ spread @ slope * scale))


def _centroid(x: FloatArray, y: FloatArray, top: int, shoulder: float, noise: float) -> tuple[float, float]:
    """Return the centroid of the transmittance below half depth, between the flanks of the band."""
    dense = np.linspace(x[0], x[-1], 40 * x.size)
    light = CubicSpline(x, 10.0**-y)(dense)
    middle = int(np.argmin(np.abs(dense - x[top])))
    half = (10.0**-shoulder + float(light[middle])) / 2
    first, last = _above(-light, middle, -half)
    depth = half - light[first : last + 1]
    where = float((depth * dense[first : last + 1]).sum() / depth.sum())
    width = float(dense[last] - dense[first])
    channels = max(width / float(np.median(np.diff(x))), 2.0)
    sigma = np.log(10.0) * noise * 10.0 ** -y[top] * width / (2 * np.sqrt(channels) * float(depth.mean()))
    return where, float(sigma)


def _above(y: FloatArray, top: int, level: float) -> tuple[int, int]:
    """Return the first and the last place around a top that lie above a level without a gap."""
    low = np.flatnonzero(y[:top] <= level)
    high = np.flatnonzero(y[top:] <= level)
    return (int(low[-1]) + 1 if low.size else 0), (top + int(high[0]) - 1 if high.size else y.size - 1)


def _used(found: list[_Found]) -> list[bool]:
    """Set aside the worst band while it is off by several of its uncertainties and enough are left."""
    used = [True] * len(found)
    while sum(used) > MIN_BANDS:
        kept = [one for one, use in zip(found, used, strict=True) if use]
        line, _ = _line(kept)
        off = [
            abs(float(np.polyval(line, one.place)) - one.reference) / np.hypot(one.uncertainty, one.sigma)
            if use
            else 0.0
            for one, use in zip(found, used, strict=True)
        ]
        worst = int(np.argmax(off))
        if off[worst] <= OUTLIER:
            break
        used[worst] = False
    return used


def _line(found: list[_Found]) -> tuple[FloatArray, FloatArray]:
    """Return slope and offset of the corrected axis, weighted, and their covariance for unit weights."""
    places = np.array([one.place for one in found])
    references = np.array([one.reference for one in found])
    weights = 1 / np.hypot([one.uncertainty for one in found], [one.sigma for one in found])
    line, spread = np.polyfit(places, references, 1, w=weights, cov="unscaled")
    return np.asarray(line, dtype=np.float64), np.asarray(spread, dtype=np.float64)


def _outcome(spectrum: Spectrum, table: FilmTable, found: list[_Found], used: list[bool]) -> AxisOutcome:
    kept = [one for one, use in zip(found, used, strict=True) if use]
    line, spread = _line(kept)
    residuals = np.array([float(np.polyval(line, one.place)) - one.reference for one in found])
    alone = [
        float(np.polyval(_line(kept[:n] + kept[n + 1 :])[0], one.place)) - one.reference
        for n, one in enumerate(kept)
    ]
    ends = np.array([[one.place, 1.0] for one in (kept[0], kept[-1])])
    rms = float(np.sqrt(np.mean(residuals[used] ** 2)))
    # Tolerances and expanded uncertainties are about twice the standard uncertainty.
    largest = float(np.sqrt(np.einsum("ij,jk,ik->i", ends, spread, ends).max())) / 2.0
    return AxisOutcome(
        form="shifts",
        coefficients=(float(line[1]), float(line[0])),
        pixels=spectrum.axis.size,
        laser_nm=None,
        laser_sigma_nm=None,
        rms=rms,
        leave_one_out_rms=float(np.sqrt(np.mean(np.square(alone)))),
        sigma_cm1=max(largest, rms / np.sqrt(len(kept) - 2)),
        valid_range=(kept[0].reference, kept[-1].reference),
        lines=tuple(
            LineFit(table.name, one.reference, one.place, one.sigma, float(residual), use)
            for one, residual, use in zip(found, residuals, used, strict=True)
        ),
    )
