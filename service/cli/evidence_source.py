"""Where a command finds a result: the configured server, or the records on the server's own machine."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from ..bearer import bearer
from ..errors import EvidenceMissing, ServerRefused, ServerUnreachable, ServiceError, UsageError
from ..settings import load_settings
from .server_place import server_settings

if TYPE_CHECKING:
    import httpx

    from ..api.database import Database
    from ..api.evidence.gather import Gathered
    from ..api.settings import ServerSettings
    from ..archive.journal import Archive
    from ..evidence.looker import Looker

#: Whose tokens may fetch evidence.
ROLES = "technician, auditor or admin"

#: Longest answer of a server: a bundle, with room for its headers, bytes.
MAX_BYTES = 513 << 20


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a server, read on its machine (`service.api.evidence.gather.Keeps`)."""

    database: "Database"
    """The records."""
    archive: "Archive"
    """Scans."""
    settings: "ServerSettings"
    """Where all that is."""
    looker: "Looker"
    """What looks at scans again."""


def checked_id(text: str) -> str:
    """Return the identifier of a result as it is written; raises `UsageError` for what is none."""
    try:
        return str(UUID(text))
    except ValueError as error:
        raise UsageError(f"{text!r:.80} is no result: give its identifier, a UUID") from error


def require_free(path: Path, *, force: bool) -> None:
    """Refuse to write over a file that is there, or where there is no folder, before anything is computed."""
    if not path.parent.is_dir():
        raise UsageError(f"{path} cannot be written: there is no folder {path.parent}")
    if path.exists() and not force:
        raise UsageError(f"{path} is there already: give another name, or --force")


def asks_server(server: str, db: str | None) -> bool:
    """Return whether a server is asked: by its address, or the configured one where no database is named."""
    if server and db is not None:
        raise UsageError("give --server or --db, not both")
    return bool(server) or (db is None and bool(load_settings().server_url))


@contextmanager
def opened_store(db: str | None, scans: Path | None = None) -> Iterator[Records]:
    """Open the records of a server for reading, beside it or without it: in a file, or in PostgreSQL."""
    from contextlib import closing

    from ..api.database import Database
    from ..archive.journal import Archive
    from ..evidence.looker import Looker

    settings = server_settings(db, scans)
    if isinstance(settings.place, Path) and not settings.place.is_file():
        raise UsageError(f"{settings.place} is no database: give --db, or --server to ask one")
    with closing(Database(settings.place, busy_s=settings.busy_s)) as database, Looker() as looker:
        yield Records(database, Archive(settings.scans_path), settings, looker)


def found_in(store: Records, result_id: str) -> "Gathered":
    """Return all that was kept of a result; raises `EvidenceMissing` where there is none."""
    from ..api.evidence.gather import gather_result

    found = gather_result(store, result_id)
    if found is None:
        raise EvidenceMissing(f"there is no result {result_id} in this database")
    return found


@contextmanager
def written(out: Path) -> Iterator[Path]:
    """Have a name to write to that becomes a file's own at the end: whole or not at all."""
    part = out.with_name(f".{out.name}.part")
    try:
        yield part
        part.replace(out)
    except OSError as error:
        if isinstance(error, ServiceError):
            raise
        raise UsageError(f"{out} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def fetch(server: str, path: str, out: Path) -> None:
    """Fetch a file from a server to a path, whole or not at all.

    Parameters
    ----------
    server
        Its address; empty for the configured one.

    Raises
    ------
    ServerUnreachable, ServerRefused
        No server answers, or it says no.
    """
    import httpx

    settings = load_settings()
    address = server or settings.server_url
    if not address:
        raise ServerUnreachable("no server is configured: give --server URL, or --db on its machine")
    headers = bearer(settings)
    try:
        with (
            written(out) as part,
            httpx.Client(
                base_url=address, headers=headers, timeout=httpx.Timeout(120.0, connect=5.0)
            ) as client,
            client.stream("GET", path) as response,
        ):
            if response.status_code != 200:
                _refused(address, response)
            _saved(response, part)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ServerUnreachable(f"{address} is out of reach: {error or type(error).__name__}") from error


def _saved(response: "httpx.Response", part: Path) -> None:
    size = 0
    with part.open("wb") as file:
        for piece in response.iter_bytes():
            size += len(piece)
            if size > MAX_BYTES:
                raise ServerUnreachable("the answer has no end; is the address right?")
            file.write(piece)


def _refused(address: str, response: "httpx.Response") -> None:
    from ..replies import json_object, read_bounded

    answer = json_object(response, read_bounded(response, 1 << 20)) or {}
    said = " ".join(str(answer.get("detail") or answer.get("title") or "").split())[:300]
    if response.status_code == 404:
        raise EvidenceMissing(f"{address}: {said or 'there is no such result'}")
    hint = f"; set OPIOSCAN_TOKEN to a token of a {ROLES}" if response.status_code in {401, 403} else ""
    raise ServerRefused(f"{address} answered {response.status_code}: {said}{hint}")
