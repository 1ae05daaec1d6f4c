"""A database opened to be read only, as it is: nothing is upgraded, nothing is locked out."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from ..engines import open_engine
from ..errors import StoreTooNew, StoreUnreadable
from ..migrating import present_and_newest
from ..places import is_url, shown

#: How long to wait for the database, s.
_BUSY_S = 10.0


@contextmanager
def read_only(place: Path | str) -> Iterator[Connection]:
    """Open a database for reading, in a transaction that sees one state of it.

    Parameters
    ----------
    place
        SQLite file, or ``postgresql://`` URL.

    Raises
    ------
    StoreUnreadable
        It is not there, is damaged, or was made by an earlier version of this software.
    StoreTooNew
        A later version of this software made it.
    """
    engine = open_engine(place, _BUSY_S) if is_url(place) else _sqlite(Path(place))
    try:
        with engine.connect() as connection:
            _check_version(connection, place)
            yield connection
    except DBAPIError as error:
        raise StoreUnreadable(f"{shown(place)} cannot be read: {error.orig}") from error
    except SQLAlchemyError as error:
        raise StoreUnreadable(f"{shown(place)} cannot be read: {error}") from error
    finally:
        engine.dispose()


def _sqlite(path: Path) -> Engine:
    if not path.is_file():
        raise StoreUnreadable(f"{path} is not there")
    name = quote(str(path.absolute()))
    engine = create_engine(
        f"sqlite:///file:{name}?mode=ro&uri=true",
        connect_args={"isolation_level": None, "timeout": _BUSY_S},
        poolclass=NullPool,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def _prepare(connection: Any, _: object) -> None:
    # A text that is no text was put there by others; it is told of, and stops no proof.
    connection.text_factory = lambda data: data.decode(errors="surrogateescape")
    for pragma in ("query_only=ON", "trusted_schema=OFF"):
        connection.execute(f"PRAGMA {pragma}").close()


def _check_version(connection: Connection, place: Path | str) -> None:
    found, newest, known = present_and_newest(connection)
    if found == newest:
        return
    if found is None:
        raise StoreUnreadable(f"{shown(place)} is no database of an opioscan server")
    if not known:
        raise StoreTooNew(
            f"the database is of version {found}, this software knows up to {newest}: update the software"
        )
    raise StoreUnreadable(
        f"{shown(place)} is of version {found}, this software reads {newest}: start the server once, "
        "which brings it up to date"
    )
