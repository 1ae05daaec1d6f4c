"""The report of a result: one page, for people who hold it in their hands.

Everything has its place from the top down; lists are cut, and say so, before the page ends. Equal facts give
equal bytes.
"""

from . import parts
from .facts import ReportFacts
from .plot import draw_curves
from .sheet import HEIGHT, MARGIN, WIDTH, Sheet

#: Space between two columns, points.
_GUTTER = 18.0


def report_pdf(facts: ReportFacts) -> bytes:
    """Return the report as a PDF of one A4 page.

    Parameters
    ----------
    facts
        What it tells; `ReportFacts.operator` is left empty for readers who may not know.
    """
    sheet = Sheet(f"Result {facts.result_id}")
    draw_page(sheet, facts)
    return sheet.bytes()


def draw_page(sheet: Sheet, facts: ReportFacts) -> float:
    """Draw everything, and return where it ended above the seal (`parts.SEAL_TOP`)."""
    said = facts.identification
    y = parts.banners(sheet, HEIGHT, facts)
    y = parts.title(sheet, y, facts)
    y = parts.verdict(sheet, y, facts)
    y = draw_curves(sheet, y, facts.curves, reverse=said["technique"] == "ftir")
    width = (WIDTH - 2 * MARGIN - _GUTTER) / 2
    left = parts.components(sheet, y, said, MARGIN, width)
    right = parts.limits(sheet, y, said, MARGIN + width + _GUTTER, width)
    y = parts.reasons(sheet, min(left, right) - 2.0, said)
    y = parts.sources(sheet, y, facts, WIDTH - 2 * MARGIN)
    parts.seal(sheet, facts)
    return y
