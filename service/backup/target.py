"""The database that a backup is restored into."""

from sqlalchemy import Connection, func, inspect, select, text

from ..api.errors import BackupRefused
from ..api.migrating import revision
from ..api.tables import ChainHead, table_of
from .form import kept_tables


def require_empty(connection: Connection, wanted: str) -> None:
    """Refuse a database with records, or one made for another step than the backup's."""
    found = revision(connection)
    if found is None:
        return
    head = table_of(ChainHead)
    if connection.execute(select(head.c.seq)).scalar():
        raise BackupRefused("the database holds records already: restore into an empty one")
    if found != wanted:
        raise BackupRefused(
            f"the backup is of version {wanted[:32]} and the database is of {found}: restore into a new one"
        )


def count_on(connection: Connection) -> None:
    """Let new rows get numbers after those that were restored; SQLite does so by itself."""
    for table in kept_tables():
        column = table.autoincrement_column
        there = inspect(connection).has_table(table.name)
        if column is None or not there:
            continue
        asked = {"table": table.name, "column": column.name}
        counter = connection.execute(text("SELECT pg_get_serial_sequence(:table, :column)"), asked).scalar()
        last = connection.execute(select(func.max(column))).scalar()
        if counter is not None and last is not None:
            connection.execute(text("SELECT setval(:counter, :last)"), {"counter": counter, "last": last})
