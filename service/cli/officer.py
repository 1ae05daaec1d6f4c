"""``opioscan officer``: who may sign in at this bench with badge and PIN."""

import getpass
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import UsageError
from ..settings import load_settings
from .output import emit_json, say

if TYPE_CHECKING:
    from ..bench.officers import Officers
    from ..bench.officers_file import OfficerNote

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Say which officers may sign in at this bench."
)

Name = Annotated[str, typer.Argument(help="Name that the records of this officer carry.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(name: Name, as_json: Json = False) -> None:
    """Register an officer: asks for the badge's barcode and a PIN; without a terminal, a line each."""
    badge = _asked("Scan the badge: ")
    _told(_officers().add(name, badge, _new_pin()), "may sign in at this bench", as_json=as_json)


@app.command("list")
def list_officers(as_json: Json = False) -> None:
    """List the officers: name, since when, and who is locked out; no badge is known here."""
    found = _officers().all()
    for one in found:
        shown = _shown(one)
        if as_json:
            emit_json(shown)
            continue
        state = "LOCKED after wrong PINs: opioscan officer reset-pin" if shown["locked"] else "may sign in"
        say(f"{one.name}  (since {one.added_at[:10]}, {state})")
    if not found and not as_json:
        say("no officer is registered, and nobody has to sign in; add one with: opioscan officer add NAME")


@app.command()
def remove(name: Name, as_json: Json = False) -> None:
    """Take an officer off the list; records keep the name."""
    _told(_officers().remove(name), "may sign in no more", as_json=as_json)


@app.command("reset-pin")
def reset_pin(name: Name, as_json: Json = False) -> None:
    """Set a new PIN, which also ends a lock-out."""
    _told(_officers().reset_pin(name, _new_pin()), "has a new PIN", as_json=as_json)


def _officers() -> "Officers":
    from ..bench.officers import Officers

    return Officers(load_settings().officers_path)


def _new_pin() -> str:
    """Ask for a PIN, twice where it is typed; never an argument, which every user of the machine sees."""
    pin = _asked("New PIN, 4 to 12 digits: ")
    if sys.stdin.isatty() and _asked("The same PIN again: ") != pin:
        raise UsageError("the two PINs differ; nothing was changed")
    return pin


def _asked(prompt: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(prompt)
    line = sys.stdin.readline(256)
    if not line:
        raise UsageError("standard input ended: give badge and PIN on a line each")
    return line.rstrip("\r\n")


def _told(note: "OfficerNote", words: str, *, as_json: bool) -> None:
    if as_json:
        emit_json(_shown(note))
    else:
        say(f"{note.name} {words}")


def _shown(note: "OfficerNote") -> dict[str, Any]:
    from ..bench.officers import is_locked

    return {"name": note.name, "added_at": note.added_at, "locked": is_locked(note)}
