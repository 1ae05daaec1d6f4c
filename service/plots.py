"""Pictures of spectra: PNG through matplotlib's Agg canvas, and braille dots for a terminal.

No global state of matplotlib is used (no pyplot), so pictures can be drawn in any thread; matplotlib is
imported only when the first picture is drawn.
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spectra.values import FloatArray, Spectrum, Technique

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Colours that keep apart with impaired colour vision: Okabe & Ito, https://jfly.uni-koeln.de/color/
COLOURS = ("#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
#: More curves in one picture cannot be told apart.
MAX_CURVES = 32
#: Width of all pictures in inches, and their dots per inch.
WIDTH, DPI = 9.0, 110
_X_LABEL = {Technique.RAMAN: "Raman shift / cm⁻¹", Technique.FTIR: "wavenumber / cm⁻¹"}
_Y_LABEL = {Technique.RAMAN: "intensity", Technique.FTIR: "absorbance"}
#: Two columns and four rows of dots make one braille character: Unicode, block U+2800.
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])


def spectrum_png(
    spectra: Sequence[Spectrum], labels: Sequence[str], path: Path | None = None, *, title: str = ""
) -> bytes:
    """Draw spectra over each other and return the PNG.

    Parameters
    ----------
    spectra
        One to `MAX_CURVES` of one technique.
    labels
        One for each.
    path
        Where to write the picture too; None for nowhere.
    title
        Heading; empty for none.

    Raises
    ------
    ValueError
        No spectra, too many, of several techniques, or not one label for each.
    """
    if not 1 <= len(spectra) <= MAX_CURVES or len(labels) != len(spectra):
        raise ValueError(f"a picture needs 1 to {MAX_CURVES} spectra and a label for each")
    if len({spectrum.technique for spectrum in spectra}) > 1:
        raise ValueError("Raman and infrared spectra do not share a picture: show them one by one")
    figure, (axes,) = _figure(1, 4.5)
    for place, (spectrum, label) in enumerate(zip(spectra, labels, strict=True)):
        _curve(axes, spectrum.axis, spectrum.intensity, label, place)
    _dress(axes, spectra[0].technique, title)
    axes.set_xlabel(_X_LABEL[spectra[0].technique])
    return _png(figure, path)


def identification_png(
    query: Spectrum,
    *,
    blank: Spectrum | None = None,
    axis: FloatArray | None = None,
    measured: FloatArray | None = None,
    fit: FloatArray | None = None,
    components: Mapping[str, FloatArray] | None = None,
    residual: FloatArray | None = None,
    title: str = "",
    path: Path | None = None,
) -> bytes:
    """Draw a scan and what explains it: the spectrum as measured, the fit with its parts, what is left over.

    Parameters
    ----------
    query
        The spectrum as measured; with `blank`, if any, in the first panel.
    blank
        The scan of the empty container.
    axis
        Grid of the arrays that follow, cm⁻¹, shape (n,); without it there is only the first panel.
    measured, fit
        The query behind the recipe, and the sum of all components, shape (n,).
    components
        Each component's part of the fit by its name, shape (n,).
    residual
        What the fit leaves, shape (n,), in a panel of its own.
    title
        Heading; empty for none.
    path
        Where to write the picture too; None for nowhere.

    Raises
    ------
    ValueError
        An array has another length than `axis`.
    """
    parts = {"measured": measured, "fit": fit, **(components or {}), "residual": residual}
    if axis is not None and any(part is not None and part.shape != axis.shape for part in parts.values()):
        raise ValueError("measured, fit, components and residual need the length of the axis")
    has_fit = axis is not None and (measured is not None or fit is not None or bool(components))
    panels = 1 + has_fit + (axis is not None and residual is not None)
    figure, all_axes = _figure(panels, 3.2 * panels)
    _curve(all_axes[0], query.axis, query.intensity, "scan", 0)
    if blank is not None:
        _curve(all_axes[0], blank.axis, blank.intensity, "empty container", 1)
    _dress(all_axes[0], query.technique, title)
    if axis is not None and has_fit:
        drawn = {
            "scan, processed": measured,
            "fit": fit,
            **dict(list((components or {}).items())[:MAX_CURVES]),
        }
        for place, (label, values) in enumerate(drawn.items()):
            if values is not None:
                _curve(all_axes[1], axis, values, label, place)
        _dress(all_axes[1], query.technique, "what explains it")
    if axis is not None and residual is not None:
        _curve(all_axes[-1], axis, residual, "residual", 0)
        _dress(all_axes[-1], query.technique, "what is left over")
    all_axes[-1].set_xlabel(_X_LABEL[query.technique])
    return _png(figure, path)


def terminal_plot(
    axis: FloatArray, intensity: FloatArray, width: int = 78, height: int = 16, *, braille: bool = True
) -> str:
    """Draw a spectrum in text.

    Parameters
    ----------
    axis
        cm⁻¹, ascending, shape (n,).
    intensity
        Shape (n,).
    width, height
        Size in characters, labels included; at least 24 and 4.
    braille
        False draws with ``*`` for terminals without Unicode.

    Returns
    -------
    str
        `height` lines without a final line end: the plot with its largest and smallest intensity at the
        left and some axis values below.
    """
    width, height = max(width, 24), max(height, 4)
    top, bottom = float(intensity.max()), float(intensity.min())
    names = [f"{top:.4g}", f"{bottom:.4g}"]
    margin = max(map(len, names)) + 1
    columns, rows = width - margin - 1, height - 2
    dots = _raster(axis, intensity, (columns, rows), (2, 4) if braille else (1, 1))
    lines = _braille(dots) if braille else ["".join("*" if dot else " " for dot in row) for row in dots]
    bar, corner, level = ("│", "└", "─") if braille else ("|", "+", "-")
    left = [names[0], *[""] * (rows - 2), names[1]]
    body = [f"{label:>{margin - 1}} {bar}{line}".rstrip() for label, line in zip(left, lines, strict=True)]
    return "\n".join([*body, " " * margin + corner + level * columns, _ticks(axis, margin + 1, columns)])


def _raster(
    axis: FloatArray, intensity: FloatArray, size: tuple[int, int], dots: tuple[int, int]
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return dots of the curve, shape (rows, columns): each column is filled between its extremes."""
    width, height = size[0] * dots[0], size[1] * dots[1]
    span = float(np.ptp(intensity)) or 1.0
    level = (intensity - intensity.min()) / span * (height - 1)
    edges = np.linspace(axis[0], axis[-1], width)
    curve = np.interp(edges, axis, level)
    column = np.clip(np.searchsorted(edges, axis, side="right") - 1, 0, width - 1)
    low, high = curve.copy(), curve.copy()
    np.minimum.at(low, column, level)
    np.maximum.at(high, column, level)
    # neighbouring columns touch, so that a steep flank stays one line
    low[1:], high[1:] = np.minimum(low[1:], curve[:-1]), np.maximum(high[1:], curve[:-1])
    row = np.arange(height)[::-1, None]
    filled: np.ndarray[Any, np.dtype[np.bool_]] = (row >= np.floor(low)) & (row <= np.ceil(high - 1e-9))
    return filled


def _braille(dots: np.ndarray[Any, np.dtype[np.bool_]]) -> list[str]:
    rows, columns = dots.shape[0] // 4, dots.shape[1] // 2
    cells = dots.reshape(rows, 4, columns, 2).transpose(0, 2, 1, 3)
    codes = 0x2800 + (cells * _DOTS).sum(axis=(2, 3))
    return ["".join(map(chr, row)).replace("\u2800", " ") for row in codes.tolist()]


def _ticks(axis: FloatArray, margin: int, columns: int) -> str:
    line = [" "] * (margin + columns)
    count = max(2, columns // 14)
    for place in range(count):
        value = f"{axis[0] + (axis[-1] - axis[0]) * place / (count - 1):.0f}"
        start = margin + round((columns - len(value)) * place / (count - 1))
        line[start : start + len(value)] = value
    return "".join(line).rstrip()


def _figure(panels: int, height: float) -> tuple["Figure", list["Axes"]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(panels, 1, squeeze=False)[:, 0])


def _curve(axes: "Axes", x: FloatArray, y: FloatArray, label: str, place: int) -> None:
    # a label that begins with an underscore would be left out of the legend
    axes.plot(x, y, color=COLOURS[place % len(COLOURS)], linewidth=0.9, label=f" {_drawable(label)}")


def _dress(axes: "Axes", technique: Technique, title: str) -> None:
    axes.set_ylabel(_Y_LABEL[technique])
    axes.margins(x=0)
    axes.grid(visible=True, alpha=0.25, linewidth=0.5)
    if technique is Technique.FTIR:
        # infrared spectra are read from high to low wavenumber
        axes.invert_xaxis()
    if title:
        axes.set_title(_drawable(title), fontsize=10, parse_math=False)
    for text in axes.legend(fontsize=8, loc="best").get_texts():
        text.set_parse_math(False)


def _drawable(text: str) -> str:
    """Return a text the shipped font can draw: names in files may hold anything."""
    kept = "".join(
        char if (char.isprintable() and ord(char) < 0x250) or char in "⁻¹−–—…×·≥≤" else "?" for char in text
    )
    return kept if len(kept) <= 100 else f"{kept[:99]}…"


def _png(figure: "Figure", path: Path | None) -> bytes:
    buffer = io.BytesIO()
    # without the version of matplotlib in it, the same picture has the same bytes
    figure.savefig(buffer, format="png", metadata={"Software": None})
    data = buffer.getvalue()
    if path is not None:
        path.write_bytes(data)
    return data
