"""``opioscan audit recompute``: results computed again from their evidence."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import UsageError
from ..problems import DONE, NEGATIVE
from .evidence_source import checked_id, found_in, opened_store
from .output import emit_json, progress, say
from .server_place import Db, Scans

app = typer.Typer(add_completion=False)

Answer = dict[str, Any]


@app.command()
def recompute(
    bundles: Annotated[
        list[Path] | None, typer.Argument(metavar="BUNDLE.zip...", help="Evidence bundles.")
    ] = None,
    result: Annotated[
        list[str] | None, typer.Option("--result", metavar="ID", help="A result of --db, without a bundle.")
    ] = None,
    db: Db = None,
    scans: Scans = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """Verify every digest of evidence bundles, identify their scans again, and compare.

    Needs no server and no database. Exit code 0: the same; 1: something differs; 4: a bundle is damaged, or
    lacks what the result names.
    """
    if not bundles and not result:
        raise UsageError("give evidence bundles, or --result with --db")
    same = True
    total = float(len(bundles or ()) + len(result or ()))
    with progress("recomputing", total) as advance:
        for source, found in _all(bundles or [], result or [], db, scans):
            same &= found["same"]
            advance(1.0)
            if as_json:
                emit_json({"source": source, **found})
            else:
                _print(source, found)
    raise typer.Exit(DONE if same else NEGATIVE)


def _all(
    bundles: list[Path], results: list[str], db: str | None, scans: Path | None
) -> Iterator[tuple[str, Answer]]:
    from ..evidence.bundle import read_bundle_file
    from ..evidence.recompute import recompute as recomputed

    for path in bundles:
        yield str(path), recomputed(read_bundle_file(path))
    if results:
        yield from _from_database([checked_id(one) for one in results], db, scans)


def _from_database(results: list[str], db: str | None, scans: Path | None) -> Iterator[tuple[str, Answer]]:
    from ..api.evidence.bundles import bundle_file
    from ..evidence.bundle import read_bundle_file
    from ..evidence.recompute import recompute as recomputed

    with opened_store(db, scans) as store:
        for result_id in results:
            made = bundle_file(store, found_in(store, result_id), people=False)
            try:
                yield f"result {result_id}", recomputed(read_bundle_file(made))
            finally:
                made.unlink(missing_ok=True)


def _print(source: str, found: Answer) -> None:
    if found["same"]:
        exact = "to the last bit" if found["identical"] else f"within {found['largest_difference']:.1g}"
        say(f"{source}: the same: {found['verdict']}, {exact}")
    else:
        say(f"{source}: DIFFERENT: {found['verdict']} was recorded, now {found['recomputed_verdict']}")
        if found["kept"]:
            say("  verdict, components and reasons are the same; numbers differ by more than a millionth")
    for one in found["differences"]:
        say(f"  differs: {one}")
    for one in found["borderline"]:
        say(f"  borderline: {one}")
    say(f"  recorded with {found['recorded_numerics'] or 'unknown numerics'}")
    say(f"  here with     {found['recomputed_numerics']}")
