"""Restoring a backup into an empty database, all in one transaction: whole and proven, or not at all."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sqlalchemy.exc import DBAPIError, StatementError

from ..api.database import only_server
from ..api.engines import WRITING, is_server, open_engine
from ..api.errors import BackupRefused
from ..api.failures import explained
from ..api.heads_key import server_folder
from ..api.places import is_url
from ..api.settings import ServerSettings
from ..errors import ServiceError
from .heads import HeadsBack
from .reading import members
from .taking import Restored, Taker

Progress = Callable[[float], None]


def restore_backup(
    settings: ServerSettings,
    source: Path,
    *,
    progress: Callable[[int], Progress] | None = None,
    despite_heads: bool = False,
) -> Restored:
    """Restore a backup.

    Parameters
    ----------
    settings
        Where the server is to keep its things: the database must be empty or not there yet.
    source
        The backup.
    progress
        Called with the bytes to come; returns what takes how many more were done.
    despite_heads
        Restore records that the signed heads of the backup contradict too: events were cut off or made anew
        before it was made, and `audit verify` goes on naming them.

    Raises
    ------
    BackupRefused
        The backup is damaged, cut off or none, or its chain is broken, or there are records already.
    """
    with only_server(settings.place):
        made = _prepare(settings)
        try:
            return _restored(settings, source, progress, despite_heads=despite_heads)
        except BaseException:
            if made:
                for name in ("", "-wal", "-shm"):
                    with suppress(OSError):
                        settings.db_path.with_name(settings.db_path.name + name).unlink()
            raise


def _prepare(settings: ServerSettings) -> bool:
    """Make the file of the database, and return whether that was new."""
    if is_url(settings.place) or settings.db_path.exists():
        return False
    settings.db_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.db_path.touch(mode=0o600)
    return True


def _restored(
    settings: ServerSettings,
    source: Path,
    progress: Callable[[int], Progress] | None,
    *,
    despite_heads: bool,
) -> Restored:
    engine = open_engine(settings.place, settings.busy_s)
    heads = HeadsBack(server_folder(settings))
    try:
        with engine.execution_options(**{WRITING: True}).begin() as connection:
            if is_server(connection):
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            taker = Taker(connection, settings, heads)
            step = progress(source.stat().st_size) if progress else None
            for member, data in members(source):
                taker.take(member, data)
                if step is not None:
                    step(len(data))
            taker.finish(despite_heads=despite_heads)
        return taker.done
    except OSError as error:
        if isinstance(error, ServiceError):
            raise
        raise BackupRefused(f"{error.filename or source}: {error.strerror or error}") from error
    except StatementError as error:
        meant = explained(error) if isinstance(error, DBAPIError) else None
        raise meant or BackupRefused(
            "the rows of the backup do not fit the tables; nothing was restored"
        ) from error
    finally:
        heads.close()
        engine.dispose()
