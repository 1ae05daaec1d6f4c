"""Options that the commands of ``opioscan audit`` share."""

from typing import Annotated

import typer

from .server_place import Db, actor, server_database, server_settings

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

__all__ = ["Db", "Json", "actor", "server_database", "server_settings"]
