"""``opioscan bench``: the bench agent with the officer's page, and what it keeps: blanks and open parcels."""

import logging
import os
import sys
from typing import Annotated, Any

import typer

from ..settings import load_settings
from .output import emit_json, say

app = typer.Typer(add_completion=False, invoke_without_command=True)

Port = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="Port on loopback; 0 takes a free one.", show_default="8470"),
]
Address = Annotated[bool, typer.Option("--json", help="Print the address as one JSON line.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Stop = Annotated[bool, typer.Option("--stop", help="End the agent that runs for this home.")]
Name = Annotated[str, typer.Argument(help="Name of a blank.")]
Item = Annotated[str, typer.Argument(help="Item identifier on the label.")]


@app.callback()
def bench(context: typer.Context, port: Port = None, as_json: Address = False, stop: Stop = False) -> None:
    """Run the bench agent until Ctrl-C or SIGTERM; lasers are read back as off on the way out."""
    if context.invoked_subcommand is not None:
        return
    settings = load_settings()
    if stop:
        from ..bench.client import BenchClient

        with BenchClient.connect(settings, start=False) as client:
            client.stop_agent()
        return
    # Decisions run with one BLAS thread, for speed at this size and to be recomputed alike.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ..bench.run import run_bench

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")

    def ready(where: dict[str, Any]) -> None:
        if as_json:
            emit_json(where)
            return
        say(f"opioscan bench: {where['address']} (officer's page); stop with Ctrl-C")
        sys.stdout.flush()

    code = run_bench(settings, port=port, ready=ready)
    if code:
        raise typer.Exit(code)


@app.command()
def blanks(as_json: Json = False) -> None:
    """List the blanks of this bench: container, origin, instrument, digest, expiry."""
    from ..bench.client import BenchClient

    with BenchClient.connect(load_settings()) as client:
        found = client.blanks()
    if as_json:
        for one in found:
            emit_json(one)
        return
    for one in found:
        until = f"{'EXPIRED' if one['expired'] else 'good until'} {one['expires_at']}"
        say(f"{one['name']}  ({one['container']}, origin: {one['origin'] or 'not said'})")
        say(f"  {one['device']}, taken {one['taken_at']}, {until}\n  scan {one['scan_id']}")
    if not found:
        say("no blank; take one with: opioscan scan --device NAME --take-blank --blank NAME")


@app.command("rename-blank")
def rename_blank(name: Name, new_name: Name) -> None:
    """Give a blank another name."""
    from ..bench.client import BenchClient

    with BenchClient.connect(load_settings()) as client:
        say(f"blank {name!r} is now called {client.rename_blank(name, new_name)['name']!r}")


@app.command("retire-blank")
def retire_blank(name: Name) -> None:
    """Use a blank no more; its scan stays in the archive."""
    from ..bench.client import BenchClient

    with BenchClient.connect(load_settings()) as client:
        say(f"blank {name!r} is retired; its scan stays: {client.retire_blank(name)['scan_id']}")


@app.command()
def item(label: Item, as_json: Json = False) -> None:
    """Show the spots and attempts of an item with the combined finding."""
    from ..bench.client import BenchClient
    from .scan import show_visit

    with BenchClient.connect(load_settings()) as client:
        visit = client.visit(label)
    if as_json:
        emit_json(visit)
        return
    say(f"Parcel {visit['item']}: its screening {visit['screening_id']} is {visit['screening']}.")
    show_visit(visit, always=True)


@app.command()
def finish(label: Item) -> None:
    """Complete the open screening of an item: no more spots follow."""
    from ..bench.client import BenchClient

    with BenchClient.connect(load_settings()) as client:
        done = client.complete(label)
    say(f"Parcel {done['item']}: its screening {done['screening_id']} is complete.")
