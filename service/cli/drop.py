"""``opioscan drop``: scans from exported files that wait for a person's word."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spectra.values import Presentation

from ..problems import NEGATIVE
from ..settings import load_settings
from .output import console, emit_json, progress, say, verdict_panel, warn
from .verify_words import flagged

if TYPE_CHECKING:
    from ..bench.drop_client import DropClient

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Decide about scans from exported files.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Scan = Annotated[str, typer.Argument(metavar="SCAN", help="Scan id, or its first digits.")]
Parcel = Annotated[str, typer.Option("--parcel", help="Item identifier; its screening must be open here.")]


@app.command("list")
def list_drops(
    settled: Annotated[bool, typer.Option("--settled", help="Show what became of the last ones.")] = False,
    as_json: Json = False,
) -> None:
    """Show what waits, the folders, and the files nobody could read."""
    with _agent() as client:
        held = client.settled_drops() if settled else client.drops()
    if as_json:
        emit_json(held)
        return
    for drop in held["drops"]:
        answer = drop.get("device_answer") or {}
        told = f"; the device says {answer['text']}" if answer.get("text") else ""
        say(f"{drop['scan_id'][:12]}  {drop['state']:<9}  {drop['device']}: {drop['file']}{told}")
    if not held["drops"]:
        say("nothing waits" if not settled else "nothing was decided yet")
    for one in held.get("folders", []):
        state = "there" if one["present"] else "NOT THERE"
        say(f"folder of {one['device']}: {state}{'; ' + one['words'] if one['words'] else ''}")
    for one in held.get("quarantine", []):
        say(f"quarantine: {one['name']} ({one['source']}): {one['reason']}")


@app.command("open")
def open_item(parcel: Parcel, as_json: Json = False) -> None:
    """Open an item at this bench, so that scans may join it."""
    with _agent() as client:
        done = client.open_item(parcel)
    _told(done, f"{done['item']} is open at this bench", as_json=as_json)


@app.command()
def join(
    scan: Scan,
    parcel: Parcel,
    presentation: Annotated[
        Presentation, typer.Option("--presentation", help="What was between probe and sample.")
    ] = Presentation.DIRECT,
    blank: Annotated[str, typer.Option("--blank", help="Blank to use.")] = "",
    spot: Annotated[int, typer.Option("--spot", min=1, max=100, help="Number of the spot.")] = 1,
    complete: Annotated[bool, typer.Option("--complete", help="It was the last scan of the parcel.")] = False,
    as_json: Json = False,
) -> None:
    """Say that a scan is of the item open at this bench; it is identified then."""
    options = {"presentation": str(presentation), "blank": blank, "spot": spot, "complete": complete}
    with _agent() as client, progress("identifying"):
        answer = client.join_drop(scan, parcel, **options)
    if as_json:
        emit_json(answer["identification"])
    else:
        console().print(verdict_panel(answer["identification"]))
        say(f"Parcel {answer['item']}; its screening is {answer['screening']}.")
    # Not in the identification's contract: on standard error, like all that is said beside it.
    warn(_compared(answer["comparison"]))


@app.command()
def verify(
    scan: Scan,
    standard: Annotated[str, typer.Option("--standard", help="What was scanned.")] = "polystyrene",
    as_json: Json = False,
) -> None:
    """Say that a scan is one of a standard; exit code 1 when the axis is not where it belongs."""
    with _agent() as client:
        done = client.verify_drop(scan, standard)
    outcome = done["verification"]
    word = {"passed": "passed", "failed": "FAILED", "no_verdict": "has no verdict"}[outcome["verdict"]]
    detail = outcome["why"] or f"worst line {outcome['worst_cm1']:.2f} cm⁻¹ off"
    text = "\n".join([f"{done['device']}: verification {word}, {detail}", *flagged(done["flagged"])])
    _told(done, text, as_json=as_json)
    if not done["passed"]:
        raise typer.Exit(NEGATIVE)


@app.command()
def discard(
    scans: Annotated[list[str], typer.Argument(metavar="SCAN...", help="Scan ids, or their first digits.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept.")],
    as_json: Json = False,
) -> None:
    """Take scans off the queue; they stay in the archive."""
    with _agent() as client:
        for scan in scans:
            done = client.discard_drop(scan, reason)
            _told(done, f"{done['scan_id'][:12]} is discarded", as_json=as_json)


@app.command()
def retry(as_json: Json = False) -> None:
    """Read what is in quarantine once more, after the device's URL was mended."""
    with _agent() as client:
        done = client.retry_quarantine()
    _told(done, f"{done['retried']} file(s) are read once more", as_json=as_json)


def _agent() -> "DropClient":
    from ..bench.drop_client import DropClient

    return DropClient.connect(load_settings())


def _told(done: Mapping[str, Any], words: str, *, as_json: bool) -> None:
    if as_json:
        emit_json(done)
    else:
        say(words)


def _compared(both: Mapping[str, Any]) -> str:
    figure = "" if both["figure"] is None else f" ({both['figure']:g})"
    return f"{both['words']} The device: {both['device'] or 'nothing'}{figure}; this bench: {both['ours']}"
