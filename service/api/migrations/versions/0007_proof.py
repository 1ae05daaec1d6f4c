"""Legal holds; the head counts events by kind; everything that was there before is sealed."""

import sqlalchemy as sa
from alembic import op

from service.api.clock import utc_now
from service.api.events import chain
from service.api.events.paging import pages
from service.api.events.sealing import make_sealer, sealed_tables

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

#: Rows sealed by one event (chosen: about 50 kB of data).
_BATCH = 500


def _text(name: str, *, nullable: bool = False, unique: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable, unique=unique)


def upgrade() -> None:
    op.create_table(
        "legal_holds",
        sa.Column("row", sa.Integer(), primary_key=True),
        _text("hold_id", unique=True),
        sa.Column("parcel_id", sa.String(), sa.ForeignKey("parcels.parcel_id"), nullable=False),
        _text("why"),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        _text("placed_at"),
        _text("placed_by"),
        _text("lifted_at", nullable=True),
        _text("lifted_by", nullable=True),
    )
    op.create_index("ix_legal_holds_parcel_id", "legal_holds", ["parcel_id"])
    op.add_column("chain_head", sa.Column("counts", sa.String(), nullable=False, server_default="{}"))
    _seal(op.get_bind())


def _seal(connection: sa.Connection) -> None:
    """Append events that carry the digests of all rows; a new database has none and gets none."""
    events = sa.table(
        "events",
        *(sa.column(name) for name in ("seq", "type", "at", "actor", "subject", "data", "prev_hash", "hash")),
    )
    head = sa.table("chain_head", *(sa.column(name) for name in ("seq", "hash", "counts")))
    end = connection.execute(sa.select(head.c.seq, head.c.hash)).one()
    place, now = (end.seq, end.hash), utc_now()
    there = set(sa.inspect(connection).get_table_names())
    for table in sealed_tables():
        if table.name not in there:
            continue  # a later step makes it
        # Columns of later steps are not there yet; the digest leaves them out while they say nothing.
        present = {one["name"] for one in sa.inspect(connection).get_columns(table.name)}
        names = [one.name for one in table.columns if one.name in present]
        sealer = make_sealer(table)
        for page in pages(connection, table, names, size=_BATCH):
            data = {"rows": {sealer.key(row): sealer.digest(row) for row in page}}
            link = chain.next_link(
                place, kind="records.sealed", at=now, actor="upgrade:0007", subject="records", data=data
            )
            connection.execute(events.insert(), link)
            place = (link["seq"], link["hash"])
    kinds = connection.execute(sa.select(events.c.type, sa.func.count()).group_by(events.c.type))
    counts = chain.counts_text({str(kind): int(many) for kind, many in kinds})
    connection.execute(head.update().values(seq=place[0], hash=place[1], counts=counts))


def downgrade() -> None:
    raise NotImplementedError("records are never taken back")
