"""What the figures of one spectrum amount to: the rules, with the limits they go by."""

import numpy as np

from spectra.recipe import Features
from spectra.values import Spectrum, Technique

from .axis_check import AxisCheck
from .quality_values import Figures, Finding

#: Below this there is no signal: the highest of 700 points of noise alone reaches 3 to 4 σ. Chosen; lower in
#: the infrared for the reason given below.
NO_SIGNAL = {Technique.RAMAN: 5.0, Technique.FTIR: 3.0}
#: Below this a reference is weak. Chosen; lower in the infrared, where channels are nearly as wide as bands
#: and the estimate of the noise takes part of the bands for noise.
WEAK = {Technique.RAMAN: 30.0, Technique.FTIR: 8.0}
#: Share of the compared range below which a reference is not used (`spectra.recipe.MIN_COVERAGE`), and
#: above which nothing is said.
LEAST_COVERAGE, FULL_COVERAGE = 0.5, 0.98
#: Largest distance of channels, cm⁻¹, by technique: two channels within the usual resolution of 8 and
#: 4 cm⁻¹ instruments. Chosen.
COARSE = {Technique.RAMAN: 4.0, Technique.FTIR: 8.0}
#: A gap is this many usual distances wide, and at least this many cm⁻¹. Chosen.
GAP, LEAST_GAP = 4.0, 8.0
#: Equal neighbouring channels from which a stretch counts as filled in. Chosen.
FILLED = 20
#: Share of channels far below zero that is reported. Chosen: a baseline taken off leaves fewer.
MOST_NEGATIVE = 0.10
#: Background over bands from which it is told.
FLUORESCENT = 10.0
#: A narrowest band above this is told, cm⁻¹. Chosen.
BLUNT = 25.0
#: How much narrower than the claimed resolution a band may seem. Chosen: claims are rounded.
DOUBT = 0.7


def findings_of(
    spectrum: Spectrum,
    figures: Figures,
    features: Features | None,
    axis: AxisCheck | None,
    *,
    measured: bool = True,
) -> list[Finding]:
    """Return what the figures of a spectrum amount to; `measured` is False for a rendered one."""
    found = [*_of_strength(spectrum, figures), *_of_range(spectrum, figures)]
    if axis and features and (figures.snr or 0.0) >= NO_SIGNAL[spectrum.technique]:
        found += _of_axis(axis)
    if figures.spikes_cm1:
        where = ", ".join(f"{place:.0f}" for place in figures.spikes_cm1[:8])
        found.append(Finding("cosmic_rays", f"{len(figures.spikes_cm1)}, at {where} cm⁻¹"))
    if figures.negative_share > MOST_NEGATIVE:
        found.append(Finding("negative", f"{figures.negative_share:.0%} of the channels"))
    # Spectra rendered from tables are zero beside their bands by making.
    if measured and FILLED <= figures.longest_run < figures.channels:
        found.append(Finding("filled", f"{figures.longest_run} channels"))
    return found


def _of_strength(spectrum: Spectrum, figures: Figures) -> list[Finding]:
    if figures.longest_run == figures.channels:
        return [Finding("flat")]
    found = []
    if spectrum.saturated or figures.flat_tops:
        flat = f"{figures.flat_tops} channels" if figures.flat_tops else "the file says so"
        found.append(Finding("saturated", flat, {"channels": figures.flat_tops}))
    if figures.snr is not None and figures.snr < WEAK[spectrum.technique]:
        code = "no_signal" if figures.snr < NO_SIGNAL[spectrum.technique] else "weak"
        found.append(
            Finding(code, f"strongest band {figures.snr:.1f} × the noise", {"snr": round(figures.snr, 2)})
        )
    if figures.fluorescence_ratio is not None and figures.fluorescence_ratio > FLUORESCENT:
        found.append(Finding("fluorescent", f"{figures.fluorescence_ratio:.0f} × the area of its bands"))
    return found


def _of_range(spectrum: Spectrum, figures: Figures) -> list[Finding]:
    found = []
    covered = f"{figures.from_cm1:.0f}–{figures.to_cm1:.0f} cm⁻¹, {figures.coverage:.0%} of the range"
    if figures.coverage < LEAST_COVERAGE:
        found.append(Finding("out_of_range", covered))
    elif figures.coverage < FULL_COVERAGE:
        found.append(Finding("range_short", covered))
    if figures.spacing_cm1 > COARSE[spectrum.technique]:
        found.append(Finding("coarse", f"{figures.spacing_cm1:.1f} cm⁻¹"))
    if figures.gap_cm1 > max(GAP * figures.spacing_cm1, LEAST_GAP):
        i = int(np.argmax(np.diff(spectrum.axis)))
        where = f"{spectrum.axis[i]:.0f}–{spectrum.axis[i + 1]:.0f} cm⁻¹"
        found.append(Finding("axis_gap", where, {"gap_cm1": round(figures.gap_cm1, 2)}))
    narrowest, claimed = figures.narrowest_cm1, spectrum.resolution_cm1
    if narrowest is not None and claimed is not None and narrowest < DOUBT * claimed:
        found.append(
            Finding("resolution_doubtful", f"a band of {narrowest:.1f} cm⁻¹, {claimed:g} cm⁻¹ claimed")
        )
    if narrowest is not None and narrowest > BLUNT:
        found.append(Finding("blunt", f"{narrowest:.0f} cm⁻¹"))
    return found


def _of_axis(axis: AxisCheck) -> list[Finding]:
    if not axis.recognised:
        return [Finding("bands_missing", f"agreement {axis.likeness:.2f}", {"likeness": axis.likeness})]
    if not axis.suspicious:
        return []
    spread = "" if axis.spread is None else f", spread {axis.spread:.1f}"
    words = f"{axis.shift:+.1f} cm⁻¹{spread}, by {axis.matched} of {axis.known} bands"
    return [Finding("axis_suspect", words, {"shift_cm1": axis.shift, "spread_cm1": axis.spread})]
