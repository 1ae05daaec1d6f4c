"""Sheets to draw on, and the bytes of what was drawn: the same picture has the same bytes.

No global state of matplotlib is used (no pyplot), so pictures can be drawn in any thread; matplotlib is
imported only when the first picture is drawn.
"""

import io
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from spectra.values import FloatArray, Technique

from .style import COLOURS, DPI, WIDTH, Y_LABEL, drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Kind = Literal["png", "svg"]

#: Names inside an SVG are hashed with this; by default they differ with each run.
_SALT = "opioscan"
#: The salt is a setting of the whole process, so only one thread may set it at a time.
_setting = Lock()


def kind_of(path: Path) -> Kind:
    """Return what kind of picture a file name asks for.

    Raises
    ------
    ValueError
        It ends neither in ``.png`` nor in ``.svg``.
    """
    suffix = path.suffix.lower()
    if suffix == ".png":
        return "png"
    if suffix == ".svg":
        return "svg"
    raise ValueError(f"{path.name!r}: pictures are drawn as .png or .svg")


def new_figure(height: float) -> "Figure":
    """Return an empty figure of the common width and a height in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


def rendered(figure: "Figure", kind: Kind) -> bytes:
    """Return a figure's bytes, without dates and versions in them."""
    buffer = io.BytesIO()
    if kind == "png":
        figure.savefig(buffer, format="png", metadata={"Software": None})
        return buffer.getvalue()
    from matplotlib import rc_context

    with _setting, rc_context({"svg.hashsalt": _SALT}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def draw_curve(axes: "Axes", x: FloatArray, y: FloatArray, label: str, place: int) -> None:
    """Draw one of several curves; ``place`` counts them from 0."""
    # a label that begins with an underscore would be left out of the legend
    axes.plot(x, y, color=COLOURS[place % len(COLOURS)], linewidth=0.9, label=f" {drawable(label)}")


def dress(axes: "Axes", technique: Technique) -> None:
    """Give a panel its grid, its unit, and the direction in which the field reads it."""
    axes.set_ylabel(Y_LABEL[technique], fontsize=9)
    axes.tick_params(labelsize=8)
    axes.margins(x=0)
    axes.grid(visible=True, alpha=0.25, linewidth=0.5)
    if technique is Technique.FTIR and not axes.xaxis_inverted():
        # infrared spectra are read from high to low wavenumber
        axes.invert_xaxis()


def plain_legend(axes: "Axes", **where: Any) -> None:
    """Add a legend whose names are only text: a dollar sign in a file's name begins no formula."""
    for text in axes.legend(fontsize=8, **where).get_texts():
        text.set_parse_math(False)
