"""``opioscan serve``: the server that parcel systems and benches talk to."""

import ipaddress
import os
import sys
from pathlib import Path
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
Certificate = Annotated[
    Path | None, typer.Option("--tls-cert", help="Certificate chain (PEM): serve HTTPS.", show_default="none")
]
Key = Annotated[Path | None, typer.Option("--tls-key", help="Its private key (PEM).", show_default="none")]
Log = Annotated[
    str | None,
    typer.Option(help="What goes to standard error: warnings, text or json.", show_default="warnings"),
]
Json = Annotated[bool, typer.Option("--json", help="Print the address as one JSON line.")]


@app.command()
def serve(
    host: Host = None,
    port: Port = None,
    db: Db = None,
    scans: Scans = None,
    allow_remote: Remote = False,
    certificate: Certificate = None,
    key: Key = None,
    log: Log = None,
    as_json: Json = False,
) -> None:
    """Run the server until Ctrl-C or SIGTERM."""
    from ..api.guards.logs import LogStyle, write_logs
    from ..api.guards.tls import tls_files
    from ..api.run import run_server

    settings = load_settings()
    address = host or settings.host
    tls = tls_files(certificate or _file(settings.tls_certificate), key or _file(settings.tls_key))
    if tls is None and not allow_remote and not _is_loopback(address):
        raise UsageError(
            f"{address} is open to other machines and the tokens would travel in the clear: "
            "give --tls-cert and --tls-key, or put a proxy with TLS before the server and say --allow-remote"
        )
    style = settings.log if log is None else log
    if style not in set(LogStyle):
        raise UsageError(f"there is no log {style!r}: choose one of {', '.join(LogStyle)}")
    write_logs(LogStyle(style))
    places = server_settings(db, scans)

    def ready(url: str) -> None:
        if as_json:
            emit_json({"address": url, "db": places.shown, "pid": os.getpid()})
            return
        say(f"opioscan server: {url} (database {places.shown}); stop with Ctrl-C")
        sys.stdout.flush()

    _hint_at_token(places, db)
    wanted = settings.server_port if port is None else port
    run_server(places, wanted, ready, host=address, tls=tls, trusted_proxies=settings.trusted_proxies)


def _file(name: str) -> Path | None:
    return Path(name).expanduser() if name else None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _hint_at_token(places: "ServerSettings", db: str | None) -> None:
    if not places.database_url and not places.db_path.exists():
        option = f" --db {db}" if db else ""
        warn(f"the database is new and knows no token; make one: opioscan token create --role admin{option}")
