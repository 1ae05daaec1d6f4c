"""``opioscan fleet``: every bench that reports to the server, with method, verification and queue."""

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from ..settings import load_settings
from .output import console, emit_json, say
from .start import printable

app = typer.Typer(add_completion=False)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

#: Colours repeat what word and symbol say.
_STYLES = {"silent": "bold red", "unverified": "bold red", "current": "green"}


@app.command()
def fleet(as_json: Json = False) -> None:
    """Show every bench that reports to the server, the worst first.

    Needs OPIOSCAN_SERVER, and in OPIOSCAN_TOKEN a token of a technician, officer, auditor or admin: the token
    of a bench may report, and see nothing.
    """
    from ..errors import ServerUnreachable
    from ..fleet import ask_fleet
    from ..fleet_words import bench_line, gravest_first, newest_line, tally

    found = ask_fleet(load_settings())
    if as_json:
        emit_json(found)
        return
    try:
        lines = [bench_line(one) for one in gravest_first(found["benches"])]
        told = tally(found["benches"])
        newest = newest_line(found["newest_release"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ServerUnreachable(
            f"{found['server']} tells of benches in a way this version cannot read"
        ) from error
    say(f"{told}. {newest}")
    if lines:
        console().print(_table(lines))
    else:
        say("No bench has reported yet.")


def _table(lines: list[Any]) -> Table:
    table = Table("bench", "state", "method", "instruments", "queue", "last report (UTC)")
    for line in lines:
        marks = [f"### {mark} ###" for mark in line.marks]
        table.add_row(
            _text(line.bench),
            _state(line),
            _text(line.method, *marks, line.digests),
            _text(*line.devices),
            _text(line.queue),
            _text(line.heard, f"software {line.software}"),
        )
    return table


def _state(line: Any) -> Text:
    words = _text(*(f"{one.symbol} {one.word}" for one in line.states))
    words.stylize(_STYLES.get(line.kind, "bold yellow"))
    return words.append("\n").append(_text(*line.reasons)) if line.reasons else words


def _text(*lines: str) -> Text:
    return Text("\n".join(printable(line) for line in lines if line))
