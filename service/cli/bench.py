"""``opioscan bench``: the bench agent with the officer's page."""

import logging
import os
import sys
from typing import Annotated, Any

import typer

from ..settings import load_settings
from .output import emit_json, say

app = typer.Typer(add_completion=False)

Port = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="Port on loopback; 0 takes a free one.", show_default="8470"),
]
Json = Annotated[bool, typer.Option("--json", help="Print the address as one JSON line.")]
Stop = Annotated[bool, typer.Option("--stop", help="End the agent that runs for this home.")]


@app.command()
def bench(port: Port = None, as_json: Json = False, stop: Stop = False) -> None:
    """Run the bench agent until Ctrl-C or SIGTERM; lasers are read back as off on the way out."""
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
