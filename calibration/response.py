"""How the instrument weighs the shifts: the response from a certified glass, and its correction (ASTM E2911).

The scan of the standard, dark taken off, on the calibrated axis, is smoothed to S(x); the factor is
C(x) = I_cert(x)/S(x) within the certified range and nowhere else. Where the glass lights too few counts the
range is cut, and the outcome says so. The certified intensity counts per cm⁻¹ and so does a corrected
spectrum: the width of the channels in cm⁻¹ is part of what is corrected.
"""

from dataclasses import replace

import numpy as np
from scipy.ndimage import median_filter

from spectra.noise import noise_of
from spectra.values import FloatArray, Spectrum, Technique

from .errors import ScanUnfit, UncalibratedScan
from .outcomes import ResponseOutcome
from .smoothing import Mask, Smoothed, smooth
from .srm import Curve, check_laser, curve_of

#: The glass must light a channel by at least this many standard deviations of its noise; chosen: below 10 the
#: factor of a single channel is unknown by more than 10 %.
MIN_SNR = 10.0
#: And by this share of the most it lights any; chosen. Stray light inside a spectrometer and a dark that
#: drifted are about 1 % (a 785 nm unit seen has a floor of 1.8 %), and would be taken for the light of the
#: glass.
MIN_LEVEL = 0.05
#: Channels of the running median by which both are judged.
JUDGED_CHANNELS = 15
#: Half the window of the running median by which noise is estimated, channels (`spectra.noise.noise_of`).
NOISE_EDGE = 75
#: The least that may be left of the certified range as far as it was measured, cm⁻¹ and as a share; chosen:
#: half of it, and the larger part of the 400 to 1,800 cm⁻¹ by which substances are told.
MIN_KEPT_CM1, MIN_KEPT_SHARE = 1000.0, 0.5
#: Most of the relative noise that may be left in the factor; chosen: a tenth of what a channel may have.
MAX_NOISE = 0.01
#: Most channels that may stand out of the smooth curve; chosen. Cosmic rays strike fewer.
MAX_STRUCK = 0.03
#: How far the curve may leave its own running median, natural logarithm; chosen. The glasses have no bands;
#: steps of detectors and filters seen on real instruments stay below 0.1, bands of a substance exceed 1.
MAX_BAND, BAND_CHANNELS = 0.35, 101
#: Most points of the table that is kept: that many channels, or every second, third … of more.
TABLE_POINTS = 4096
#: Figures of a factor that are kept, and decimals of its place.
FACTOR_DIGITS, PLACE_DECIMALS = 7, 4
#: Fewest channels a response can be drawn through.
MIN_CHANNELS = 64
#: How the history of a corrected spectrum begins to say so.
CORRECTED = "intensity by"


def calibrate_response(spectrum: Spectrum, srm: str | Curve) -> ResponseOutcome:
    """Measure the response from a scan of an intensity standard.

    Parameters
    ----------
    spectrum
        Scan of the standard on the calibrated axis, dark taken off, not smoothed and not corrected.
    srm
        Number of a shipped curve, or the certificate of the unit in hand.

    Raises
    ------
    UnknownStandard
        No curve of that number ships.
    WrongLaser
        The standard is certified for another laser.
    ScanUnfit
        Saturated, too weak, corrected already, covering too little, or no scan of a glass without bands.
    """
    curve = curve_of(srm)
    curve.check_laser(spectrum.laser_nm)
    _check_scan(spectrum, curve)
    noise = _steady(spectrum.noise if spectrum.noise is not None else noise_of(spectrum.intensity))
    inside = (spectrum.axis >= curve.range_cm1[0]) & (spectrum.axis <= curve.range_cm1[1])
    lit = _lit(spectrum, noise, inside, curve)
    axis, signal = spectrum.axis[lit], spectrum.intensity[lit]
    # A channel said to have no noise at all must not hold the curve alone.
    least = max(0.05 * float(np.median(noise[lit])), 1e-9 * float(signal.max()))
    smoothed = smooth(signal, np.maximum(noise[lit], least))
    _check_smooth(smoothed, curve)
    factor = curve.at(axis) / smoothed.curve
    factor /= np.median(factor)
    factor = np.array([float(f"{value:.{FACTOR_DIGITS}g}") for value in factor])
    left = float(np.sqrt(np.mean((smoothed.noise_left / smoothed.curve) ** 2)))
    if left > MAX_NOISE:
        raise ScanUnfit(
            f"the scan of {curve.name} leaves {left:.1%} of noise in the response: expose it longer"
        )
    step = -(-axis.size // TABLE_POINTS)
    table = np.unique(np.append(np.arange(0, axis.size, step), axis.size - 1))
    places = np.round(axis[table], PLACE_DECIMALS)
    return ResponseOutcome(
        standard=curve.name,
        laser_nm=curve.laser_nm,
        range_cm1=(float(places[0]), float(places[-1])),
        axis_cm1=tuple(places.tolist()),
        factor=tuple(factor[table].tolist()),
        noise=left,
        spread=(float(factor.min()), float(factor.max())),
        cut=_said_cut(spectrum, inside, lit),
    )


def apply_response(spectrum: Spectrum, outcome: ResponseOutcome, *, named: str = "") -> Spectrum:
    """Correct a spectrum by a response: intensity and noise times the factor, channels outside it left out.

    Parameters
    ----------
    spectrum
        Raman spectrum of the same instrument, dark taken off, on the calibrated axis.
    outcome
        The response.
    named
        What its history calls the response, such as ``record 0123…``; by default its standard.

    Raises
    ------
    WrongLaser
        The response holds for another laser than the spectrum's.
    UncalibratedScan
        No Raman spectrum, corrected already, or none of its channels lies in the range of the response.
    """
    check_laser(f"the response by {outcome.standard}", outcome.laser_nm, spectrum.laser_nm)
    if spectrum.technique is not Technique.RAMAN or is_corrected(spectrum):
        raise UncalibratedScan("a response corrects a Raman spectrum, and corrects it once")
    low, high = outcome.range_cm1
    keep = (spectrum.axis >= low) & (spectrum.axis <= high)
    if keep.sum() < 2:
        raise UncalibratedScan(
            f"the spectrum has no channels from {low:.0f} to {high:.0f} cm⁻¹, where its response is known"
        )
    factor = np.interp(spectrum.axis[keep], outcome.axis_cm1, outcome.factor)
    out = int(keep.size - keep.sum())
    said = f"{CORRECTED} {named or outcome.standard}, {low:.0f}–{high:.0f} cm⁻¹"
    return replace(
        spectrum,
        axis=spectrum.axis[keep],
        intensity=spectrum.intensity[keep] * factor,
        noise=None if spectrum.noise is None else spectrum.noise[keep] * factor,
        history=(*spectrum.history, said + (f"; {out} channel(s) outside left out" if out else "")),
    )


def is_corrected(spectrum: Spectrum) -> bool:
    """Whether a spectrum's history says that its response was corrected."""
    return any(line.startswith(CORRECTED) for line in spectrum.history)


def _check_scan(spectrum: Spectrum, curve: Curve) -> None:
    if spectrum.technique is not Technique.RAMAN:
        raise ScanUnfit(f"{curve.name} calibrates Raman instruments, this is a scan by {spectrum.technique}")
    if spectrum.saturated:
        raise ScanUnfit(f"the scan of {curve.name} is saturated: expose it shorter")
    if is_corrected(spectrum):
        raise ScanUnfit(f"the scan of {curve.name} was corrected already: use the raw one")


def _steady(noise: FloatArray) -> FloatArray:
    """Return a noise whose ends are those of the first and last whole window of its running median.

    `spectra.noise.noise_of` sees ever fewer channels toward the ends, and may find far too little there.
    """
    edge = min(NOISE_EDGE, noise.size // 4)
    return noise[np.clip(np.arange(noise.size), edge, noise.size - 1 - edge)]


def _lit(spectrum: Spectrum, noise: FloatArray, inside: Mask, curve: Curve) -> Mask:
    """Return the widest stretch of the certified range in which the glass gives light enough."""
    if inside.sum() < MIN_CHANNELS:
        raise ScanUnfit(f"only {inside.sum()} channels lie in the certified range of {curve.name}")
    level = median_filter(spectrum.intensity, size=JUDGED_CHANNELS, mode="nearest")
    least = np.maximum(MIN_SNR * noise, MIN_LEVEL * level[inside].max())
    enough = inside & (level > 0) & (level >= least)
    ends = np.flatnonzero(np.diff(np.concatenate(([False], enough, [False])).astype(int)))
    stretches = [slice(start, stop) for start, stop in zip(ends[::2], ends[1::2], strict=True)]
    spans = [spectrum.axis[part][-1] - spectrum.axis[part][0] for part in stretches]
    measured = spectrum.axis[inside]
    whole = float(measured[-1] - measured[0])
    widest = max(spans, default=0.0)
    if widest < max(MIN_KEPT_CM1, MIN_KEPT_SHARE * whole):
        raise ScanUnfit(
            f"{curve.name} lights {widest:.0f} of {whole:.0f} cm⁻¹ enough (signal to noise {MIN_SNR:g}, "
            f"{MIN_LEVEL:.0%} of the most): expose it longer, with the dark taken off"
        )
    kept = np.zeros(inside.size, dtype=np.bool_)
    kept[stretches[int(np.argmax(spans))]] = True
    if kept.sum() < MIN_CHANNELS:
        raise ScanUnfit(f"only {kept.sum()} channels of the scan of {curve.name} can be used")
    return kept


def _check_smooth(smoothed: Smoothed, curve: Curve) -> None:
    if (smoothed.curve <= 0).any():
        raise ScanUnfit(f"the scan of {curve.name} gives no light somewhere within: expose it longer")
    if smoothed.struck.mean() > MAX_STRUCK:
        raise ScanUnfit(
            f"{smoothed.struck.sum()} channels of the scan of {curve.name} stand out: "
            "stray lines or cosmic rays, scan again"
        )
    drawn = np.log(smoothed.curve)
    size = min(BAND_CHANNELS, drawn.size // 4 * 2 + 1)
    away = (drawn - median_filter(drawn, size=size, mode="nearest"))[size // 2 : -(size // 2)]
    if away.size and np.abs(away).max() > MAX_BAND:
        raise ScanUnfit(
            f"the scan has a band {np.expm1(np.abs(away).max()):.0%} high, {curve.name} has none: "
            "is it that glass alone?"
        )


def _said_cut(spectrum: Spectrum, inside: Mask, lit: Mask) -> str:
    """Return which part of the certified range was measured and is not kept, empty for none."""
    lost = spectrum.axis[inside & ~lit]
    if not lost.size:
        return ""
    first, last = spectrum.axis[lit][0], spectrum.axis[lit][-1]
    parts = [part for part in (lost[lost < first], lost[lost > last]) if part.size]
    where = " and ".join(f"{part[0]:.0f}–{part[-1]:.0f}" for part in parts)
    return (
        f"cut at {where} cm⁻¹: signal to noise below {MIN_SNR:g}, or below {MIN_LEVEL:.0%} of the most light"
    )
