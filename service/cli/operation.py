"""``opioscan operation``: plan, list, show and change operations."""

from typing import Annotated, Any

import typer
from rich.table import Table

from ..errors import UsageError
from ..settings import load_settings
from .output import console, emit_json, say
from .start import printable

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Plan, list, show and change operations.")

_PATH = "/api/v1/operations"
_PLANNERS, _READERS = "technician or admin", "technician, officer, auditor, admin or bench"
#: What a figure may be called after --baseline and --target.
_FIGURES = ("non_compliance_rate", "screened_per_day", "inconclusive_rate", "median_time_to_result_s")

#: Pages of the list; there are never so many operations.
_MAX_PAGES = 100

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[str, typer.Argument(help="Id of the operation, as `operation list` shows it.")]
Sites = Annotated[list[str] | None, typer.Option("--site", help="A site; may be given several times.")]
Begin = Annotated[str, typer.Option("--from", help="When it begins, such as 2026-11-01T00:00:00Z.")]
End = Annotated[str, typer.Option("--to", help="When it is over; `none` for no end.", show_default="none")]
Figures = Annotated[
    list[str] | None, typer.Option(help="NAME=NUMBER, several times: " + ", ".join(_FIGURES) + ".")
]
Source = Annotated[str, typer.Option("--source", help="Where the figures of the baseline come from.")]
Takes = Annotated[
    bool, typer.Option("--takes-over", help="Plan it although another runs there; the newer one counts.")
]
Words = Annotated[str, typer.Option(help="What it is about.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Its name.")],
    begin: Begin,
    site: Sites = None,
    end: End = "",
    description: Words = "",
    baseline: Figures = None,
    source: Source = "",
    target: Figures = None,
    takes_over: Takes = False,
    as_json: Json = False,
) -> None:
    """Plan an operation: screenings opened at its sites while it runs count in it."""
    if not site:
        raise UsageError("name at least one --site")
    body = {
        "name": name,
        "sites": site,
        "starts_at": begin,
        "ends_at": None if end in {"", "none"} else end,
        "description": description,
        "baseline": {**_figures(baseline), "source": source},
        "targets": _figures(target),
        "takes_over": takes_over,
    }
    _told(_send("POST", _PATH, body), as_json=as_json)


@app.command("list")
def list_(
    site: Annotated[str, typer.Option(help="Only those at this site.", show_default="all")] = "",
    running: Annotated[bool, typer.Option("--running", help="Only those that run now.")] = False,
    as_json: Json = False,
) -> None:
    """List the operations."""
    from ..asking import asking

    params = {"limit": "200", **({"site": site} if site else {}), **({"running": "true"} if running else {})}
    found: list[dict[str, Any]] = []
    with asking(load_settings(), roles=_READERS) as server:
        for _ in range(_MAX_PAGES):
            page = server.get(_PATH, params)
            found += page["items"]
            if not page["next_cursor"]:
                break
            params["cursor"] = page["next_cursor"]
        else:
            raise server.endless()
    if as_json:
        for one in found:
            emit_json(one)
        return
    table = Table("id", "name", "sites", "from", "to", "runs")
    for one in found:
        cells = (one["operation_id"], one["name"], " ".join(one["sites"]), one["starts_at"][:16])
        end = (one["ends_at"] or "no end")[:16]
        table.add_row(*map(printable, cells), end, "yes" if one["running"] else "no")
    console().print(table)


@app.command()
def show(operation_id: Id, as_json: Json = False) -> None:
    """Show an operation with baseline and targets."""
    from ..asking import asking

    with asking(load_settings(), roles=_READERS) as server:
        _told(server.get(f"{_PATH}/{operation_id}", {}), as_json=as_json)


@app.command()
def change(
    operation_id: Id,
    name: Annotated[str, typer.Option(help="Another name.", show_default="unchanged")] = "",
    site: Sites = None,
    begin: Annotated[str, typer.Option("--from", show_default="unchanged")] = "",
    end: Annotated[
        str, typer.Option("--to", help="`none` takes the end away.", show_default="unchanged")
    ] = "",
    target: Figures = None,
    takes_over: Takes = False,
    as_json: Json = False,
) -> None:
    """Change an operation, if nobody else has changed it meanwhile."""
    body: dict[str, Any] = {key: value for key, value in (("name", name), ("starts_at", begin)) if value}
    body |= {"sites": site} if site else {}
    body |= {"ends_at": None if end == "none" else end} if end else {}
    body |= {"targets": _figures(target)} if target else {}
    body |= {"takes_over": True} if takes_over else {}
    if not body:
        raise UsageError("say what is to be changed: see opioscan operation change --help")
    _told(_send("PATCH", f"{_PATH}/{operation_id}", body), as_json=as_json)


def _send(method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    from ..asking import asking

    with asking(load_settings(), roles=_PLANNERS) as server:
        tag = server.tag(path) if method == "PATCH" else ""
        return server.send(method, path, body, {"If-Match": tag} if tag else {})


def _told(operation: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit_json(operation)
        return
    end = operation["ends_at"] or "no end"
    say(printable(f"{operation['name']} ({operation['operation_id']})"))
    say(printable(f"  sites {' '.join(operation['sites'])}, {operation['starts_at']} to {end}"))
    for title, key in (("baseline", "baseline"), ("targets", "targets")):
        figures = {name: value for name, value in operation[key].items() if value not in {None, ""}}
        if figures:
            say(printable(f"  {title}: " + ", ".join(f"{name} {value}" for name, value in figures.items())))
    for other in operation["overlaps"]:
        say(f"  runs together with {other} at one of its sites; the newer one counts there")


def _figures(given: list[str] | None) -> dict[str, float]:
    found = {}
    for text in given or []:
        name, _, number = text.partition("=")
        if name not in _FIGURES:
            raise UsageError(f"there is no figure {name!r}: choose one of {', '.join(_FIGURES)}")
        try:
            found[name] = float(number)
        except ValueError:
            raise UsageError(f"{text!r} is not NAME=NUMBER") from None
    return found
