"""Bringing a database to the present version of the tables."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from .errors import StoreTooNew, StoreUnsuitable

_STEPS = Path(__file__).parent / "migrations"
#: Lock under which one of several starting servers brings the tables up (chosen: "opio" in ASCII).
_LOCK = 0x6F70696F


def upgrade(connection: Connection, to: str = "head") -> None:
    """Apply the missing steps, all in the transaction that the connection is in.

    Several servers that start at once do so one after the other.

    Parameters
    ----------
    connection
        In a transaction that writes.
    to
        Step to stop at.

    Raises
    ------
    StoreTooNew
        A later version of this software made the database.
    StoreUnsuitable
        The database server keeps other characters, or sorts texts otherwise.
    """
    if connection.dialect.name == "postgresql":
        _prepare(connection)
    found = MigrationContext.configure(connection).get_current_revision()
    config = Config()
    config.set_main_option("script_location", str(_STEPS).replace("%", "%%"))
    config.attributes["connection"] = connection
    head = ScriptDirectory.from_config(config).get_current_head()
    if found == (head if to == "head" else to):
        return
    try:
        command.upgrade(config, to)
    except CommandError as error:
        raise StoreTooNew(
            f"the database is of version {found}, this software knows up to {head}: update the software"
        ) from error


def present_and_newest(connection: Connection) -> tuple[str | None, str | None, bool]:
    """Return a database's version, the one this software builds, and whether it knows the first of them."""
    config = Config()
    config.set_main_option("script_location", str(_STEPS).replace("%", "%%"))
    steps = ScriptDirectory.from_config(config)
    found = MigrationContext.configure(connection).get_current_revision()
    known = {one.revision for one in steps.walk_revisions()}
    return found, steps.get_current_head(), found in known


def revision(connection: Connection) -> str | None:
    """Return the step a database is at; None before the first."""
    return MigrationContext.configure(connection).get_current_revision()


def _prepare(connection: Connection) -> None:
    # Steps may take minutes, and so may the steps of the server before us.
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    # Cursors and prefixes are compared here and there: both must sort texts by code point.
    wanted = "SELECT 'B' < 'a' AND 'a-b' < 'aa' AND current_setting('server_encoding') = 'UTF8'"
    if not connection.exec_driver_sql(wanted).scalar():
        raise StoreUnsuitable(
            "the database must hold UTF-8 and sort texts by code point; make it with: CREATE DATABASE name "
            "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
        )
