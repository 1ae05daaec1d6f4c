"""What commands print: JSON for programs, words with symbols and colours for people.

No answer is told by colour alone, and nothing that came from a file, a device or a network
reaches the terminal as a control sequence or as markup.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.box import HEAVY
from rich.console import Console, Group
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from spectra.reasons import REASONS, Verdict

from ..words import WORDS, Words
from .start import printable

PRESUMPTIVE = "Presumptive result: laboratory confirmation is still due."
NOT_SAFE = "Nothing found never means safe: a scan sees one spot, down to its detection limits."
TRAINING = "TRAINING: NOT A REAL RESULT. The watch list is harmless substances."

#: Colours repeat what word and symbol say.
_STYLES = {
    Verdict.ALARM_NAMED: "bold white on red",
    Verdict.ALARM_CLASS: "bold white on red",
    Verdict.INCONCLUSIVE: "bold black on yellow",
    Verdict.NO_ALARM: "bold white on blue",
}
UNKNOWN = Words("UNKNOWN ANSWER", "?", "", "Refer: this version cannot read the answer.")
_TRAINING_STYLE = "bold black on bright_magenta"

#: Rows shown of lists that can be long.
_MOST_ROWS = 8


def emit_json(value: Any) -> None:
    """Write one JSON value as one line on standard output, its keys sorted.

    Raises
    ------
    ValueError
        The value holds a number that is not finite.
    """
    line = json.dumps(value, allow_nan=False, ensure_ascii=False, sort_keys=True)
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def console(*, stderr: bool = False) -> Console:
    """Return the console to print on: no markup, no guessing of emphasis."""
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)


def say(text: str) -> None:
    """Print a line for people on standard output."""
    sys.stdout.write(f"{_lines(text)}\n")


def warn(text: str) -> None:
    """Print a warning for people on standard error, whatever goes to standard output."""
    sys.stderr.write(f"opioscan: warning: {printable(text)}\n")


@contextmanager
def progress(description: str, total: float | None = None) -> Iterator[Callable[[float], None]]:
    """Show a bar on a terminal, and nothing in a pipe.

    Parameters
    ----------
    description
        What takes so long.
    total
        Size of the whole work, in any unit; None where unknown.

    Yields
    ------
    callable
        Takes how much more was done, in the unit of ``total``.
    """
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield lambda _more: None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True) as bars:
        task = bars.add_task(printable(description), total=total)
        yield lambda more: bars.advance(task, more)


def verdict_panel(identification: Mapping[str, Any]) -> Group:
    """Return the answer for an officer: verdict, what was seen, what to do next.

    Parameters
    ----------
    identification
        An object of the contract ``opioscan.identification/1``.

    Returns
    -------
    Group
        To be printed on `console`.
    """
    words, style = words_of(identification)
    training = bool(identification.get("training"))
    sign = words.symbol * 3
    headline = Text(f"{sign}  {words.word}{_named(identification)}  {sign}", style=style, justify="center")
    body: list[Text] = [Text(), headline, Text()]
    if source := identification.get("source") or identification.get("scan_id"):
        body.append(_text(f"Scan: {source}", style="dim"))
    body += [_text(line) for line in _seen(identification)]
    body += [_text(f"Because: {text}") for text in _because(identification)]
    body += [_text(f"→ {step}", style="bold") for step in _steps(identification, words.step)]
    body += [Text(), Text(PRESUMPTIVE)]
    if identification.get("verdict") == "no_alarm":
        body.append(Text(NOT_SAFE))
    banner = [Text(f"### {TRAINING} ###", style=_TRAINING_STYLE, justify="center")] if training else []
    title = "TRAINING" if training else "opioscan"
    return Group(*banner, Panel(Group(*body), box=HEAVY, title=title, subtitle=title), *banner)


def words_of(identification: Mapping[str, Any]) -> tuple[Words, str]:
    """Return how a verdict is told, and its colours; one of a later version counts as unknown."""
    try:
        verdict = Verdict(str(identification.get("verdict")))
    except ValueError:
        return UNKNOWN, _STYLES[Verdict.INCONCLUSIVE]
    return WORDS[verdict], _STYLES[verdict]


def _named(identification: Mapping[str, Any]) -> str:
    """Return ``: name`` of what raised the alarm; a class alarm names no substance."""
    if identification.get("verdict") != "alarm_named":
        return ""
    watched = {str(each.get("substance")) for each in _items(identification, "not_excluded")}
    components = _items(identification, "components")
    names = [str(each.get("substance", "?")) for each in components if each.get("role") == "content"]
    # A cut beside the alarm is not what the alarm is about.
    named = [name for name in names if name in watched] or names
    return printable(f": {', '.join(named[:3])}") if named else ""


def _seen(identification: Mapping[str, Any]) -> list[str]:
    lines = []
    for component in _items(identification, "components")[:_MOST_ROWS]:
        share = component.get("spectral_share")
        part = f", {share:.0%} of the spectral area" if isinstance(share, int | float) else ""
        how = f"{component.get('role', '?')}{part}, {component.get('evidence', 'unknown')} reference"
        lines.append(f"Seen: {component.get('substance', '?')} ({how})")
    detected = [c for c in _items(identification, "classes") if c.get("detected")]
    lines += [f"Seen: evidence for the class {c.get('class', '?')}" for c in detected[:_MOST_ROWS]]
    open_ = [_not_excluded(each) for each in _items(identification, "not_excluded")]
    if open_:
        more = f" and {len(open_) - _MOST_ROWS} more" if len(open_) > _MOST_ROWS else ""
        lines.append(f"Not excluded: {', '.join(open_[:_MOST_ROWS])}{more}")
    return lines


def _not_excluded(each: Mapping[str, Any]) -> str:
    """Return a substance with the share from which it would have been seen."""
    share = each.get("detectable_share")
    name = each.get("substance", "?")
    return f"{name} below {share:.0%}" if isinstance(share, int | float) else f"{name} (no reference)"


def _because(identification: Mapping[str, Any]) -> list[str]:
    codes = _codes(identification)
    return [REASONS[code].text if code in REASONS else code for code in codes]


def _steps(identification: Mapping[str, Any], otherwise: str) -> list[str]:
    codes = _codes(identification)
    steps = [REASONS[code].next_step for code in codes if code in REASONS]
    if str(identification.get("verdict")).startswith("alarm") or not steps:
        steps.insert(0, otherwise)
    return list(dict.fromkeys(steps))


def _codes(identification: Mapping[str, Any]) -> list[str]:
    given = identification.get("reasons", ())
    return [str(code) for code in given] if isinstance(given, Sequence) and not isinstance(given, str) else []


def _items(identification: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    given = identification.get(key, ())
    return [each for each in given if isinstance(each, Mapping)] if isinstance(given, list | tuple) else []


def _text(line: str, *, style: str = "") -> Text:
    return Text(printable(line), style=style)


def _lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.split("\n"))
