"""The picture of an answer: the scan, what explains it with its matched bands, and what is left over."""

from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from spectra.reasons import Verdict
from spectra.values import Technique

from .bands import ROW, draw_bands
from .canvas import Kind, dress, new_figure, plain_legend, rendered
from .scene import Compared, Part, Scene
from .style import COLOURS, FIT_COLOUR, WIDTH, X_LABEL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Margins of the panels, inches.
_LEFT, _RIGHT = 0.85, 0.2
#: Heights, inches: heading, panels, space between them for axis values and legends, a line of text.
_HEAD, _TOP, _MIDDLE, _LOWEST = 0.8, 1.5, 2.7, 1.1
_TICKS, _AXIS, _LEGEND, _LINE = 0.28, 0.45, 0.2, 0.165
#: Characters that fit on a line below the picture.
_CHARACTERS = 138
#: Entries of a legend side by side.
_ABREAST = 2
#: As on the officer's page; word and symbol say the same.
_BOX = {
    Verdict.ALARM_NAMED: "#9c0006",
    Verdict.ALARM_CLASS: "#9c0006",
    Verdict.INCONCLUSIVE: "#7a4d00",
    Verdict.NO_ALARM: "#1d5b3a",
}


def identification_picture(scene: Scene, *, kind: Kind = "png") -> bytes:
    """Draw an answer.

    The top panel holds the scan as measured with its blank; the middle one the scan after its
    recipe with the fit and every component, matched bands below it; the lowest the residual
    beside twice the noise.

    Parameters
    ----------
    scene
        What is drawn, from `service.plots.scene.scene_of`.
    kind
        ``png`` or ``svg``.

    Returns
    -------
    bytes
        The picture; the same scene gives the same bytes.
    """
    lines = [line for told in scene.reasons for line in _wrapped(*told)]
    banded = [part for part in scene.parts if part.bands]
    foot = _LINE * len(lines) + 0.15
    entries = 2 + len(scene.parts)
    compared = _LEGEND * -(-entries // _ABREAST) + _MIDDLE + ROW * len(banded) + 0.3 + _LOWEST
    height = _HEAD + _LEGEND + _TOP + foot + _AXIS + (_TICKS + compared if scene.curves else 0.0)
    figure = new_figure(height)
    _head(figure, scene)
    top = height - _HEAD - _LEGEND
    _measured(_panel(figure, top, _TOP), scene)
    if scene.curves is not None:
        _explained(figure, scene, scene.curves, banded, top - _TOP - _TICKS)
    for place, line in enumerate(lines):
        _words(figure, 0.25, foot - 0.05 - _LINE * place, line, size=8)
    return rendered(figure, kind)


def _panel(figure: "Figure", top: float, size: float) -> "Axes":
    """Return a panel, its upper edge so many inches above the lower edge of the figure."""
    height = figure.get_figheight()
    inside = (WIDTH - _LEFT - _RIGHT) / WIDTH
    axes: Axes = figure.add_axes((_LEFT / WIDTH, (top - size) / height, inside, size / height))
    return axes


def _words(figure: "Figure", x: float, y: float, text: str, *, size: float, **look: Any) -> None:
    """Write a line; x from the left and y from the lower edge, inches, to the upper edge of the letters."""
    place = x / WIDTH, y / figure.get_figheight()
    figure.text(*place, text, fontsize=size, va="top", parse_math=False, **look)


def _head(figure: "Figure", scene: Scene) -> None:
    top = figure.get_figheight()
    box: dict[str, Any] = {
        "facecolor": _BOX[scene.verdict],
        "edgecolor": "none",
        "boxstyle": "square,pad=0.3",
    }
    size = 13 if len(scene.heading) <= 45 else 9
    _words(figure, 0.25, top - 0.14, scene.heading, size=size, color="white", weight="bold", bbox=box)
    if scene.mark:
        striped: dict[str, Any] = {"facecolor": "#ffd400", "edgecolor": "black", "boxstyle": "square,pad=0.3"}
        right = WIDTH - 0.2
        _words(figure, right, top - 0.14, scene.mark, size=9, weight="bold", ha="right", bbox=striped)
    _words(figure, 0.25, top - 0.52, f"{scene.presumptive}   {scene.cited}", size=8.5)


def _measured(axes: "Axes", scene: Scene) -> None:
    """Draw the scan as measured, its blank, and the range that was compared."""
    query, blank = scene.query, scene.blank
    axes.plot(query.axis, query.intensity, color=COLOURS[0], linewidth=0.9, label="scan as measured")
    if blank is not None:
        look: dict[str, Any] = {"color": "#767676", "linewidth": 1.0, "linestyle": (0, (1.0, 1.2))}
        axes.plot(blank.axis, blank.intensity, label="empty container (blank)", **look)
    if scene.curves is not None:
        ends = scene.curves.axis[0], scene.curves.axis[-1]
        axes.axvspan(*ends, color=COLOURS[6], alpha=0.12, linewidth=0, label="range compared")
    dress(axes, scene.technique)
    axes.set_xlim(*_ends(scene.technique, float(query.axis[0]), float(query.axis[-1])))
    axes.yaxis.set_major_formatter(_figures)
    if scene.curves is None:
        axes.set_xlabel(X_LABEL[scene.technique], fontsize=9)
    plain_legend(axes, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, borderaxespad=0.1)


def _explained(figure: "Figure", scene: Scene, curves: Compared, banded: list[Part], top: float) -> None:
    """Draw scan, fit and components, the rows of bands, and the residual, over one axis."""
    # all three are shares of the scan's strongest band: the residual is read against it
    scale = max(float(curves.measured.max()), 1e-300)
    ends = _ends(scene.technique, float(curves.axis[0]), float(curves.axis[-1]))
    entries = 2 + len(scene.parts)
    middle = _panel(figure, top - _LEGEND * -(-entries // _ABREAST), _MIDDLE)
    _fit(middle, scene, curves, scale)
    below = top - _LEGEND * -(-entries // _ABREAST) - _MIDDLE
    if banded:
        rows = _panel(figure, below, ROW * len(banded))
        rows.set_xlim(*ends)
        draw_bands(rows, banded, WIDTH - _LEFT - _RIGHT)
        rows.tick_params(axis="x", labelbottom=False, length=0)
        rows.tick_params(axis="y", labelsize=8, length=0)
        for part in banded:
            for band in part.bands:
                middle.axvline(band, color=part.look.colour, linewidth=0.5, alpha=0.35, zorder=0.5)
    lowest = _panel(figure, below - ROW * len(banded) - 0.3, _LOWEST)
    _rest(lowest, scene, curves, scale)
    for axes in (middle, lowest):
        axes.set_xlim(*ends)
    middle.tick_params(axis="x", labelbottom=False)
    lowest.set_xlabel(X_LABEL[scene.technique], fontsize=9)


def _fit(axes: "Axes", scene: Scene, curves: Compared, scale: float) -> None:
    if scene.parts:
        broad: dict[str, Any] = {
            "color": FIT_COLOUR,
            "linewidth": 3.6,
            "alpha": 0.65,
            "solid_joinstyle": "round",
        }
        axes.plot(curves.axis, curves.fit / scale, label="fit (all components together)", **broad)
    scan: dict[str, Any] = {"color": COLOURS[0], "linewidth": 0.9, "zorder": 3}
    axes.plot(curves.axis, curves.measured / scale, label="scan after its recipe", **scan)
    for part in scene.parts:
        values, label = part.values / scale, f"{part.number}  {part.label}"
        line = (0, part.look.dashes) if part.look.dashes else "-"
        if part.container:
            filled: dict[str, Any] = {
                "facecolor": "#0000000f",
                "edgecolor": "#00000030",
                "hatch": part.look.hatch,
            }
            axes.fill_between(curves.axis, values, 0.0, linewidth=0, zorder=1, **filled)
        axes.plot(curves.axis, values, color=part.look.colour, linestyle=line, linewidth=1.2, label=label)
    dress(axes, scene.technique)
    axes.set_ylabel("share of strongest band", fontsize=9)
    where: dict[str, Any] = {
        "loc": "lower left",
        "bbox_to_anchor": (0, 1),
        "ncols": _ABREAST,
        "borderaxespad": 0.1,
    }
    plain_legend(axes, frameon=False, handlelength=3.2, labelspacing=0.25, **where)


def _rest(axes: "Axes", scene: Scene, curves: Compared, scale: float) -> None:
    """Draw the residual over a band of twice the noise to either side."""
    if curves.sigma is not None:
        noise = 2.0 * curves.sigma / scale
        look: dict[str, Any] = {"color": COLOURS[6], "alpha": 0.45, "linewidth": 0}
        axes.fill_between(curves.axis, -noise, noise, label="± 2 σ of the noise", **look)
    axes.axhline(0.0, color="#767676", linewidth=0.6)
    axes.plot(
        curves.axis, curves.residual / scale, color=COLOURS[0], linewidth=0.8, label=_residual_words(scene)
    )
    dress(axes, scene.technique)
    axes.set_ylabel("residual", fontsize=9)
    # a residual far below the scan is drawn as small as it is
    reach = max(0.05, 1.1 * float(np.max(np.abs(curves.residual))) / scale)
    axes.set_ylim(-reach, reach)
    plain_legend(axes, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, borderaxespad=0.1)


def _residual_words(scene: Scene) -> str:
    return "residual: scan − fit" if scene.parts else "residual: the whole scan, nothing fits it"


def _ends(technique: Technique, low: float, high: float) -> tuple[float, float]:
    return (high, low) if technique is Technique.FTIR else (low, high)


def _figures(value: float, _place: float) -> str:
    """Return an axis value as people write it: no powers of ten among counts."""
    return f"{value:,.0f}".replace(",", "\u2009") if 1000 <= abs(value) < 1e7 else f"{value:g}"


def _wrapped(why: str, step: str) -> list[str]:
    first, *rest = wrap(f"{why} → {step}", _CHARACTERS)
    return [f"• {first}", *(f"   {line}" for line in rest)]
