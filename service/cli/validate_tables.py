"""A validation told to people: rates with exact intervals, reasons, errors, and the table of detection."""

from rich.table import Table
from rich.text import Text

from spectra.validation import CONFIDENCE, Rate
from spectra.validation_tables import Summary

from ..validation_report import LEVELS, SIMULATED, Report
from .output import PRESUMPTIVE, console, say
from .start import printable

#: Wrong answers that are listed one by one.
_MOST_WRONG = 20

_INTERVAL = f"exact {CONFIDENCE:.0%}"


def tell(report: Report) -> None:
    """Print a report on standard output."""
    screen = console()
    method = report.method
    mark = "TRAINING · " if method.training else ""
    say(f"{mark}{report.label.upper()} · {report.note} · method {method.name} version {method.version}")
    say(f"{len(report.answers)} scans answered, {len(report.failed)} without an answer")
    screen.print(_answers(report))
    if report.table:
        screen.print(_detections(report))
        say(f"Level: {LEVELS[report.label]} (? where not said). At least: one-sided, {CONFIDENCE:.0%}.")
        say("False alarms: of the scans in that matrix without the target; --json has their interval.")
    wrong = [one for one in report.answers if one.wrong]
    for one in wrong[:_MOST_WRONG]:
        truth = " + ".join(one.case.truth) or "nothing of the library"
        say(f"wrong: {one.case.source}: named {', '.join(one.wrong)}; truth: {truth}")
    if len(wrong) > _MOST_WRONG:
        say(f"wrong: {len(wrong) - _MOST_WRONG} more; --json gives all")
    if report.label == SIMULATED:
        say("SIMULATED from the method's own references: no proof for real samples or other instruments.")
    say(PRESUMPTIVE)


def _answers(report: Report) -> Table:
    """Return the rates of every group, one a line, so that a narrow terminal holds them."""
    table = _table(report, "Answers", "group", "what", "seen", "rate", _INTERVAL)
    # a single group says what all of them do
    for one in report.summaries[:1] if len(report.summaries) == 2 else report.summaries:
        for place, (what, rate) in enumerate(_lines(one)):
            table.add_row(_name(one) if place == 0 else "", what, *_cells(rate))
        if one.errors:
            table.add_row("", "without an answer", str(one.errors), "", "")
        table.add_section()
    return table


def _lines(summary: Summary) -> list[tuple[str, Rate]]:
    rates = [
        ("first component right", summary.top1),
        ("all of the truth named", summary.named),
        ("wrongly named", summary.wrongly_named),
        ("missed, but offered", summary.offered),
        ("nothing named", summary.silent),
    ]
    rates += [(f"verdict {name}", rate) for name, rate in summary.verdicts.items()]
    return rates + [(f"inconclusive: {code}", rate) for code, rate in summary.reasons.items()]


def _detections(report: Report) -> Table:
    title = "Probability of detection (POD), in the form of ASTM E3290"
    headings = ("target in matrix", "level", "seen", "POD", _INTERVAL, "at least", "false alarms")
    table = _table(report, title, *headings)
    for one in report.table:
        name = f"{one.target} in {one.matrix}" if one.matrix else one.target
        level = "?" if one.level is None else f"{one.level:.3g}"
        alarms = f"{one.false_alarms.k}/{one.false_alarms.n}"
        table.add_row(_text(name), level, *_cells(one.detected), _percent(one.detected.at_least), alarms)
    return table


def _table(report: Report, title: str, *headings: str) -> Table:
    table = Table(title=f"{report.label.upper()} · {title}")
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading in {"level", "seen", _INTERVAL})
    return table


def _cells(rate: Rate) -> tuple[str, str, str]:
    """Return the count, the rate and its interval; dashes where nothing was looked at."""
    if rate.rate is None:
        return f"{rate.k}/{rate.n}", "–", "–"
    low, high = rate.interval
    return f"{rate.k}/{rate.n}", _percent(rate.rate), f"{_percent(low)[:-1]}–{_percent(high)}"


def _percent(share: float) -> str:
    return "100%" if share == 1.0 else f"{100.0 * share:.1f}%"


def _name(summary: Summary) -> Text:
    return Text("all", style="bold") if summary.group is None else _text(summary.group or "(no group)")


def _text(line: str) -> Text:
    return Text(printable(line))
