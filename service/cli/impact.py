"""``opioscan impact``: every result that depended on a calibration, device, reference, method or blank."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import ServerUnreachable, UsageError
from ..settings import Settings, load_settings
from ..uses import KINDS, MIN_PREFIX, PARTS, is_prefix
from .output import console, emit_json, progress, say
from .start import printable

app = typer.Typer(add_completion=False)

#: Lines a terminal shows; a file takes all.
MAX_LINES = 500
#: Things listed where a name can stand for several.
MAX_NAMES = 8

_COLUMNS = (
    *("at", "item_id", "verdict", "device", "why", "under_review", "training", "emulated"),
    *("result_id", "scan_id", "screening_id"),
)

Value = Annotated[
    str,
    typer.Argument(
        metavar="CALIBRATION|DEVICE|REFERENCE|METHOD",
        help="Digest or 8 of its digits, model/serial, name of a device, reference id, name@version.",
    ),
]


@app.command()
def impact(
    value: Value,
    kind: Annotated[str, typer.Option(help=f"What it is, if not clear: {', '.join(KINDS)}.")] = "",
    since: Annotated[str, typer.Option(metavar="TIME", help="Only scans made then or later (UTC).")] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="Only scans made before then (UTC).")] = "",
    bench: Annotated[bool, typer.Option("--bench", help="Ask this bench, even with a server.")] = False,
    csv: Annotated[Path | None, typer.Option(metavar="OUT", help="Write all results to a CSV file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List every result that depended on a calibration, device, reference, method or blank.

    Asks the server (token of a technician, auditor or admin), or this bench where none is configured. A
    reference counts for results in which it is a component or in the ranking, a library for all of its own.
    """
    from ..impact import Question, moment

    if kind and kind not in KINDS:
        raise UsageError(f"--kind: one of {', '.join(KINDS)}")
    times = {"since": moment(since, "--since"), "until": moment(until, "--until")}
    settings = load_settings()
    with _index(settings, bench=bench) as index:
        # A bench may have many older results to take up first.
        with progress(f"looking for {value}"):
            found = _resolved(settings, index, value, kind)
        if found is None:
            _nothing(index, value, kind, csv=csv, as_json=as_json)
            return
        question = Question(*found, **times)
        answer = _collected(index, question, everything=as_json or csv is not None)
    if csv is not None:
        _write(csv, answer["items"])
    if as_json:
        emit_json(answer)
    else:
        _print(answer, csv)


@contextmanager
def _index(settings: Settings, *, bench: bool) -> Iterator[Any]:
    from ..impact import ROLES, BenchIndex, ServerIndex

    with ExitStack() as stack:
        if settings.server_url and not bench:
            from ..asking import asking

            yield ServerIndex(stack.enter_context(asking(settings, roles=f"{ROLES}, or ask with --bench")))
        else:
            from ..bench.client import BenchClient

            yield BenchIndex(stack.enter_context(BenchClient.connect(settings)))


def _resolved(settings: Settings, index: Any, value: str, kind: str) -> tuple[str, str] | None:
    """Return kind and whole name of what is meant, None where nothing is known of it."""
    from ..impact import candidates

    found = candidates(index, value, kind)
    if not found and is_prefix(value.lower()[:MIN_PREFIX]):
        found = candidates(index, value.lower(), kind)  # some programs print digests in capitals
    if not found and kind in {"", "device"} and (identity := _configured(settings, value)):
        found = candidates(index, identity, "device")
    if len(found) > 1:
        names = "; ".join(f"{one} {name}" for one, name in found[:MAX_NAMES])
        raise UsageError(f"{value} can stand for {names}: give more of it, or --kind")
    return found[0] if found else None


def _configured(settings: Settings, name: str) -> str:
    """Return ``model/serial`` of a configured device; empty for no device of that name.

    Raises
    ------
    UsageError
        It is one, and nobody knows yet which instrument.
    """
    from instrument.config import load_config

    from ..bench.client import BenchClient
    from ..errors import AgentUnreachable

    if not settings.devices_path.exists() or name not in load_config(settings.devices_path):
        return ""
    try:
        with BenchClient.connect(settings, start=False) as client:
            devices = client.status()["devices"]
    except AgentUnreachable:
        devices = []
    for one in devices:
        if one["name"] == name and one["serial"]:
            return f"{one['model']}/{one['serial']}"
    raise UsageError(f"{name} was not opened by a running bench agent yet: give its model/serial")


def _collected(index: Any, question: Any, *, everything: bool) -> dict[str, Any]:
    """Return the whole answer, or as much of it as a terminal shows."""
    from ..impact import results

    items: list[dict[str, Any]] = []
    answer: dict[str, Any] = {}
    # The size of the work is known with the first page only, so that the bar runs from 0 to 1.
    with progress("asking", 1.0) as advance:
        for page in results(index, question, lambda total, more: advance(more / max(total, 1))):
            answer = {name: page.get(name) for name in ("kind", "value", "total", "not_indexed")}
            items += page["items"]
            if not everything and len(items) >= MAX_LINES:
                break
    return {
        **answer,
        "source": index.source,
        "since": question.since,
        "until": question.until,
        "items": items,
    }


def _nothing(index: Any, value: str, kind: str, *, csv: Path | None, as_json: bool) -> None:
    if csv is not None:
        _write(csv, [])
    if as_json:
        emit_json({"kind": kind, "value": value, "total": 0, "source": index.source, "items": []})
    else:
        say(f"Nothing depends on {f'{kind} {value}'.strip()}: no result known to {index.source} names it.")
        if len(value) < MIN_PREFIX and is_prefix(value.lower().ljust(MIN_PREFIX, "0")):
            say(f"If it begins a digest, give at least {MIN_PREFIX} digits.")


def _print(answer: dict[str, Any], csv: Path | None) -> None:
    try:
        total, items = answer["total"], answer["items"][:MAX_LINES]
        flagged = sum(bool(one["under_review"]) for one in answer["items"])
        if items and csv is None:
            console().print(_table(items))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ServerUnreachable(f"{answer['source']} answers in a way this version cannot read") from error
    thing = f"{answer['kind']} {answer['value']}"
    if not total:
        say(f"Nothing depends on {thing}, by what {answer['source']} knows.")
    else:
        say(f"{total} result(s) depend on {thing}, by what {answer['source']} knows.")
        say(
            f"{flagged} of {len(answer['items'])} shown are under review."
            if flagged
            else "None is under review."
        )
    if csv is not None:
        say(f"Written to {csv}.")
    elif total > len(items):
        say(f"The first {len(items)} are shown; --csv OUT writes all.")
    if answer.get("not_indexed"):
        say(f"Of {answer['not_indexed']} older result(s) it is not known: their blanks were not noted then.")


def _table(items: list[dict[str, Any]]) -> Any:
    from rich.table import Table
    from rich.text import Text

    from ..fleet_words import minute

    table = Table("time (UTC)", "item", "verdict", "device", "why", "flagged")
    for one in items:
        cells = (
            minute(one["at"]),
            one["item_id"] or "no label",
            _verdict(one),
            one["device"],
            PARTS.get(one["why"], one["why"]),
            "⚑ UNDER REVIEW" if one["under_review"] else "",
        )
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def _verdict(one: dict[str, Any]) -> str:
    from spectra.reasons import Verdict

    from ..words import WORDS

    told = WORDS.get(one["verdict"]) if one["verdict"] in set(Verdict) else None
    words = f"{told.symbol} {told.word}" if told is not None else f"? {one['verdict']}"
    marks = ", ".join(name for name in ("training", "emulated") if one[name])
    return f"{words} ({marks})" if marks else words


def _write(path: Path, items: list[dict[str, Any]]) -> None:
    """Write results to a CSV file, as a whole or not at all."""
    import csv

    from library.replacing import replace_file

    def fill(target: Path) -> None:
        with target.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(_COLUMNS)
            table.writerows([_cell(one.get(name)) for name in _COLUMNS] for one in items)

    replace_file(path, fill)


def _cell(value: Any) -> str:
    """Return a value for a table; none that a spreadsheet program would take for a formula."""
    text = {True: "yes", False: "no"}[value] if isinstance(value, bool) else printable(str(value or ""))
    # https://owasp.org/www-community/attacks/CSV_Injection
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
