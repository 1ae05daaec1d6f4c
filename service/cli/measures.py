"""``opioscan measures``: what screening achieved, with exact intervals."""

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from ..errors import UsageError
from ..settings import load_settings
from .output import console, emit_json, say
from .start import printable

app = typer.Typer(add_completion=False)

_PATH = "/api/v1/measures"
_ROLES = "technician, officer, auditor or admin"

By = Annotated[str, typer.Option(help="One row for each day, week, month, site, operation or bench.")]
Since = Annotated[str, typer.Option(help="First day that counts, YYYY-MM-DD, UTC.", show_default="the first")]
Until = Annotated[str, typer.Option(help="First day that does not count any more.", show_default="none")]
Include = Annotated[
    str,
    typer.Option(help="Also training, emulated or both with a comma, told apart.", show_default="neither"),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print the rows as CSV.")]


@app.command()
def measures(
    by: By = "all",
    since: Since = "",
    until: Until = "",
    site: Annotated[str, typer.Option(help="Only this site.", show_default="all")] = "",
    bench: Annotated[str, typer.Option(help="Only this bench.", show_default="all")] = "",
    operation: Annotated[
        str, typer.Option(help="Only this operation, by its id, with its progress.", show_default="all")
    ] = "",
    include: Include = "",
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Show what screening achieved: counts, rates with exact intervals, times, progress.

    Needs OPIOSCAN_SERVER, and in OPIOSCAN_TOKEN a token of a technician, officer, auditor or admin.
    """
    from ..asking import asking
    from ..errors import ServerUnreachable

    if as_json and as_csv:
        raise UsageError("choose --json or --csv")
    given = {"by": by, "since": since, "until": until, "site": site, "bench": bench, "include": include}
    params = {name: value for name, value in {**given, "operation_id": operation}.items() if value}
    with asking(load_settings(), roles=_ROLES) as server:
        if as_csv:
            say(server.get_text(f"{_PATH}.csv", params, "text/csv").rstrip())
            return
        found = server.get(_PATH, params)
        if as_json:
            emit_json(found)
            return
        try:
            _show(found)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ServerUnreachable(
                f"{server.address} tells of measures in a way this version cannot read"
            ) from error


def _show(found: dict[str, Any]) -> None:
    from ..measures_words import COLUMNS, row_words, seconds_words

    table = Table(*COLUMNS)
    for row in [*found["rows"], *found["totals"]]:
        table.add_row(*(Text(printable(words)) for words in row_words(row)))
    console().print(table)
    waiting = found["reviews"]
    say(
        f"{waiting['open']} reviews open, half of them for "
        f"{seconds_words(waiting['median_age_s'])} or longer. "
        "Alarms are presumptive; intervals are exact, 95 %."
    )
    if (operation := found["operation"]) is not None:
        say(printable(f"{operation['name']}, {operation['days']:.3g} days:"))
        for one in operation["progress"]:
            say(printable(f"  {one['words']}"))
