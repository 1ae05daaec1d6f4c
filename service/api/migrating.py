"""Bringing a database to the present version of the tables."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from .errors import StoreTooNew

_STEPS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection) -> None:
    """Apply the missing steps, all in the transaction that the connection is in.

    Raises
    ------
    StoreTooNew
        A later version of this software made the database.
    """
    config = Config()
    config.set_main_option("script_location", str(_STEPS).replace("%", "%%"))
    config.attributes["connection"] = connection
    head = ScriptDirectory.from_config(config).get_current_head()
    found = MigrationContext.configure(connection).get_current_revision()
    if found == head:
        return
    try:
        command.upgrade(config, "head")
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
