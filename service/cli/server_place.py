"""The server's own database, for commands that run on its machine."""

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..settings import load_settings

if TYPE_CHECKING:
    from ..api.database import Database
    from ..api.settings import ServerSettings

Db = Annotated[
    str | None,
    typer.Option(
        "--db",
        help="The server's database: a file, or a postgresql:// URL (better in OPIOSCAN_DATABASE_URL: "
        "other users of the machine see command lines).",
        show_default="in the home folder",
    ),
]
Scans = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the server's scans.", show_default="beside the database file, or in the home"
    ),
]


def server_settings(db: str | None, scans: Path | None = None) -> "ServerSettings":
    """Return where the server keeps its things."""
    from ..api.settings import ServerSettings

    return ServerSettings.of(load_settings(), db, scans)


def server_database(db: str | None) -> "Database":
    """Open the server's database."""
    from ..api.database import Database

    settings = server_settings(db)
    return Database(settings.place, busy_s=settings.busy_s)


def actor() -> str:
    """Return who uses the command, as events name it."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):
        return "cli"
