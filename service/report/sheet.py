"""A sheet of A4 that text and lines are put on: fonts, columns, and text that is cut where it ends."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from ..plots.style import drawable

WIDTH, HEIGHT = float(A4[0]), float(A4[1])

#: Margin on every side, points (chosen: office printers leave 12).
MARGIN = 34.0

#: matplotlib brings them: free, and they have the letters, ⁻¹ and the symbols of verdicts.
PLAIN, BOLD, MONO = "DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono"

INK, GREY, PALE = "#111111", "#555555", "#dddddd"

#: Longest text looked at, characters; more is cut.
_LONGEST = 600


@cache
def _register() -> None:
    import matplotlib as mpl

    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    for name in (PLAIN, BOLD, MONO):
        pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf")))


class Sheet:
    """One page; places are points from its lower left corner."""

    def __init__(self, title: str) -> None:
        _register()
        self._buffer = BytesIO()
        # Invariant: no clock and no random identifier, so that equal facts give equal bytes.
        self.canvas: Any = Canvas(self._buffer, pagesize=A4, invariant=1, pageCompression=1)
        self.canvas.setTitle(title)
        self.canvas.setAuthor("opioscan")
        self.canvas.setSubject("Presumptive result of a parcel screening")

    def bytes(self) -> bytes:
        """Return the finished page."""
        self.canvas.showPage()
        self.canvas.save()
        return self._buffer.getvalue()

    def text(
        self, x: float, y: float, text: str, *, size: float = 8.0, font: str = PLAIN, colour: str = INK,
        width: float = 0.0, right: bool = False,
    ) -> None:  # fmt: skip
        """Write a line; cut, with an ellipsis, where it is wider than ``width`` (0 for no end)."""
        shown = drawable(text, _LONGEST)
        shown = cut(shown, font, size, width) if width else shown
        self.canvas.setFillColor(HexColor(colour))
        self.canvas.setFont(font, size)
        (self.canvas.drawRightString if right else self.canvas.drawString)(x, y, shown)

    def paragraph(
        self, x: float, y: float, text: str, *, width: float, lines: int, size: float = 8.0,
        font: str = PLAIN, colour: str = INK,
    ) -> float:  # fmt: skip
        """Write a text over some lines at most, and return where the next line would be."""
        step = 1.28 * size
        for line in wrapped(text, font, size, width, lines):
            self.text(x, y, line, size=size, font=font, colour=colour)
            y -= step
        return y

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Fill a rectangle."""
        self.canvas.setFillColor(HexColor(colour))
        self.canvas.rect(x, y, width, height, stroke=0, fill=1)

    def rule(self, y: float, *, x: float = MARGIN, width: float = WIDTH - 2 * MARGIN) -> None:
        """Draw a thin line across."""
        self.canvas.setStrokeColor(HexColor(PALE))
        self.canvas.setLineWidth(0.6)
        self.canvas.line(x, y, x + width, y)

    def heading(self, x: float, y: float, text: str, width: float) -> None:
        """Write the heading of a part."""
        self.text(x, y, text, size=8.5, font=BOLD, width=width)
        self.rule(y - 3.0, x=x, width=width)


def cut(text: str, font: str, size: float, width: float) -> str:
    """Return a text that is no wider than so many points."""
    if pdfmetrics.stringWidth(text, font, size) <= width:
        return text
    # The longest beginning that fits, found by halving: widths only grow with length.
    most = bisect_right(
        range(len(text)), width, key=lambda length: pdfmetrics.stringWidth(f"{text[:length]}…", font, size)
    )
    return f"{text[: max(most - 1, 0)].rstrip()}…"


def wrapped(text: str, font: str, size: float, width: float, most: int) -> Sequence[str]:
    """Return a text broken into lines; the last one is cut where it does not fit."""
    found: list[str] = []
    words = drawable(text, _LONGEST).split()
    while words and len(found) < most:
        line = words.pop(0)
        while words and pdfmetrics.stringWidth(f"{line} {words[0]}", font, size) <= width:
            line = f"{line} {words.pop(0)}"
        found.append(cut(line, font, size, width))
    if words and found:
        found[-1] = cut(f"{found[-1].rstrip('…')} {' '.join(words)}", font, size, width)
    return found
