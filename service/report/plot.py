"""The picture of a result in vectors: scan, fit and components, and the residual below."""

from collections.abc import Sequence
from typing import Any

from reportlab.lib.colors import HexColor

from ..plots.style import FIT_COLOUR, look_of
from .sheet import GREY, INK, MARGIN, PALE, WIDTH, Sheet

#: Heights of the panels, points; space between them.
UPPER, LOWER, GAP = 112.0, 34.0, 8.0

#: Most points a curve is drawn with: more than the printer can part on this width.
_POINTS = 900

#: Lines of the legend; the components of an answer are five at most, and a blank.
_LEGEND = 8

Curve = Sequence[float]


def draw_curves(sheet: Sheet, top: float, curves: dict[str, Any], *, reverse: bool) -> float:
    """Draw the curves below a place, and return where they end.

    Parameters
    ----------
    sheet
        Where to draw.
    top
        Upper edge, points.
    curves
        As `service.api.evidence.models.ResultCurves` tells them.
    reverse
        True to draw larger wavenumbers left, as infrared spectra are.
    """
    left, width = MARGIN + 4.0, WIDTH - 2 * MARGIN - 160.0
    axis = _thinned(curves["axis_cm1"])
    if len(axis) < 2:
        sheet.paragraph(MARGIN, top - 14.0, f"No picture. {curves['why']}", width=WIDTH - 2 * MARGIN, lines=3)
        return top - 50.0
    upper = _Panel(sheet, axis, left, top - UPPER, width, UPPER, reverse=reverse)
    lower = _Panel(sheet, axis, left, top - UPPER - GAP - LOWER, width, LOWER, reverse=reverse)
    entries = _compared(upper, curves)
    if curves["residual"] is not None:
        lower.scaled(_thinned(curves["residual"]), reach=0.05)
        lower.curve(_thinned(curves["residual"]), INK, 0.5)
        entries.append(("residual (lower panel): scan − fit", INK, (), 0.5))
    lower.ticks(curves["x_label"])
    _legend(sheet, left + width + 12.0, top - 8.0, entries, curves)
    return top - UPPER - GAP - LOWER - 26.0


def _compared(panel: "_Panel", curves: dict[str, Any]) -> list[tuple[str, str, tuple[float, ...], float]]:
    query = _thinned(curves["query"])
    fit = None if curves["fit"] is None else _thinned(curves["fit"])
    panel.scaled([*query, *(fit or ())], reach=0.0)
    entries: list[tuple[str, str, tuple[float, ...], float]] = []
    if fit is not None and curves["components"]:
        panel.curve(fit, FIT_COLOUR, 2.4)
        entries.append(("fit: all components together", FIT_COLOUR, (), 2.4))
    content = packing = 0
    for one in curves["components"]:
        container = one["role"] == "container"
        look = look_of(container=container, place=packing if container else content)
        packing, content = packing + container, content + (not container)
        panel.curve(_thinned(one["intensity"]), look.colour, 0.9, look.dashes)
        entries.append((one["substance"], look.colour, look.dashes, 0.9))
    panel.curve(query, INK, 0.6)
    return [("scan after its recipe", INK, (), 0.6), *entries]


def _legend(
    sheet: Sheet, x: float, y: float, entries: list[tuple[str, str, tuple[float, ...], float]], curves: Any
) -> None:
    width = WIDTH - MARGIN - x
    for label, colour, dashes, thick in entries[:_LEGEND]:
        sheet.canvas.setStrokeColor(HexColor(colour))
        sheet.canvas.setLineWidth(thick)
        sheet.canvas.setDash(*((list(dashes), 0) if dashes else ([], 0)))
        sheet.canvas.line(x, y + 2.5, x + 18.0, y + 2.5)
        sheet.canvas.setDash([], 0)
        sheet.text(x + 22.0, y, label, size=6.8, width=width - 22.0)
        y -= 11.0
    if not curves["complete"]:
        sheet.paragraph(x, y - 2.0, curves["why"], size=6.5, width=width, lines=6, colour=GREY)


class _Panel:
    """A rectangle that curves are drawn in."""

    def __init__(
        self, sheet: Sheet, axis: Curve, x: float, y: float, width: float, height: float, *, reverse: bool
    ) -> None:
        self._canvas = sheet.canvas
        self._sheet, self._axis, self._reverse = sheet, axis, reverse
        self._place = x, y, width, height
        self._low, self._high = 0.0, 1.0
        self._canvas.setStrokeColor(HexColor(PALE))
        self._canvas.setLineWidth(0.6)
        self._canvas.rect(x, y, width, height, stroke=1, fill=0)

    def scaled(self, values: Curve, *, reach: float) -> None:
        """Take the range of some values, at least ``reach`` to either side."""
        low, high = min([*values, -reach]), max([*values, reach])
        spare = 0.06 * (high - low) or 1.0
        self._low, self._high = low - spare, high + spare

    def curve(self, values: Curve, colour: str, thick: float, dashes: tuple[float, ...] = ()) -> None:
        """Draw a curve over the axis."""
        _, y, _, height = self._place
        scale = height / (self._high - self._low)
        path = self._canvas.beginPath()
        for number, (at, value) in enumerate(zip(self._axis, values, strict=True)):
            place = self._x(at), y + min(max((value - self._low) * scale, 0.0), height)
            (path.lineTo if number else path.moveTo)(*place)
        self._canvas.setStrokeColor(HexColor(colour))
        self._canvas.setLineWidth(thick)
        self._canvas.setLineJoin(1)
        self._canvas.setDash(*((list(dashes), 0) if dashes else ([], 0)))
        self._canvas.drawPath(path, stroke=1, fill=0)
        self._canvas.setDash([], 0)

    def ticks(self, label: str) -> None:
        """Write the axis below the panel."""
        x, y, width, _ = self._place
        span = self._axis[-1] - self._axis[0]
        step = next(one for one in (10.0, 50.0, 100.0, 200.0, 500.0, 1e9) if span / one <= 10)
        at = step * (self._axis[0] // step + 1)
        while at < self._axis[-1]:
            self._canvas.setStrokeColor(HexColor(GREY))
            self._canvas.line(self._x(at), y, self._x(at), y - 3.0)
            self._sheet.text(self._x(at) - 7.0, y - 10.0, f"{at:.0f}", size=6.2, colour=GREY)
            at += step
        self._sheet.text(x + width / 2 - 30.0, y - 19.0, label, size=6.8, colour=GREY)

    def _x(self, at: float) -> float:
        x, _, width, _ = self._place
        share = (at - self._axis[0]) / (self._axis[-1] - self._axis[0])
        return x + width * (1.0 - share if self._reverse else share)


def _thinned(values: Curve) -> Curve:
    return values[:: max(1, -(-len(values) // _POINTS))]
