"""The positive control: bands of a known substance must be where, as wide and as strong as they should be."""

from dataclasses import dataclass

import numpy as np

from spectra.values import Spectrum

from .limits import BOUND_CM1, FIT_BIAS_CM1, LIMITS, SURE_SIGMAS, Limits
from .lines import FittedLine
from .recognising import fitted_lines, foreign_band, torn_apart
from .standards import FAINT, standard_name
from .verification import Figure, LineCheck, Verdict, Verification

#: With a strongest line of less than this SNR a faint one may drown in the noise (chosen: one of a tenth of
#: it then stands at 10).
_CLEAR_SNR = 100.0
#: Fewer lines than this fit any substance.
_FEWEST_LINES = 3
#: Room that a verdict leaves for what an instrument may drift until the earliest next one, cm⁻¹; see `due`.
_ROOM_CM1 = 0.125

_Fits = list[tuple[float, FittedLine | None]]


@dataclass(frozen=True, slots=True)
class _Judged:
    """The positions, as far as they are sure."""

    worst_cm1: float | None
    unsure_cm1: float | None
    figures: tuple[Figure, ...]

    @property
    def too_vague(self) -> bool:
        """Whether a line may be off by more than is ever allowed, without being off for sure."""
        if self.worst_cm1 is None or self.unsure_cm1 is None:
            return True
        return self.worst_cm1 + self.unsure_cm1 > BOUND_CM1 - FIT_BIAS_CM1 - _ROOM_CM1


def verify_axis(
    spectrum: Spectrum,
    *,
    at: str = "",
    standard: str = "polystyrene",
    device_serial: str = "",
    scan_id: str = "",
    limits: Limits = LIMITS,
    light: float | None = None,
    baseline: Verification | None = None,
) -> Verification:
    """Hold the bands of a standard against their reference positions (ASTM E1840) and against a baseline.

    A position fails where it is beyond its limit for sure, that is by more than three standard errors; lines
    that are too weak to tell decide nothing. A scan in which a line may be off by more than
    `limits.BOUND_CM1` without being off for sure has no verdict.

    Parameters
    ----------
    spectrum
        Spectrum of the standard.
    at
        Time of the verification, RFC 3339 in UTC.
    standard
        ``polystyrene``, ``acetaminophen`` or ``cyclohexane``.
    limits
        What it is held to.
    light
        Exposure, s, times laser power, mW, where known; None where even the exposure is not.
    baseline
        The first verification passed with this standard since the instrument was calibrated; width and
        intensity are held against it. None where there is none yet.

    Raises
    ------
    UnknownStandard
        No lines are chosen for the standard.
    """
    name = standard_name(standard)
    fits = fitted_lines(spectrum, name)
    present = [fit for _, fit in fits if fit is not None]
    strongest = max(present, key=lambda fit: fit.height, default=None)
    judged = _positions(fits, limits)
    snr = strongest.height / max(strongest.noise, 1e-300) if strongest else 0.0
    intensity = strongest.height / light if strongest and light else None
    figures = (
        *judged.figures,
        *_widths(strongest, limits, baseline),
        *_intensities(intensity, limits, baseline),
        _snr(snr, limits),
    )
    unusable = _unusable(spectrum, name, fits, judged, snr, limits)
    verdict, why = _verdict(figures, judged, unusable)
    offset, sigma = _mean(fits)
    return Verification(
        control="positive",
        verdict=verdict,
        why=why,
        standard=name,
        figures=figures,
        device_serial=device_serial,
        scan_id=scan_id,
        at=at,
        lines=tuple(_checked(line, fit) for line, fit in fits),
        limit_cm1=limits.position_cm1,
        worst_cm1=judged.worst_cm1,
        unsure_cm1=judged.unsure_cm1,
        offset_cm1=offset,
        offset_sigma_cm1=sigma,
        resolution_cm1=round(strongest.fwhm_cm1, 3) if strongest else None,
        intensity=float(f"{intensity:.6g}") if intensity is not None else None,
        snr=round(min(snr, 1e9), 2),
        baseline_scan_id=baseline.scan_id if baseline else "",
    )


def _verdict(figures: tuple[Figure, ...], judged: _Judged, unusable: str) -> tuple[Verdict, str]:
    """Return the verdict and why it is none or a bad one."""
    if unusable:
        return "no_verdict", unusable
    bad = [figure.words for figure in figures if figure.ok is False]
    if bad:
        return "failed", "; ".join(bad)
    if judged.too_vague:
        return "no_verdict", "the lines are too weak to tell where they are: scan again with more exposure"
    return "passed", ""


def _unusable(
    spectrum: Spectrum, standard: str, fits: _Fits, judged: _Judged, snr: float, limits: Limits
) -> str:
    """Return why the scan says nothing about the instrument; empty where it does."""
    if spectrum.saturated:
        return "the detector was saturated, so that bands are cut off: scan again with less exposure"
    drowned = FAINT.get(standard, ()) if snr < _CLEAR_SNR else ()
    missing = [f"{line:g}" for line, fit in fits if fit is None and line not in drowned]
    if len(fits) < _FEWEST_LINES:
        return f"the axis holds {len(fits)} of the lines of {standard}; at least {_FEWEST_LINES} are needed"
    if missing:
        where = ", ".join(missing)
        return f"no line of {standard} at {where} cm⁻¹: put {standard} before the probe and scan again"
    strange = foreign_band(spectrum, standard, fits)
    if strange is not None:
        return f"a strong band at {strange:.0f} cm⁻¹ is not of {standard}: put {standard} before the probe"
    if torn_apart(fits):
        return f"neighbouring bands lie as no axis puts those of {standard}: put {standard} before the probe"
    if snr < limits.min_snr or judged.worst_cm1 is None:
        return (
            f"the signal is too weak (SNR {snr:.0f} of {limits.min_snr:g}): clean the window, see that "
            f"{standard} lies before the probe, and scan again"
        )
    return ""


def _positions(fits: _Fits, limits: Limits) -> _Judged:
    figures, sure = [], []
    for line, fit in fits:
        if fit is None:
            figures.append(_position(line, None, limits, None, "not found"))
            continue
        off = round(fit.centre_cm1 - line, 3)
        unsure = SURE_SIGMAS * fit.sigma_cm1
        if fit.sigma_cm1 > limits.vague_cm1:
            figures.append(
                _position(line, off, limits, None, f"{off:+.2f} ± {unsure:.2f}, too weak to judge")
            )
            continue
        sure.append((abs(off), round(unsure, 3)))
        ok = abs(off) - unsure <= limits.position_cm1
        figures.append(_position(line, off, limits, ok, f"{off:+.2f}"))
    if not sure:
        return _Judged(None, None, tuple(figures))
    worst, unsure = max(sure, key=sum)
    return _Judged(worst, unsure, tuple(figures))


def _position(line: float, off: float | None, limits: Limits, ok: bool | None, found: str) -> Figure:
    words = f"line {line:g} cm⁻¹ off by {found}, limit ± {limits.position_cm1:g} cm⁻¹"
    if off is None:
        words = f"line {line:g} cm⁻¹ {found}"
    return Figure("position", off, -limits.position_cm1, limits.position_cm1, "cm-1", ok, words)


def _widths(strongest: FittedLine | None, limits: Limits, baseline: Verification | None) -> list[Figure]:
    if strongest is None:
        return []
    width = round(strongest.fwhm_cm1, 2)
    words = f"width {width:g} cm⁻¹, limit {limits.width_cm1:g} cm⁻¹"
    figures = [Figure("width", width, None, limits.width_cm1, "cm-1", width <= limits.width_cm1, words)]
    if baseline is not None and baseline.resolution_cm1:
        share = round(strongest.fwhm_cm1 / baseline.resolution_cm1, 3)
        figures.append(_share("width", share, limits.width_ratio))
    return figures


def _intensities(intensity: float | None, limits: Limits, baseline: Verification | None) -> list[Figure]:
    if intensity is None or baseline is None or not baseline.intensity:
        return []
    return [_share("intensity", round(intensity / baseline.intensity, 3), limits.intensity_ratio)]


def _share(name: str, share: float, within: tuple[float, float]) -> Figure:
    low, high = within
    words = f"{name} {share:.2f} of the baseline's, limits {low:g} to {high:g}"
    ok = low <= share <= high
    return Figure("width" if name == "width" else "intensity", share, low, high, "of the baseline", ok, words)


def _snr(snr: float, limits: Limits) -> Figure:
    # Too little of it makes the scan unusable; it is never a fault by itself.
    words = f"signal-to-noise {min(snr, 1e9):.0f}, at least {limits.min_snr:g}"
    return Figure("snr", round(min(snr, 1e9), 2), limits.min_snr, None, "", snr >= limits.min_snr, words)


def _mean(fits: _Fits) -> tuple[float | None, float | None]:
    found = [(fit.centre_cm1 - line, max(fit.sigma_cm1, 1e-6)) for line, fit in fits if fit is not None]
    if not found:
        return None, None
    off, sigma = np.array([one[0] for one in found]), np.array([one[1] for one in found])
    weight = sigma**-2.0
    return round(float(off @ weight / weight.sum()), 4), round(float(weight.sum() ** -0.5), 5)


def _checked(line: float, fit: FittedLine | None) -> LineCheck:
    if fit is None:
        return LineCheck(line, None, None)
    return LineCheck(line, round(fit.centre_cm1, 3), round(fit.fwhm_cm1, 3), round(fit.sigma_cm1, 4))
