"""The figures of one spectrum: how strong, how wide, how sharp, and what is wrong with its numbers."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from scipy.signal import find_peaks, peak_widths

from spectra.despike import find_spikes
from spectra.operators import Mask
from spectra.recipe import Features, Recipe
from spectra.values import FloatArray, Spectrum, Technique

from .axis_check import AxisCheck
from .known_bands import KnownBands
from .quality_values import Figures

Places = npt.NDArray[np.int64]

#: Channels wider than this, cm⁻¹, may hold a whole line: only spikes of one channel are then looked for, and
#: one this many channels from a known band of the substance is a band. Chosen.
WIDE_CHANNEL, CHANNELS_NEAR = 2.0, 2.0
#: By how many times a spike must stand out of its neighbours more than these, within so many channels, stand
#: out of theirs: the two amplifiers of some detectors make strong bands jagged. Chosen.
JAGGED, AROUND = 6.0, 10
#: How far below zero counts, as a share of the largest intensity. Chosen.
BELOW_ZERO = 0.05
#: Channels of a flat top, and how many steps of the file's own rounding its flanks must drop: a broad top
#: that was rounded is flat too, but falls by single steps. Chosen.
FLAT_TOP, FLAT_FLANK = 3, 4.0
#: Share of the strongest band a band must stand out by for its width to be measured, and by how many times
#: the noise. Chosen.
CLEAR, CLEAR_NOISE = 0.3, 20.0


def figures_of(
    spectrum: Spectrum,
    features: Features | None,
    recipe: Recipe,
    axis: AxisCheck | None,
    known: Iterable[KnownBands] = (),
) -> Figures:
    """Return the figures of a spectrum.

    Parameters
    ----------
    spectrum
        As it would be kept.
    features
        The same after `recipe`; None where that could not be carried out.
    axis
        Its comparison with known bands; None without.
    known
        The known bands: a spike on one of them is none.
    """
    y, x = spectrum.intensity, spectrum.axis
    steps = np.diff(x)
    spikes = _spikes(spectrum, float(np.median(steps)), known)
    top = float(np.max(np.abs(y)))
    return Figures(
        channels=int(x.size),
        from_cm1=float(x[0]),
        to_cm1=float(x[-1]),
        spacing_cm1=float(np.median(steps)),
        gap_cm1=float(steps.max()),
        coverage=_coverage(x, recipe),
        snr=_snr(features),
        fluorescence_ratio=_fluorescence(features),
        narrowest_cm1=_narrowest(x, y, spikes, features),
        spikes_cm1=tuple(float(x[i]) for i in _middles(spikes)),
        flat_tops=_flat_tops(y),
        longest_run=_longest_run(y),
        negative_share=float(np.mean(y < -BELOW_ZERO * top)) if top > 0 else 0.0,
        shift_cm1=axis.shift if axis and axis.recognised else None,
        shift_spread_cm1=axis.spread if axis and axis.recognised else None,
        bands_matched=axis.matched if axis else 0,
        bands_known=axis.known if axis else 0,
    )


def _spikes(spectrum: Spectrum, spacing: float, known: Iterable[KnownBands]) -> Mask:
    """Return the channels hit by cosmic rays; infrared detectors see none."""
    x, y = spectrum.axis, spectrum.intensity
    if spectrum.technique is not Technique.RAMAN:
        return np.zeros(y.shape, dtype=np.bool_)
    spikes = find_spikes(y, width=2 if spacing <= WIDE_CHANNEL else 1)
    for i in np.flatnonzero(spikes):
        spikes[i] = _stands_out(y, int(i), spikes)
    if spacing <= WIDE_CHANNEL:
        return spikes
    if spikes.any() and (centres := [bands.centre for bands in known]):
        nearest = np.min(np.abs(x[:, None] - np.concatenate(centres)), axis=1)
        spikes &= nearest > CHANNELS_NEAR * spacing
    return spikes


def _stands_out(y: FloatArray, i: int, spikes: Mask) -> bool:
    """Whether a channel stands out of its surroundings more than they are jagged."""
    places = np.arange(max(i - AROUND, 2), min(i + AROUND + 1, y.size - 2))
    apart = np.abs(y[places] - 0.5 * (y[places - 2] + y[places + 2]))
    quiet = ~(spikes[places] | spikes[places - 2] | spikes[places + 2])
    if not quiet.any():
        return True
    return bool(apart[places == i].max(initial=0.0) >= JAGGED * float(np.median(apart[quiet])))


def _coverage(axis: FloatArray, recipe: Recipe) -> float:
    grid = recipe.grid()
    low, high = max(float(axis[0]), float(grid[0])), min(float(axis[-1]), float(grid[-1]))
    return max(high - low, 0.0) / float(grid[-1] - grid[0])


def _snr(features: Features | None) -> float | None:
    """Return the figure that answers give too (`spectra.identification`): strongest over median noise."""
    if features is None:
        return None
    noise = float(np.median(features.sigma))
    return min(float(np.max(features.corrected)) / max(noise, 1e-300), 1e9)


def _fluorescence(features: Features | None) -> float | None:
    if features is None:
        return None
    area = float(np.sum(np.abs(features.corrected)))
    return min(float(np.sum(np.abs(features.background))) / max(area, 1e-300), 1e9)


def _narrowest(x: FloatArray, y: FloatArray, spikes: Mask, features: Features | None) -> float | None:
    """Return the width at half prominence of the narrowest clear band, cm⁻¹."""
    if features is None:
        return None
    noise = float(np.median(features.sigma))
    clear = max(CLEAR * float(np.max(features.corrected)), CLEAR_NOISE * noise)
    tops, found = find_peaks(y, prominence=clear)
    kept = ~spikes[tops]
    if not kept.any():
        return None
    prominence = np.asarray(found["prominences"][kept], dtype=np.float64)
    left, right = (np.asarray(found[name][kept], dtype=np.intp) for name in ("left_bases", "right_bases"))
    _, _, low, high = peak_widths(y, tops[kept], 0.5, (prominence, left, right))
    places = np.arange(x.size, dtype=np.float64)
    return float(np.min(np.interp(high, places, x) - np.interp(low, places, x)))


def _middles(marked: Mask) -> list[int]:
    """Return the middle channel of each run of marked channels."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], marked.astype(np.int8), [0]))))
    return [int(a + b - 1) // 2 for a, b in edges.reshape(-1, 2)]


def _runs(y: FloatArray) -> tuple[Places, Places]:
    """Return where runs of equal neighbouring values begin, and one past where they end."""
    starts = np.concatenate(([0], np.flatnonzero(np.diff(y) != 0) + 1))
    return starts, np.concatenate((starts[1:], [y.size]))


def _longest_run(y: FloatArray) -> int:
    starts, ends = _runs(y)
    return int(np.max(ends - starts))


def _flat_tops(y: FloatArray) -> int:
    """Return the channels in flat tops: runs at the maximum whose flanks drop by more than rounding."""
    starts, ends = _runs(y)
    jumps = np.abs(np.diff(y))
    jumps = jumps[jumps > 0]
    if not jumps.size:
        return 0
    least = FLAT_FLANK * float(np.min(jumps))
    inner = (ends - starts >= FLAT_TOP) & (y[starts] == y.max()) & (starts > 0) & (ends < y.size)
    starts, ends = starts[inner], ends[inner]
    flank = np.minimum(y[starts] - y[starts - 1], y[starts] - y[ends])
    return int(np.sum((ends - starts)[flank >= least]))
