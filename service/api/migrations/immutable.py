"""Tables whose rows are added and never changed, kept so by the database itself."""

from alembic import op

_FUNCTION = """
CREATE OR REPLACE FUNCTION opioscan_never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% are never changed', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def never_changed(table: str) -> None:
    """Make the database refuse to change or delete rows of a table."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_FUNCTION)
        calls = "EXECUTE FUNCTION opioscan_never_changed()"
        op.execute(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {calls}"
        )
        op.execute(f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} {calls}")
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} are never changed'); END"
        )
