"""Matched bands as ticks with their wavenumbers, a row for each component, no label over another."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .scene import Part

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Size of the labels, points, and how wide four digits of it are, inches.
LABEL_SIZE, LABEL_WIDTH = 7.0, 0.30
#: Height of a component's row, inches.
ROW = 0.30


def spread(wanted: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """Move positions as little as possible so that they stand apart.

    Positions that stand too near are drawn together into a block, which is centred on the mean of
    what its members want (the pool-adjacent-violators algorithm: least squares under an order).

    Parameters
    ----------
    wanted
        Where they would like to stand, ascending.
    least
        Smallest distance between two.
    low, high
        Ends between which all have to stand; where there are too many for that, the distance shrinks.

    Returns
    -------
    list of float
        Positions in the same order.
    """
    if len(wanted) < 2:
        return [min(max(one, low), high) for one in wanted]
    least = min(least, (high - low) / (len(wanted) - 1))
    blocks: list[tuple[float, int]] = []
    for place, one in enumerate(wanted):
        mean, size = one - place * least, 1
        while blocks and blocks[-1][0] > mean:
            before, count = blocks.pop()
            mean, size = (before * count + mean * size) / (count + size), count + size
        blocks.append((mean, size))
    top = high - (len(wanted) - 1) * least
    free = [min(max(mean, low), top) for mean, size in blocks for _ in range(size)]
    return [one + place * least for place, one in enumerate(free)]


def draw_bands(axes: "Axes", parts: Sequence[Part], width: float) -> None:
    """Draw the rows of `parts` that have bands.

    Parameters
    ----------
    axes
        Panel with the axis' limits set.
    parts
        Components with at least one band each.
    width
        Width of the panel, inches.
    """
    ends = sorted(axes.get_xlim())
    inch = (ends[1] - ends[0]) / width
    margin = 0.6 * LABEL_WIDTH * inch
    for row, part in enumerate(parts):
        bands = sorted(band for band in part.bands if ends[0] <= band <= ends[1])
        places = spread(bands, LABEL_WIDTH * 1.15 * inch, ends[0] + margin, ends[1] - margin)
        for band, place in zip(bands, places, strict=True):
            colour = part.look.colour
            axes.plot([band, band, place], [row, row + 0.22, row + 0.4], color=colour, linewidth=1.1)
            axes.text(place, row + 0.44, str(band), fontsize=LABEL_SIZE, ha="center", va="top")
    names = [part.number if row else f"bands  {part.number}" for row, part in enumerate(parts)]
    axes.set_ylim(float(len(parts)), 0.0)
    axes.set_yticks([row + 0.5 for row in range(len(parts))], names)
