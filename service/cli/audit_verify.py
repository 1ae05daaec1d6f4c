"""``opioscan audit verify|head|key``: whether the records are what they were, and what proves it later."""

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import UsageError
from .audit_options import Db, Json, server_settings
from .output import emit_json, progress, say, warn
from .server_place import Scans

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ..api.events.verification import Proof
    from ..api.kept_files import FileProof, Listed
    from ..api.settings import ServerSettings

app = typer.Typer()

Heads = Annotated[
    list[Path] | None,
    typer.Option("--heads", help="More signed heads: a bench's or an auditor's copy. May be given again."),
]
PublicKeys = Annotated[
    list[Path] | None,
    typer.Option(
        "--public-key", help="Key that signed heads; may be given again.", show_default="the server's own"
    ),
]

#: Faults shown to people; --json has up to a thousand.
_SHOWN = 20


@app.command()
def verify(
    db: Db = None,
    heads: Heads = None,
    public_key: PublicKeys = None,
    files: Annotated[bool, typer.Option("--files", help="Read every scan and method file too.")] = False,
    scans: Scans = None,
    as_json: Json = False,
) -> None:
    """Find any event or row that was altered, removed, reordered, slipped in or cut off.

    With --files also scans and methods that are missing, altered, or there without a record. Exit code 0
    where everything is as it was written, 1 where something is not, 5 where it cannot be read.
    Nothing is written; the server may be running.
    """
    from ..api.events.read_only import read_only
    from ..api.events.verification import verify as prove
    from ..api.heads_key import server_folder
    from ..api.witness import gather

    where = server_settings(db, scans)
    witness = gather(server_folder(where), heads or (), public_key or ())
    with read_only(where.place) as connection:
        with progress("verifying", _size(connection)) as told:
            proof = prove(connection, witness, told=told)
        listed = _listed(connection, where) if files else None
    # The records are let go of: reading an archive may take hours.
    found = None if listed is None else _read_files(listed)
    sound = proof.sound and (found is None or found.sound)
    if as_json:
        emit_json(
            {**_shown(proof), "sound": sound, **({} if found is None else {"files": _files_shown(found)})}
        )
    else:
        _tell(proof)
        if found is not None:
            _tell_files(found)
    raise typer.Exit(0 if sound else 1)


def _listed(connection: "Connection", where: "ServerSettings") -> "Listed":
    from ..api.kept_files import Listed

    return Listed(connection, where)


def _read_files(listed: "Listed") -> "FileProof":
    with closing(listed), progress("reading files", float(listed.nbytes())) as told:
        return listed.prove(told)


@app.command()
def head(db: Db = None, as_json: Json = False) -> None:
    """Show the newest signed head that the server wrote: keep it elsewhere."""
    from ..api.heads_key import server_folder
    from ..api.heads_signed import LATEST, files_in, read_heads

    folder = server_folder(server_settings(db)) / "heads"
    found = [one for path in files_in(folder, LATEST) for one in read_heads(path)]
    if not found:
        raise UsageError(f"{folder} holds no signed head: start the server once")
    newest = max(found, key=lambda one: one.seq)
    if as_json:
        emit_json(newest.told())
        return
    say(f"event {newest.seq}, signed {newest.at} with key {newest.key_id}")
    say(f"hash {newest.hash}")


@app.command()
def key(db: Db = None, as_json: Json = False) -> None:
    """Show the public key that signed heads are checked with: hand it out on the first day."""
    from ..api.heads_key import PUBLIC, read_public, server_folder

    path = server_folder(server_settings(db)) / PUBLIC
    if not path.exists():
        raise UsageError(f"{path} is not there: the server makes it at its first start")
    public = read_public(path)
    if as_json:
        emit_json({"key_id": public.key_id, "public_key": public.text(), "file": str(path)})
        return
    say(f"key {public.key_id} ({path})")
    say(public.text().rstrip())


def _size(connection: Any) -> float | None:
    """Return about how much there is to look at: events, and as many rows again."""
    from sqlalchemy import func, select

    from ..api.tables import Event

    last = connection.execute(select(func.max(Event.seq))).scalar()
    return 2.0 * last if isinstance(last, int) else None


def _shown(proof: "Proof") -> dict[str, Any]:
    return {
        "sound": proof.sound,
        "events": proof.events,
        "rows": proof.rows,
        "heads": proof.heads,
        "signed_to": proof.signed_to,
        "first_bad_event": proof.faults.first_event,
        "faults_total": proof.faults.total,
        "faults": [asdict(one) for one in proof.faults],
    }


def _tell(proof: "Proof") -> None:
    counted = f"{proof.events} events, {proof.rows} rows, {proof.heads} signed heads"
    if proof.heads == 0:
        warn("no signed heads: events cut off at the end, or a chain made anew, cannot be seen")
    elif proof.signed_to < proof.events:
        say(f"{proof.events - proof.signed_to} events are newer than the last signed head")
    if proof.sound:
        say(f"✓ sound: {counted}")
        return
    first = proof.faults.first_event
    named = f"; the first bad event is {first}" if first is not None else ""
    say(f"✗ NOT SOUND: {proof.faults.total} faults in {counted}{named}")
    for one in list(proof.faults)[:_SHOWN]:
        say(f"  {one.where} {one.what}")
    if proof.faults.total > _SHOWN:
        say(f"  and {proof.faults.total - _SHOWN} more; see --json")


def _files_shown(found: "FileProof") -> dict[str, Any]:
    from ..api.kept_files import Wrong

    return {
        "sound": found.sound,
        "scans": found.scans,
        "methods": found.methods,
        "bytes": found.nbytes,
        **{kind.value: found.counts[kind] for kind in Wrong},
        "faults": [{"kind": one.kind.value, "file": one.file} for one in found.faults],
    }


def _tell_files(found: "FileProof") -> None:
    counted = f"{found.scans} scans and {found.methods} method files, {found.nbytes} bytes"
    if found.sound:
        say(f"✓ files are what they were: {counted}")
        return
    kinds = ", ".join(f"{many} {kind}" for kind, many in found.counts.items())
    say(f"✗ FILES NOT SOUND: {kinds}; as they were: {counted}")
    for one in found.faults[:_SHOWN]:
        say(f"  {one.kind}: {one.file}")
    if found.counts.total() > _SHOWN:
        say(f"  and {found.counts.total() - _SHOWN} more; see --json")
