"""The parts of a report, from the banners to the seal; each draws below a place and says where it ended."""

from typing import Any

from reportlab.graphics import renderPDF
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.pdfbase.pdfmetrics import stringWidth

from spectra.reasons import REASONS, Verdict

from ..plots.style import drawable
from ..words import TECHNIQUES, WORDS
from .facts import ReportFacts
from .sheet import BOLD, GREY, HEIGHT, INK, MARGIN, MONO, WIDTH, Sheet, cut

INNER = WIDTH - 2 * MARGIN

#: As on pages and pictures; word and symbol say the same.
_BOX = {
    Verdict.ALARM_NAMED: "#9c0006",
    Verdict.ALARM_CLASS: "#9c0006",
    Verdict.INCONCLUSIVE: "#7a4d00",
    Verdict.NO_ALARM: "#1d5b3a",
}

#: Lines of each list; more are counted, "and N more" (chosen: the page ends).
COMPONENTS, LIMITS, REASONS_SHOWN, MARKS = 5, 9, 4, 4

_WARN, _STRIPE = "#ffd400", "#111111"

#: Side of the QR code, points: a telephone reads it off paper (chosen).
_QR = 74.0

#: Where the seal begins, points from below: nothing else goes deeper.
SEAL_TOP = MARGIN + 52.0

_GRADES = {
    "measured": "measured reference",
    "derived": "derived reference (fitted)",
    "literature": "published bands only",
}

LAB = (
    "Still due: confirmation by a laboratory with another principle, such as gas chromatography with mass "
    "spectrometry. Raman and infrared both look at vibrations; two of them do not replace it."
)


def marks_of(facts: ReportFacts) -> list[str]:
    """Return what cannot be overlooked, the gravest first."""
    told = (
        ("TRAINING: NOT A REAL RESULT", facts.training),
        ("EMULATED INSTRUMENT: NOTHING WAS MEASURED", facts.emulated),
        ("SANDBOX PARCEL: AN INTEGRATOR TRIES THINGS OUT", facts.sandbox),
        ("UNDER REVIEW: somebody has to look again; the verdict stands meanwhile", facts.under_review),
    )
    return [text for text, stands in told if stands]


def banners(sheet: Sheet, top: float, facts: ReportFacts) -> float:
    """Draw a bar across the page for each mark, and the gravest one across the whole page, pale."""
    marks = marks_of(facts)
    for text in marks[:MARKS]:
        sheet.box(0.0, top - 19.0, WIDTH, 19.0, _WARN)
        sheet.box(0.0, top - 19.0, WIDTH, 1.6, _STRIPE)
        sheet.text(MARGIN, top - 13.5, f"■ {text}", size=10.5, font=BOLD, width=INNER)
        top -= 19.0
    if facts.training or facts.emulated or facts.sandbox:
        _watermark(sheet, marks[0].partition(":")[0])
    return top - 4.0


def _watermark(sheet: Sheet, text: str) -> None:
    canvas = sheet.canvas
    canvas.saveState()
    canvas.translate(WIDTH / 2, HEIGHT / 2 - 40.0)
    canvas.rotate(52)
    canvas.setFillGray(0.93)
    canvas.setFont(BOLD, min(104.0, 950.0 / len(text)))
    canvas.drawCentredString(0.0, 0.0, text)
    canvas.restoreState()


def title(sheet: Sheet, top: float, facts: ReportFacts) -> float:
    """Write what this is, of which item, when and where."""
    sheet.text(MARGIN, top - 12.0, "Parcel screening: result of one scan", size=12.5, font=BOLD, width=330.0)
    sheet.text(WIDTH - MARGIN, top - 12.0, "PRESUMPTIVE", size=12.5, font=BOLD, right=True)
    where = f"{facts.bench} at {facts.site}" if facts.site else facts.bench
    late = ", came after completion" if facts.late else ""
    place = f"spot {facts.spot}, attempt {facts.attempt}{late}"
    line = f"Item {facts.item_id or 'without a label'}  ·  {place}  ·  bench {where}"
    sheet.text(MARGIN, top - 25.0, line, size=8.5, width=INNER)
    times = f"Scanned {facts.taken_at}  ·  accepted {facts.received_at[:19]}Z"
    person = f"  ·  operator {facts.operator}" if facts.operator else ""
    sheet.text(MARGIN, top - 36.5, times + person, size=7.5, colour=GREY, width=INNER)
    return top - 44.0


def verdict(sheet: Sheet, top: float, facts: ReportFacts) -> float:
    """Write the verdict in the largest letters, what it means, and what the officer does first."""
    said = facts.identification
    kind = Verdict(said["verdict"])
    words = WORDS[kind]
    about = ", ".join(_named(said, kind))
    sheet.box(MARGIN, top - 54.0, INNER, 54.0, _BOX[kind])
    white = "#ffffff"
    shown = f"{words.symbol} {words.word}"
    sheet.text(MARGIN + 10.0, top - 24.0, shown, size=20.0, font=BOLD, colour=white)
    if about:
        left = INNER - 36.0 - stringWidth(shown, BOLD, 20.0)
        name = cut(drawable(about, 200), BOLD, 12.0, left)
        sheet.text(WIDTH - MARGIN - 10.0, top - 23.0, name, size=12.0, font=BOLD, colour=white, right=True)
    sheet.text(MARGIN + 10.0, top - 36.0, words.sentence, size=8.5, colour=white, width=INNER - 20.0)
    sheet.text(MARGIN + 10.0, top - 47.5, f"→ {words.step}", size=8.5, colour=white, width=INNER - 20.0)
    return top - 64.0


def _named(said: dict[str, Any], kind: Verdict) -> list[str]:
    """Return what the verdict is about; a class alarm names no substance."""
    if kind is Verdict.ALARM_NAMED:
        return [
            one["substance"] for one in said["components"] if one["watch_list"] and one["role"] == "content"
        ]
    if kind is Verdict.ALARM_CLASS:
        return [str(one["class"]).replace("_", " ") for one in said["classes"] if one["detected"]]
    return []


def components(sheet: Sheet, top: float, said: dict[str, Any], x: float, width: float) -> float:
    """List the components with the grade of their evidence and their alternatives."""
    sheet.heading(x, top - 9.0, "What the scan shows", width)
    y = top - 22.0
    for one in said["components"][:COMPONENTS]:
        role = "packaging" if one["role"] == "container" else "content"
        marks = ", watch list" if one["watch_list"] else ""
        marks += ", controlled" if one["controlled"] else ""
        sheet.text(x, y, f"{one['substance']} ({role}{marks})", size=7.8, font=BOLD, width=width)
        figures = f"{one['spectral_share']:.0%} of area, hit {one['hqi']:.2f}, p {one['p_value']:.2g}"
        sheet.text(x + 8.0, y - 8.8, f"{_GRADES[one['evidence']]}; {figures}", size=6.6, width=width - 8.0)
        y -= 19.0
        if one["alternatives"]:
            others = f"or: {', '.join(one['alternatives'])}"
            sheet.text(x + 8.0, y + 1.6, others, size=6.6, colour=GREY, width=width - 8.0)
            y -= 8.0
    if not said["components"]:
        sheet.text(x, y, "No reference explains this scan.", size=7.8, width=width)
        y -= 11.0
    return _more(sheet, x, y, len(said["components"]) - COMPONENTS, "components")


def limits(sheet: Sheet, top: float, said: dict[str, Any], x: float, width: float) -> float:
    """List what this scan does not exclude: the share of area from which it would have shown."""
    sheet.heading(x, top - 9.0, "What this scan does not exclude", width)
    y = top - 21.0
    sheet.text(x, y, "Share of spectral area from which it would have been seen:", size=6.8, width=width)
    ordered = sorted(said["not_excluded"], key=lambda one: _weight(one["detectable_share"]), reverse=True)
    y -= 10.0
    for one in ordered[:LIMITS]:
        share = one["detectable_share"]
        shown = "nothing can be said" if share is None else f"{share:.1%}"
        sheet.text(x, y, one["substance"], size=7.2, width=width - 78.0)
        sheet.text(x + width, y, shown, size=7.2, right=True)
        y -= 9.4
    if not ordered:
        sheet.text(x, y, "The method watches for nothing: nothing is excluded.", size=7.2, width=width)
        y -= 9.4
    return _more(sheet, x, y, len(ordered) - LIMITS, "substances")


def _weight(share: float | None) -> float:
    return 2.0 if share is None else share


def reasons(sheet: Sheet, top: float, said: dict[str, Any]) -> float:
    """List the reasons with next step and owner."""
    sheet.heading(MARGIN, top - 9.0, "Reasons, next step and who owns it", INNER)
    y = top - 22.0
    known = [REASONS[code] for code in said["reasons"] if code in REASONS]
    for one in known[:REASONS_SHOWN]:
        sheet.text(MARGIN, y, f"· {one.text}", size=7.4, width=INNER)
        sheet.text(
            MARGIN + 8.0, y - 8.8, f"→ {one.owner}: {one.next_step}", size=7.0, colour=GREY, width=INNER
        )
        y -= 19.0
    if not known:
        sheet.text(MARGIN, y, "None: nothing weakens this answer beyond the limits above.", size=7.4)
        y -= 11.0
    y = _more(sheet, MARGIN, y, len(known) - REASONS_SHOWN, "reasons")
    return sheet.paragraph(MARGIN, y, LAB, width=INNER, lines=2, size=7.4, font=BOLD) - 2.0


def sources(sheet: Sheet, top: float, facts: ReportFacts, width: float) -> float:
    """List instrument, calibration, method, library and recipe with their digests."""
    sheet.heading(MARGIN, top - 9.0, "What it rests on", width)
    y = top - 20.0
    for name, value in _rests_on(facts):
        sheet.text(MARGIN, y, name, size=6.4, colour=GREY)
        sheet.text(MARGIN + 56.0, y, value, size=6.0, font=MONO, width=width - 56.0)
        y -= 8.2
    return y


def _rests_on(facts: ReportFacts) -> list[tuple[str, str]]:
    said, device = facts.identification, facts.device
    made = said["provenance"]
    checked = made["calibration"]
    technique = TECHNIQUES.get(said["technique"], said["technique"])
    laser = f" {said['laser_nm']:g} nm" if said["laser_nm"] else ""
    device_words = f"{device['model']} {device['serial']} firmware {device['firmware'] or 'unknown'}"
    rate = f"false alarms {made['false_alarm_rate']:.2g} a scan, {made['null_count']} null scans"
    return [
        ("instrument", f"{device_words}, {technique}{laser}"),
        ("calibration", checked["id"] or "the device's own axis"),
        ("verified", f"{checked['verified_at'] or 'never'} {checked.get('verification', '')}".strip()),
        ("method", f"{made['method']['name']} version {made['method']['version']}; {rate}"),
        ("", made["method"]["digest"]),
        ("library", f"{made['library']['name']} {made['library']['digest']}"),
        ("recipe", f"{made['recipe']['name']} {made['recipe']['digest']}"),
        ("software", f"{made['software']} {made['build']}".strip()),
        ("scan", facts.identification["scan_id"]),
    ]


def seal(sheet: Sheet, facts: ReportFacts) -> None:
    """Write identifier, digest and place in the chain at the foot, and the same as a QR code."""
    x = WIDTH - MARGIN - _QR
    code = QrCodeWidget(
        f"opioscan:result:{facts.result_id}:{facts.record_digest}:{facts.event_seq}", barLevel="M"
    )
    low_x, low_y, high_x, high_y = code.getBounds()
    scale = _QR / (high_x - low_x), _QR / (high_y - low_y)
    drawing = Drawing(_QR, _QR, transform=[scale[0], 0, 0, scale[1], -low_x * scale[0], -low_y * scale[1]])
    drawing.add(code)
    renderPDF.draw(drawing, sheet.canvas, x, MARGIN - 16.0)
    width = x - MARGIN - 10.0
    sheet.rule(SEAL_TOP, width=width)
    y = SEAL_TOP - 10.0
    lines = (
        ("result", facts.result_id),
        ("screening", facts.screening_id),
        ("record SHA-256", facts.record_digest),
        ("audit chain", _chain(facts)),
    )
    for name, value in lines:
        sheet.text(MARGIN, y, name, size=6.6, colour=GREY)
        sheet.text(MARGIN + 62.0, y, value, size=6.4, font=MONO, colour=INK, width=width - 62.0)
        y -= 8.8
    foot = "Presumptive. Nothing found is never the same as safe. Check: opioscan audit recompute"
    sheet.text(MARGIN, y - 4.0, foot, size=7.0, font=BOLD, width=width)


def _chain(facts: ReportFacts) -> str:
    return f"event {facts.event_seq} {facts.event_hash}" if facts.event_seq else "not in a chain"


def _more(sheet: Sheet, x: float, y: float, more: int, what: str) -> float:
    if more <= 0:
        return y
    sheet.text(x, y, f"and {more} more {what}: see the record", size=6.8, colour=GREY)
    return y - 9.0
