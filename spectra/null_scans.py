"""Simulated scans whose content is known, seen by an instrument unlike that of the references.

They go the whole way of a scan: detector channels, noise, fluorescence, noise estimate and recipe, so
that what the recipe leaves of a background or of noise is in the null tables as it is in real scans.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from weakref import WeakKeyDictionary

import numpy as np
from scipy.interpolate import CubicSpline

from . import steps
from .query import NOISY_BLANK, Query, make_query
from .recipe import Recipe, prepare
from .refset import ReferenceSet
from .simulation import fluorescence_curve
from .values import FloatArray, Spectrum, Technique

#: How far simulated instruments differ from those of the references: shift and bend (cm⁻¹,
#: uniform ±), response slope (SD), ripple of relative band intensities (SD; it changes over
#: about 60 cm⁻¹), extra width (cm⁻¹), SNR of the strongest band (log-uniform), distance of channels
#: (relative to the recipe's points). All are chosen to be as wide as handhelds are expected to differ;
#: none was measured on a set of instruments.
SHIFT, BEND, SLOPE, RIPPLE, WIDTH, SNR = 2.0, 1.0, 0.15, 0.10, 16.0, (3.0, 1000.0)
CHANNELS = (0.5, 1.0, 1.5)

#: Least extra width of an instrument's line, channels: no maker samples a line with fewer (chosen).
SAMPLED = 2.0

#: Share of the instruments that see beyond the recipe's range (chosen: most handhelds do on both sides).
FARTHER = 0.75

#: Half of the materials have a background this many times as high as their strongest band (log-uniform):
#: of fluorescence, and of scattering in the infrared. Chosen.
BACKGROUND = {Technique.RAMAN: (0.3, 50.0), Technique.FTIR: (0.01, 1.0)}

#: The same between a blank and a scan of one instrument: shift (SD, cm⁻¹), response slope (SD), share of
#: the content (log-uniform), how much better than the scan the blank is measured at least. Chosen.
DRIFT, TILT, CONTENT, LONGER = 0.1, 0.02, (0.01, 1.0), (1.0, 4.0)

#: How often a blank is measured twice as well before it is taken as it is (materials of few weak bands).
LONGEST = 10

#: Share of the scans behind a container, and of these without any content (chosen).
BEHIND, EMPTY = 0.5, 0.3


#: Bands of references that were prepared before; every draw needs some of them again.
_PREPARED: WeakKeyDictionary[ReferenceSet, dict[int, FloatArray]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True, eq=False)
class NullScan:
    """A simulated scan whose content is known."""

    query: Query
    """The scan, ready for search."""
    rows: tuple[int, ...]
    """Rows of the references in it beside the container."""
    container: int | None = None
    """Row of what the container is made of; None without a blank."""


@dataclass(frozen=True, slots=True, eq=False)
class _Detector:
    """An instrument: what it makes of a reference's bands, and of light."""

    axis: FloatArray
    technique: Technique
    look: Callable[[FloatArray], FloatArray]

    def glow(self, light: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return the background of a material with these bands: none in half of the cases."""
        if rng.random() < 0.5:
            return np.zeros(light.size)
        times = float(np.exp(rng.uniform(*np.log(BACKGROUND[self.technique]))))
        return times * float(np.max(light)) * fluorescence_curve(self.axis, rng)

    def measured(
        self, light: FloatArray, background: FloatArray, rng: np.random.Generator, *, snr: float
    ) -> Spectrum:
        """Return a spectrum of bands over a background, whose shot noise comes with it."""
        peak = max(float(np.max(light)), 1e-300)
        sigma = peak / snr * np.sqrt(1.0 + background / peak)
        counts = light + background + sigma * rng.standard_normal(light.size)
        return Spectrum(self.axis, counts, self.technique)


def simulated_scan(references: ReferenceSet, rng: np.random.Generator) -> NullScan:
    """Return a scan of up to three references as another instrument sees them, half behind a container."""
    n_entries = len(references.entries)
    count = min(int(rng.integers(1, 4)), n_entries)
    rows = tuple(int(r) for r in rng.choice(n_entries, size=count, replace=False))
    detector = _detector(references, rng)
    shares = rng.dirichlet(np.full(count, 1.5))
    content = np.sum(
        [s * detector.look(_bands(references, r)) for s, r in zip(shares, rows, strict=True)], axis=0
    )
    glow = detector.glow(content, rng)
    snr = float(np.exp(rng.uniform(*np.log(SNR))))
    if rng.random() >= BEHIND:
        scan = prepare(detector.measured(content, glow, rng, snr=snr), references.recipe)
        return NullScan(make_query(scan, references), rows)
    plastics = [i for i, entry in enumerate(references.entries) if entry.packaging]
    material = int(rng.choice(plastics or range(n_entries)))
    container = detector.look(_bands(references, material))
    around = detector.glow(container, rng)
    empty = bool(rng.random() < EMPTY)
    share = 0.0 if empty else float(np.exp(rng.uniform(*np.log(CONTENT))))
    tilt = 1.0 + rng.normal(0.0, TILT) * np.linspace(-1.0, 1.0, container.size)
    drifted = tilt * np.interp(detector.axis - rng.normal(0.0, DRIFT), detector.axis, container)
    light, background = (1.0 - share) * drifted + share * content, (1.0 - share) * around + share * glow
    scan = prepare(detector.measured(light, background, rng, snr=snr), references.recipe)
    snr *= float(rng.uniform(*LONGER))
    for _ in range(LONGEST):
        blank = prepare(detector.measured(container, around, rng, snr=snr), references.recipe)
        query = make_query(scan, references, blank=blank)
        if query.blank_noise <= NOISY_BLANK:
            break
        snr *= 2.0
    return NullScan(query, () if empty else rows, material)


def _bands(references: ReferenceSet, row: int) -> FloatArray:
    """Return the bands of a reference for unit area within the range, zero where not measured.

    Shape (n + 2 margins,): what lies beyond the range holds the baseline of a scan that reaches there.
    """
    known = _PREPARED.setdefault(references, {})
    if row not in known:
        recipe = references.recipe
        wide = _wide(recipe)
        features = prepare(references.entries[row].spectrum, wide)
        inner = slice(recipe.margin, recipe.margin + references.axis.size)
        bands = np.zeros(references.axis.size + 2 * recipe.margin)
        bands[features.first : features.first + features.axis.size] = features.corrected
        known[row] = bands / max(float(np.sum(np.abs(bands[inner]))) * recipe.spacing, 1e-300)
    return known[row]


@lru_cache(maxsize=8)
def _wide(recipe: Recipe) -> Recipe:
    """Return a recipe whose range is that of another and its margin."""
    beyond = recipe.margin * recipe.spacing
    changed = []
    for step in recipe.steps:
        plain = dict(step)
        if plain["step"] == "resample":
            plain |= {"start_cm1": plain["start_cm1"] - beyond, "stop_cm1": plain["stop_cm1"] + beyond}
            plain.pop("margin_cm1", None)
        changed.append(plain)
    return Recipe(f"{recipe.name}, wide", recipe.technique, tuple(changed))


def _detector(references: ReferenceSet, rng: np.random.Generator) -> _Detector:
    """Return an instrument unlike that of the references."""
    spacing, margin = references.recipe.spacing, references.recipe.margin
    beyond = np.arange(1, margin + 1) * spacing
    grid = np.concatenate((references.axis[0] - beyond[::-1], references.axis, references.axis[-1] + beyond))
    channel = spacing * float(rng.choice(CHANNELS))
    reach = 2.0 * channel + (margin * spacing if rng.random() < FARTHER else 0.0)
    axis = np.arange(references.axis[0] - reach, references.axis[-1] + reach + channel, channel)
    u = np.linspace(-1.0, 1.0, axis.size)
    seen = axis - rng.uniform(-SHIFT, SHIFT) - rng.uniform(-BEND, BEND) * u**2
    ripple = steps.broaden(rng.standard_normal(axis.size), fwhm=60.0, spacing=channel)
    ripple *= RIPPLE / max(float(np.std(ripple)), 1e-12)
    response = (1.0 + rng.normal(0.0, SLOPE) * u) * np.maximum(1.0 + ripple, 0.1)
    width = max(float(rng.uniform(0.0, WIDTH)), SAMPLED * channel)
    inside = (seen >= grid[0]) & (seen <= grid[-1])

    def look(bands: FloatArray) -> FloatArray:
        light = np.where(inside, CubicSpline(grid, bands)(np.clip(seen, grid[0], grid[-1])), 0.0)
        return steps.broaden(light * response, fwhm=width, spacing=channel)

    return _Detector(axis, references.recipe.technique, look)
