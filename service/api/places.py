"""Where a database is: a file, or a PostgreSQL server by URL.

``postgresql://USER:PASSWORD@HOST:PORT/NAME``; ``?host=/folder`` names the folder of a Unix socket, as libpq
does. ``?sslmode=`` is ``verify-full`` (the default for other machines), ``require`` (no certificate is
checked) or ``disable`` (the default on this machine).
"""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from ..errors import SettingsError

SCHEME = "postgresql://"
_PORT = 5432
_TLS = ("verify-full", "require", "disable")


@dataclass(frozen=True, slots=True)
class ServerPlace:
    """A PostgreSQL database."""

    name: str
    """Name of the database."""
    user: str
    """Who signs in."""
    password: str | None = field(repr=False)
    """With what; None where the server asks for nothing."""
    host: str
    """Name or address of the machine; empty for a Unix socket."""
    port: int
    """TCP port, which also names the socket."""
    folder: str
    """Folder of the Unix socket; empty for TCP."""
    tls: str
    """``verify-full``, ``require`` or ``disable``."""


def is_url(place: Path | str) -> bool:
    """Whether a place is a database server's, and no file."""
    return isinstance(place, str) and "://" in place


def shown(place: Path | str) -> str:
    """Return a place as it may stand in a message: a password in it is never shown."""
    if not is_url(place):
        return str(place)
    found = server_place(str(place))
    where = found.folder or f"{found.host}:{found.port}"
    return f"{SCHEME}{found.user}@{where}/{found.name}"


def server_place(text: str) -> ServerPlace:
    """Read the URL of a database.

    Raises
    ------
    SettingsError
        It is none; the message does not repeat it, because it may hold a password.
    """
    if not text.startswith(SCHEME):
        raise SettingsError(f"the database URL must begin with {SCHEME} (or give the path of a file)")
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise SettingsError(
            f"the database URL cannot be read; it looks like {SCHEME}USER:PASSWORD@HOST:PORT/NAME"
        ) from error
    options = {name: value if isinstance(value, str) else "" for name, value in url.query.items()}
    folder, tls = options.pop("host", ""), options.pop("sslmode", "")
    if options:
        raise SettingsError(f"the database URL has the unknown option {min(options)!r}")
    return _checked(url, folder, tls)


def _checked(url: URL, folder: str, tls: str) -> ServerPlace:
    if not url.database or not url.username:
        raise SettingsError(f"the database URL names no user or no database: {SCHEME}USER@HOST/NAME")
    if folder and (url.host or not folder.startswith("/")):
        raise SettingsError("the database URL takes a host or ?host=/folder of a Unix socket, not both")
    if not folder and not url.host:
        raise SettingsError("the database URL names no host")
    local = bool(folder) or _is_this_machine(url.host or "")
    tls = tls or ("disable" if local else "verify-full")
    if tls not in _TLS:
        raise SettingsError(f"sslmode in the database URL is one of {', '.join(_TLS)}")
    return ServerPlace(
        name=url.database,
        user=url.username,
        password=None if url.password is None else str(url.password),
        host="" if folder else str(url.host),
        port=url.port or _PORT,
        folder=folder,
        tls="disable" if folder else tls,
    )


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
