"""Options and places that the commands of ``opioscan audit`` share."""

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..settings import load_settings

if TYPE_CHECKING:
    from ..api.database import Database
    from ..api.settings import ServerSettings

Db = Annotated[
    Path | None, typer.Option("--db", help="The server's database file.", show_default="in the home folder")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def places(db: Path | None) -> "ServerSettings":
    """Return where the server keeps its things."""
    from ..api.settings import ServerSettings

    return ServerSettings.of(load_settings(), db)


def open_database(db: Path | None) -> "Database":
    """Open the server's database for writing; the server may be running."""
    from ..api.database import Database

    return Database(places(db).db_path)


def actor() -> str:
    """Return how events name whoever sits at this machine."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):
        return "cli"
