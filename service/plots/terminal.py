"""Spectra and answers drawn in a terminal."""

import numpy as np

from spectra.values import FloatArray, Technique

from .braille import COARSE, FINE, Dots, characters, floor, framed, raster, ticks
from .scene import Scene

#: Smallest size of a plot, characters.
NARROWEST, LOWEST = 24, 4
#: Every third dot of the fit is drawn: it stays a line beside the scan's solid one.
_DOTTED = 3
#: What stands for signs of ours in a terminal without Unicode.
_ASCII = str.maketrans({"→": ">", "·": "-", "–": "-", "—": "-", "…": "~", "▲": "^", "○": "o", "■": "#"})


def terminal_plot(
    axis: FloatArray,
    intensity: FloatArray,
    width: int = 78,
    height: int = 16,
    *,
    braille: bool = True,
    descending: bool = False,
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
    descending
        True draws the largest axis value at the left, as infrared spectra are read.

    Returns
    -------
    str
        `height` lines without a final line end: the plot with its largest and smallest intensity at the
        left and some axis values below.
    """
    width, height = max(width, NARROWEST), max(height, LOWEST)
    names = f"{float(intensity.max()):.4g}", f"{float(intensity.min()):.4g}"
    margin = max(map(len, names)) + 1
    columns, rows = width - margin - 1, height - 2
    fine = FINE if braille else COARSE
    dots = _turned(raster(axis, intensity, (columns * fine[0], rows * fine[1])), descending)
    body = framed(characters(dots, braille=braille), names, margin, braille=braille)
    ends = _ends(axis, descending)
    return "\n".join([*body, floor(margin, columns, braille=braille), ticks(*ends, margin + 1, columns)])


def terminal_answer(scene: Scene, width: int = 78, height: int = 26, *, braille: bool = True) -> str:
    """Draw an answer in text: scan and fit over each other, the matched bands, and the residual.

    Parameters
    ----------
    scene
        What is drawn, from `service.plots.scene.scene_of`.
    width, height
        Size in characters; the list of components and bands comes on top of the height. At
        least 40 and 12.
    braille
        False draws with ``*`` (scan), ``.`` (fit) for terminals without Unicode.

    Returns
    -------
    str
        Lines without a final line end.
    """
    width, height = max(width, 40), max(height, 12)
    descending = scene.technique is Technique.FTIR
    if scene.curves is None:
        query, look = scene.query, {"braille": braille, "descending": descending}
        drawn = terminal_plot(query.axis, query.intensity, width, height, **look)
        said = "The scan as measured: nothing was compared."
        return _spoken([*_heading(scene), drawn, said, *_because(scene)], braille=braille)
    curves = scene.curves
    low = float(min(curves.measured.min(), curves.fit.min()))
    high = float(max(curves.measured.max(), curves.fit.max()))
    lower = float(curves.residual.min()), float(curves.residual.max())
    texts = [f"{value:.3g}" for value in (high, low, lower[1], lower[0])]
    margin = max(map(len, texts)) + 1
    columns = width - margin - 1
    rows = height - 4
    residual_rows = max(3, rows // 4)
    main = _overlaid(scene, (columns, rows - residual_rows), (low, high), braille=braille)
    fine = FINE if braille else COARSE
    below = raster(curves.axis, curves.residual, (columns * fine[0], residual_rows * fine[1]), lower)
    rest = characters(_turned(below, descending), braille=braille)
    ends = _ends(curves.axis, descending)
    return _spoken(
        [
            *_heading(scene),
            *framed(main, (texts[0], texts[1]), margin, braille=braille),
            *_band_rows(scene, margin, columns),
            floor(margin, columns, braille=braille),
            *framed(rest, (texts[2], texts[3]), margin, braille=braille),
            floor(margin, columns, braille=braille),
            ticks(*ends, margin + 1, columns),
            *_legend(scene, braille=braille),
        ],
        braille=braille,
    )


def _overlaid(scene: Scene, size: tuple[int, int], span: tuple[float, float], *, braille: bool) -> list[str]:
    """Return the scan as a solid line and the fit as a dotted one."""
    assert scene.curves is not None, "asked by the caller"
    curves, descending = scene.curves, scene.technique is Technique.FTIR
    fine = FINE if braille else COARSE
    dots = size[0] * fine[0], size[1] * fine[1]
    scan = _turned(raster(curves.axis, curves.measured, dots, span), descending)
    fit = _turned(raster(curves.axis, curves.fit, dots, span), descending)
    if not scene.parts:
        return characters(scan, braille=braille)
    if braille:
        return characters(scan | (fit & (np.arange(dots[0]) % _DOTTED == 0)), braille=True)
    both = characters(scan, braille=False), characters(fit, braille=False, mark=".")
    return [
        "".join(a if a != " " else b for a, b in zip(*pair, strict=True)) for pair in zip(*both, strict=True)
    ]


def _band_rows(scene: Scene, margin: int, columns: int) -> list[str]:
    """Return a row for each component with its number below each band it shares with the scan."""
    assert scene.curves is not None, "asked by the caller"
    first, last = _ends(scene.curves.axis, scene.technique is Technique.FTIR)
    rows = []
    for part in scene.parts:
        if not part.bands:
            continue
        line = [" "] * columns
        for band in part.bands:
            place = round((band - first) / (last - first) * (columns - 1))
            if 0 <= place < columns:
                line[place] = part.number
        rows.append((" " * (margin + 1) + "".join(line)).rstrip())
    return rows


def _heading(scene: Scene) -> list[str]:
    return [" · ".join(filter(None, [scene.mark, scene.heading])), scene.presumptive, scene.cited]


def _legend(scene: Scene, *, braille: bool) -> list[str]:
    """Say what the lines are, and list each component with its bands in words."""
    solid, dotted = ("solid", "dotted") if braille else ("*", ".")
    fit = f", fit {dotted}" if scene.parts else ""
    lines = [f"Above: scan {solid}{fit}; below: what the fit leaves."]
    for part in scene.parts:
        bands = f": bands at {', '.join(map(str, part.bands))} cm-1" if part.bands else ""
        lines.append(f"{part.number} {part.label}{bands}")
    return [*lines, *_because(scene)]


def _because(scene: Scene) -> list[str]:
    return [f"Because: {why} → {step}" for why, step in scene.reasons]


def _spoken(lines: list[str], *, braille: bool) -> str:
    """Join lines, in ASCII for terminals without Unicode."""
    text = "\n".join(lines)
    return text if braille else text.translate(_ASCII).encode("ascii", "replace").decode("ascii")


def _turned(dots: Dots, descending: bool) -> Dots:
    return dots[:, ::-1] if descending else dots


def _ends(axis: FloatArray, descending: bool) -> tuple[float, float]:
    ends = float(axis[0]), float(axis[-1])
    return ends[::-1] if descending else ends
