"""``opioscan demo``: the whole chain on emulated instruments."""

import contextlib
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from .output import console, emit_json, progress, say, words_of

if TYPE_CHECKING:
    from ..demo.run import Shown
    from ..demo.station import Station

app = typer.Typer(help="Show the whole chain on emulated instruments.", add_completion=False)


@app.command()
def main(
    serve: Annotated[bool, typer.Option("--serve", help="Stay up, and print the addresses.")] = False,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", metavar="DIR", help="Keep the records here; default: a new one."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """Verify an emulated bench, screen nine parcels, post and link the results, and show the table."""
    from ..demo.run import check_axis, screen_all, take_blank
    from ..demo.station import Station

    home = folder or Path(tempfile.mkdtemp(prefix="opioscan-demo-"))
    home.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    if not json:
        say("EMULATED instruments, TRAINING method: nothing here is a real finding.")
    with _terminated_as_interrupt(), Station(home.resolve()) as station:
        with progress("fitting the training method, verifying, taking the blank") as step:
            verified = check_axis(station)
            take_blank(station)
            step(1)
        if not json:
            worst = verified["verification"]["worst_cm1"]
            passed = "PASS" if verified["passed"] else "FAIL"
            say(f"axis verified with polystyrene: {passed}, worst line {worst} cm⁻¹ off")
        rows = []
        with progress("screening") as step:
            for shown in screen_all(station):
                rows.append(shown)
                step(1)
                if json:
                    emit_json(shown.to_json())
        if not json:
            _print_table(rows, home, time.monotonic() - began)
        if serve:
            _stay(station, json=json)
    if not verified["passed"] or any(shown.wrong for shown in rows):
        raise typer.Exit(1)


def _print_table(rows: "list[Shown]", home: Path, seconds: float) -> None:
    table = Table(title="TRAINING · emulated · presumptive", show_lines=False)
    for heading in ("parcel", "truth", "verdict", "seen (content)", "told outward", "right"):
        table.add_column(heading, overflow="fold")
    for shown in rows:
        found = shown.answer["identification"]
        content = [c["substance"] for c in found["components"] if c["role"] == "content"]
        words, _ = words_of(found)
        because = f" ({', '.join(found['reasons'])})" if found["verdict"] == "inconclusive" else ""
        truth = shown.parcel.title
        table.add_row(
            shown.parcel.item,
            truth,
            f"{words.symbol} {words.word}{because}",
            ", ".join(content) or "nothing",
            shown.outward,
            "yes" if not shown.wrong else f"NO: {shown.wrong}",
        )
    console().print(table)
    for shown in rows:
        scan = Path(shown.answer["archive_path"])
        say(f"{shown.parcel.item}  result {shown.answer['result_id']}  scan {scan.name[:16]}….h5")
    say(f"raw scans: {home / 'archive'}; the server's records: {home / 'server'}")
    right = sum(not shown.wrong for shown in rows)
    say(f"{right} of {len(rows)} parcels answered right in {seconds:.0f} s")


def _stay(station: "Station", *, json: bool) -> None:
    """Keep everything up until Ctrl-C."""
    where = {
        "bench": station.bench_url,
        "server": station.server_url,
        "page_token": station.page_token,
        "token": station.token,
    }
    if json:
        emit_json(where)
    else:
        say(f"officer's page:  {station.bench_url}")
        say(f"server's page:   {station.server_url}  (sign in with {station.page_token})")
        say(f"server's API:    {station.server_url}/api/v1  (token of a parcel system: {station.token})")
        say("Ctrl-C ends the demonstration.")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(0.5)


@contextlib.contextmanager
def _terminated_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end the demonstration like Ctrl-C, so that every program is stopped in order."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
