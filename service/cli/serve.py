"""``opioscan serve``: the server that parcel systems and benches talk to."""

import ipaddress
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from ..settings import load_settings
from .output import emit_json, say, warn
from .server_place import Db, Scans, server_settings

if TYPE_CHECKING:
    from ..api.settings import ServerSettings

app = typer.Typer(add_completion=False)

Host = Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")]
Port = Annotated[
    int | None, typer.Option(min=0, max=65535, help="TCP port; 0 takes a free one.", show_default="8480")
]
Remote = Annotated[
    bool, typer.Option("--allow-remote", help="Listen for other machines, behind a proxy that adds TLS.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the address as one JSON line.")]


@app.command()
def serve(
    host: Host = None,
    port: Port = None,
    db: Db = None,
    scans: Scans = None,
    allow_remote: Remote = False,
    as_json: Json = False,
) -> None:
    """Run the server until Ctrl-C or SIGTERM."""
    from ..api.run import quiet_logs, run_server

    settings = load_settings()
    address = host or settings.host
    if not allow_remote and not _is_loopback(address):
        raise UsageError(
            f"{address} is open to other machines and the tokens would travel in the clear: "
            "put a proxy with TLS before the server, or say --allow-remote"
        )
    quiet_logs()
    places = server_settings(db, scans)

    def ready(url: str) -> None:
        if as_json:
            emit_json({"address": url, "db": places.shown, "pid": os.getpid()})
            return
        say(f"opioscan server: {url} (database {places.shown}); stop with Ctrl-C")
        sys.stdout.flush()

    _hint_at_token(places, db)
    wanted = settings.server_port if port is None else port
    run_server(places, wanted, ready, host=address)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _hint_at_token(places: "ServerSettings", db: str | None) -> None:
    if not places.database_url and not places.db_path.exists():
        option = f" --db {db}" if db else ""
        warn(f"the database is new and knows no token; make one: opioscan token create --role admin{option}")
