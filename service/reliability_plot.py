"""A picture of how far a method's p-values can be believed; all of it simulated, and so marked."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .plots.canvas import Kind, kind_of, new_figure, plain_legend, rendered
from .plots.style import COLOURS, drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Height of one technique's panels, inches.
HEIGHT = 3.4


def reliability_picture(tables: dict[str, Any], title: str, path: Path) -> bytes:
    """Draw the reliability tables of a method, one row of two panels for each technique.

    Left, the observed share of false alarms at each p-value against what it promises; right, how
    often the leading candidate was really there. Bars are exact 95 % intervals.

    Parameters
    ----------
    tables
        By technique, as `spectra.reliability.Reliability.to_json` gives them.
    title
        Heading.
    path
        Its suffix says whether a PNG or an SVG is drawn.

    Raises
    ------
    ValueError
        There is no table, or the suffix is another.
    """
    kind: Kind = kind_of(path)
    if not tables:
        raise ValueError("the method has no reliability table to draw")
    figure = new_figure(HEIGHT * len(tables) + 0.4)
    figure.set_layout_engine("constrained")
    grid = figure.subplots(len(tables), 2, squeeze=False)
    for (left, right), (technique, table) in zip(grid, tables.items(), strict=True):
        _alarms(left, technique, table)
        _presence(right, technique, table)
    figure.suptitle(drawable(f"{title} · SIMULATED scans of known truth"), fontsize=10, parse_math=False)
    return rendered(figure, kind)


def _alarms(axes: "Axes", technique: str, table: dict[str, Any]) -> None:
    """Draw the observed rate at each p-value, for scans without anything unknown."""
    edges = [point["p_value"] for point in table["curve"]]
    _diagonal(axes, edges)
    _points(axes, edges, [(p["rate"], *p["interval"]) for p in table["curve"]], "observed", 1)
    axes.axvline(table["promised_rate"], color=COLOURS[4], linestyle=":", label=" promised rate")
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=edges[0])
    axes.set_ylim(0, 1.05)
    _dress(axes, f"{technique}: nothing unknown there", "share of scans at or below it")


def _presence(axes: "Axes", technique: str, table: dict[str, Any]) -> None:
    """Draw how often the leading candidate was there, by its p-value."""
    bins = [one for one in table["bins"] if one["scans"]]
    shares = [(one["true"] / one["scans"], *one["interval"]) for one in bins]
    _points(axes, [one["p_value_upto"] for one in bins], shares, "really there", 2)
    axes.set_xscale("log")
    axes.set_ylim(-0.02, 1.02)
    _dress(axes, f"{technique}: something unknown in half of them", "share really there")


def _points(
    axes: "Axes", x: list[float], shares: list[tuple[float, float, float]], label: str, place: int
) -> None:
    middle, low, high = (np.array(column) for column in zip(*shares, strict=True))
    axes.errorbar(
        x,
        middle,
        yerr=np.maximum([middle - low, high - middle], 0.0),
        color=COLOURS[place],
        marker="o",
        markersize=4,
        linewidth=0.9,
        capsize=2,
        label=f" {label}",
    )


def _diagonal(axes: "Axes", edges: list[float]) -> None:
    axes.plot(edges, edges, color="#767676", linestyle="--", linewidth=0.9, label=" as promised")


def _dress(axes: "Axes", title: str, unit: str) -> None:
    axes.set_title(drawable(title), fontsize=9, parse_math=False)
    axes.set_xlabel("p-value up to", fontsize=9)
    axes.set_ylabel(unit, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(visible=True, alpha=0.25, linewidth=0.5)
    plain_legend(axes, loc="best")
