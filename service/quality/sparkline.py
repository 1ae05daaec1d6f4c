"""A spectrum as a small picture inside a page: SVG made by hand, a few hundred bytes each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spectra.values import Spectrum, Technique

#: Size of the picture, in its own units.
WIDTH, HEIGHT = 320, 64
#: Columns a spectrum is reduced to; each keeps its lowest and highest value, so that no spike is lost.
COLUMNS = 160


@dataclass(frozen=True, slots=True)
class Sparkline:
    """A drawn spectrum, as the template needs it."""

    points: str
    """Points of the curve, ``x,y x,y …``."""
    marks: tuple[float, ...]
    """Where along the picture something was found."""
    left: str
    """Wavenumber at the left edge."""
    right: str
    """Wavenumber at the right edge."""


def sparkline(spectrum: Spectrum, marks_cm1: Sequence[float] = ()) -> Sparkline:
    """Draw a spectrum; infrared ones from high to low wavenumber, as the field reads them.

    Parameters
    ----------
    spectrum
        The spectrum.
    marks_cm1
        Wavenumbers to be marked, cm⁻¹.
    """
    axis, values = spectrum.axis, spectrum.intensity
    low, high = float(axis[0]), float(axis[-1])
    edges = np.linspace(low, high, COLUMNS + 1)
    column = np.clip(np.searchsorted(edges, axis, side="right") - 1, 0, COLUMNS - 1)
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    bottom, top = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    size = float(top.max() - bottom.min()) or 1.0
    places = (column[starts] + 0.5) / COLUMNS
    falling = spectrum.technique is Technique.FTIR
    x = WIDTH * (1.0 - places if falling else places)
    pairs = []
    for at, below, above in zip(x, bottom, top, strict=True):
        ys = (HEIGHT - 2 - (HEIGHT - 4) * (value - bottom.min()) / size for value in (below, above))
        pairs += [f"{at:.0f},{y:.1f}" for y in ys]
    marks = (WIDTH * (mark - low) / (high - low) for mark in marks_cm1)
    return Sparkline(
        " ".join(dict.fromkeys(pairs)),
        tuple(round(WIDTH - mark if falling else mark, 1) for mark in marks),
        f"{high if falling else low:.0f}",
        f"{low if falling else high:.0f} cm⁻¹",
    )
