"""Engines for both kinds of database, with what makes their transactions mean the same.

A transaction that writes has the database to itself: on SQLite by ``BEGIN IMMEDIATE``, on PostgreSQL by
the lock on the head row of the chain, which every writer takes first. One that reads sees one state.
"""

import socket
import ssl
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, select

from ..errors import MissingPart
from .places import ServerPlace, is_url, server_place
from .tables import ChainHead, table_of

#: Option of connections that write.
WRITING = "opioscan_writing"
#: Option of connections for one plain question, which is consistent by itself.
PLAIN = "opioscan_plain"
#: How long connecting to a server may take, s (chosen: machines of one site).
CONNECT_S = 10.0
#: Longest statement of a request, s (chosen: far above all of them).
STATEMENT_S = 60.0
#: After how long without a word a server counts as gone, s (chosen: above an upgrade of a million results).
SILENT_S = 1800.0
#: Connections kept open; FastAPI answers forty requests at a time.
_KEPT, _MORE = 8, 40


_HEAD = select(table_of(ChainHead).c.seq).where(table_of(ChainHead).c.only == 1).with_for_update()


def open_engine(place: Path | str, busy_s: float) -> Engine:
    """Return the engine for a place.

    Raises
    ------
    MissingPart
        It is a PostgreSQL server's, and its driver is not installed.
    """
    engine = (
        _server_engine(server_place(str(place)), busy_s) if is_url(place) else _file_engine(place, busy_s)
    )
    event.listen(engine, "begin", _begin)
    return engine


def is_server(connection: Connection) -> bool:
    """Whether a connection leads to a database server, and to no file."""
    return connection.dialect.name == "postgresql"


def _file_engine(path: Path | str, busy_s: float) -> Engine:
    arguments = {"timeout": busy_s, "isolation_level": None, "cached_statements": 512}
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args=arguments,
        pool_size=_KEPT,
        max_overflow=_MORE,
        pool_timeout=busy_s,
        # The connection that was used last has pages in its cache.
        pool_use_lifo=True,
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: Any, _: object) -> None:
    # https://www.sqlite.org/pragma.html: FULL syncs the log at each commit, so that an answer
    # that was given survives a power cut.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
        connection.execute(f"PRAGMA {pragma}").close()


def _server_engine(place: ServerPlace, busy_s: float) -> Engine:
    try:
        import pg8000  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingPart(
            "PostgreSQL needs the Python package 'pg8000'; install it with: "
            "python -m pip install 'opioscan[postgresql]'"
        ) from error
    url = URL.create(
        "postgresql+pg8000",
        username=place.user,
        password=place.password,
        host=place.host or None,
        port=place.port if place.host else None,
        database=place.name,
    )
    # https://www.postgresql.org/docs/current/runtime-config-client.html; the values are texts.
    limits = {
        "lock_timeout": f"{max(1, round(busy_s * 1000))}ms",
        "statement_timeout": f"{round(STATEMENT_S * 1000)}ms",
        "idle_in_transaction_session_timeout": f"{round(STATEMENT_S * 1000)}ms",
    }
    arguments: dict[str, Any] = {
        "timeout": SILENT_S,
        "ssl_context": _tls(place.tls),
        "application_name": "opioscan",
        "startup_params": limits,
    }
    if place.folder:
        arguments["unix_sock"] = f"{place.folder}/.s.PGSQL.{place.port}"
    engine = create_engine(
        url,
        connect_args=arguments,
        pool_pre_ping=True,
        pool_size=_KEPT,
        max_overflow=_MORE,
        pool_timeout=busy_s,
        hide_parameters=True,
    )
    # The driver sends many rows one by one, each with two answers to wait for, and every other writer waits
    # meanwhile: one statement with many rows in its place (SQLAlchemy 2.0, "Insert Many Values").
    engine.dialect.use_insertmanyvalues_wo_returning = True
    if place.host:
        event.listen(engine, "do_connect", _dial)
    return engine


def _tls(mode: str) -> ssl.SSLContext | bool:
    if mode == "disable":
        return False
    context = ssl.create_default_context()
    if mode == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _dial(_dialect: object, _record: object, _arguments: object, options: dict[str, Any]) -> None:
    # The driver has one time-out for connecting and for every answer; these are two things.
    from pg8000.exceptions import InterfaceError

    try:
        dialled = socket.create_connection((options["host"], options["port"]), CONNECT_S)
    except OSError as error:
        raise InterfaceError(f"network error on connecting: {error.strerror or error}") from error
    dialled.settimeout(SILENT_S)
    dialled.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options["sock"] = dialled


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get(PLAIN, False):
        return
    writing = options.get(WRITING, False)
    if not is_server(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
    elif not writing:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def take_turn(connection: Connection) -> None:
    """Wait until no other process writes; for the first statement of a transaction that writes."""
    if is_server(connection):
        # After the wait each statement sees what was committed meanwhile (READ COMMITTED).
        connection.execute(_HEAD)
