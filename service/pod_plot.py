"""The picture of a table of detection: probability of detection with exact intervals.

Over the target's share where shares are known, else one line for each target in its matrix. The word
*simulated* or *measured* stands in the picture itself, because pictures travel without their text.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from spectra.validation import CONFIDENCE
from spectra.validation_tables import Detection

from .plots.canvas import Kind, new_figure, plain_legend, rendered
from .plots.style import COLOURS, drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: More curves or lines than these cannot be read.
MAX_SERIES, MAX_LINES = 12, 60

_MARKERS = "osD^v<>PX*hp"
_LONGEST = 60


def detection_picture(rows: Sequence[Detection], *, label: str, note: str = "", kind: Kind) -> bytes:
    """Draw a table of detection.

    Parameters
    ----------
    rows
        The table; with shares up to `MAX_SERIES` targets and matrices, else up to `MAX_LINES` rows.
    label
        ``measured`` or ``simulated``; written large.
    note
        What else belongs below the title, such as how it was simulated; empty for nothing.
    kind
        Kind of picture.

    Raises
    ------
    ValueError
        Nothing to draw, or more than can be read.
    """
    if not rows:
        raise ValueError("there is nothing to draw: no sample's truth names a substance")
    curves = _series(rows)
    if curves:
        figure = new_figure(5.0)
        axes = figure.add_subplot()
        _draw_curves(axes, curves)
    else:
        if len(rows) > MAX_LINES:
            raise ValueError(
                f"{len(rows)} targets and groups are too many for one picture (at most {MAX_LINES})"
            )
        figure = new_figure(1.8 + 0.25 * len(rows))
        axes = figure.add_subplot()
        _draw_lines(axes, rows)
    figure.set_layout_engine("constrained")
    title = f"{label.upper()} · probability of detection, exact {CONFIDENCE:.0%} intervals · presumptive"
    lines = "\n".join(drawable(line) for line in (title, note) if line)
    axes.set_title(lines, fontsize=9, parse_math=False)
    axes.text(
        0.5, 0.5, label.upper(), transform=axes.transAxes, ha="center", va="center",
        fontsize=44, color="#000000", alpha=0.08, zorder=0,
    )  # fmt: skip
    axes.grid(visible=True, alpha=0.25, linewidth=0.5)
    return rendered(figure, kind)


def _series(rows: Sequence[Detection]) -> dict[tuple[str, str], list[Detection]]:
    """Return the rows of known share by target and matrix; none where a share is missing."""
    if any(row.level is None for row in rows):
        return {}
    series: dict[tuple[str, str], list[Detection]] = {}
    for row in rows:
        series.setdefault((row.target, row.matrix), []).append(row)
    if len(series) > MAX_SERIES:
        raise ValueError(
            f"{len(series)} targets and matrices are too many for one picture (at most {MAX_SERIES})"
        )
    return series


def _draw_curves(axes: "Axes", curves: dict[tuple[str, str], list[Detection]]) -> None:
    for place, ((target, matrix), rows) in enumerate(curves.items()):
        # neighbours a little apart, so that intervals of equal shares do not hide each other
        share = np.array([row.level or 0.0 for row in rows]) * 1.03 ** (place - (len(curves) - 1) / 2)
        pod, error = _pod(rows)
        alarms = rows[0].false_alarms
        name = f"{target} in {matrix}" if matrix else target
        axes.errorbar(
            share, pod, yerr=error, label=f" {_short(name)}: false alarms {alarms.k}/{alarms.n}",
            color=COLOURS[place % len(COLOURS)], marker=_MARKERS[place % len(_MARKERS)],
            markersize=5, linewidth=0.9, elinewidth=0.9, capsize=3,
        )  # fmt: skip
    axes.set_xscale("log")
    shares = sorted({row.level or 0.0 for rows in curves.values() for row in rows})
    axes.set_xticks(shares, [f"{share:.3g}" for share in shares], minor=False)
    axes.set_xticks([], minor=True)
    axes.set_xlabel("share of the target", fontsize=9)
    axes.set_ylabel("probability of detection", fontsize=9)
    axes.set_ylim(-0.04, 1.04)
    axes.tick_params(labelsize=8)
    plain_legend(axes, loc="best")


def _draw_lines(axes: "Axes", rows: Sequence[Detection]) -> None:
    pod, error = _pod(rows)
    place = np.arange(len(rows))[::-1]
    axes.errorbar(pod, place, xerr=error, color=COLOURS[2], marker="o", markersize=5, linestyle="", capsize=3)
    names = [f"{row.target} · {row.matrix}" if row.matrix else row.target for row in rows]
    shares = [f" · {row.level:.3g}" if row.level is not None else "" for row in rows]
    counts = [f"{row.detected.k}/{row.detected.n}" for row in rows]
    labels = [f"{_short(n)}{s}  {c}" for n, s, c in zip(names, shares, counts, strict=True)]
    axes.set_yticks(place, labels, fontsize=8, parse_math=False)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlabel("probability of detection", fontsize=9)
    axes.tick_params(axis="x", labelsize=8)


def _pod(rows: Sequence[Detection]) -> tuple[np.ndarray, np.ndarray]:
    """Return the rates, and how far their intervals reach below and above, shapes (n,) and (2, n)."""
    pod = np.array([row.detected.k / row.detected.n for row in rows])
    ends = np.array([row.detected.interval for row in rows])
    return pod, np.maximum(np.stack((pod - ends[:, 0], ends[:, 1] - pod)), 0.0)


def _short(text: str) -> str:
    return drawable(text, _LONGEST)
