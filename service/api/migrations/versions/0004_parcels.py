"""Parcels at work: sandbox, risk, advance data, queue, merging, links, dispositions."""

import secrets
import uuid
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

#: Rows and events are numbered so on PostgreSQL; on SQLite every INTEGER has 64 bits.
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

#: Screenings taken up at a time: some hundred kilobytes.
_BATCH = 1000
#: Rank of a parcel nobody has said anything about, as `parcels.queue.rank_of` had it then.
_UNKNOWN_RANK = 1_000_000


def _text(name: str, *, nullable: bool = False, unique: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable, unique=unique)


def _tied(name: str, to: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), sa.ForeignKey(to), primary_key=key, nullable=False)


def _salt() -> sa.Column[bytes]:
    return sa.Column("salt", sa.LargeBinary(), nullable=False)


def upgrade() -> None:
    op.add_column("parcels", sa.Column("sandbox", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("parcels", sa.Column("risk_score", sa.Double(), nullable=True))
    op.add_column("parcels", sa.Column("known_shipper", sa.Boolean(), nullable=True))
    op.add_column("parcels", _text("merged_into", nullable=True))
    op.add_column("screenings", sa.Column("site", sa.String(), nullable=False, server_default=""))
    op.add_column("screenings", _text("operation_id", nullable=True))
    _advance()
    _queue()
    _links()
    _dispositions()


def _advance() -> None:
    op.create_table(
        "parcel_advance",
        _tied("parcel_id", "parcels.parcel_id", key=True),
        _text("sender_name"),
        _text("sender_address"),
        _salt(),
        _tied("token_id", "tokens.token_id"),
        _text("updated_at"),
    )
    op.create_table(
        "parcel_declarations",
        _tied("parcel_id", "parcels.parcel_id", key=True),
        _text("body"),
        _tied("token_id", "tokens.token_id"),
        _text("updated_at"),
    )
    op.create_table(
        "parcel_merges",
        _tied("parcel_id", "parcels.parcel_id", key=True),
        _tied("into", "parcels.parcel_id"),
        _text("why"),
        _salt(),
        _text("made_by"),
        _text("made_at"),
    )


def _queue() -> None:
    queue = op.create_table(
        "parcel_queue",
        sa.Column("parcel_row", _BIG, sa.ForeignKey("parcels.row"), primary_key=True, autoincrement=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        _text("site"),
        _text("created_at"),
    )
    op.create_index("parcel_queue_by_rank", "parcel_queue", ["rank", "parcel_row"])
    op.create_index("parcel_queue_by_site", "parcel_queue", ["site", "rank", "parcel_row"])
    op.create_index("ix_parcel_queue_created_at", "parcel_queue", ["created_at"])
    parcels = sa.table("parcels", sa.column("row"), sa.column("parcel_id"), sa.column("created_at"))
    screenings = sa.table("screenings", sa.column("parcel_id"))
    screened = sa.exists().where(screenings.c.parcel_id == parcels.c.parcel_id)
    waiting = sa.select(parcels.c.row, sa.literal(_UNKNOWN_RANK), sa.literal(""), parcels.c.created_at)
    names = ["parcel_row", "rank", "site", "created_at"]
    op.execute(queue.insert().from_select(names, waiting.where(~screened)))


def _links() -> None:
    links = op.create_table(
        "links",
        sa.Column("row", sa.Integer(), primary_key=True),
        _text("link_id", unique=True),
        _tied("screening_id", "screenings.screening_id"),
        _tied("parcel_id", "parcels.parcel_id"),
        _text("reference"),
        _text("supersedes", nullable=True),
        _text("why"),
        _salt(),
        _text("made_by"),
        _text("made_at"),
    )
    op.create_index("links_by_screening", "links", ["screening_id", "row"])
    op.create_index("links_by_parcel", "links", ["parcel_id", "row"])
    _link_all(links)


def _link_all(links: sa.Table) -> None:
    """Give the screenings of before the link they would have been opened with."""
    names = ("row", "screening_id", "parcel_id", "opened_at")
    screenings, last = sa.table("screenings", *(sa.Column(name) for name in names)), 0
    while True:
        chosen = sa.select(screenings).where(screenings.c.row > last).order_by(screenings.c.row)
        found = op.get_bind().execute(chosen.limit(_BATCH)).all()
        if not found:
            return
        last = found[-1].row
        op.bulk_insert(links, [_link(*one[1:]) for one in found])


def _link(screening_id: str, parcel_id: str, opened_at: str) -> dict[str, Any]:
    return {
        "link_id": str(uuid.uuid4()),
        "screening_id": screening_id,
        "parcel_id": parcel_id,
        "reference": "",
        "supersedes": None,
        "why": "",
        "salt": secrets.token_bytes(16),
        "made_by": "upgrade",
        "made_at": opened_at,
    }


def _dispositions() -> None:
    op.create_table(
        "dispositions",
        sa.Column("row", sa.Integer(), primary_key=True),
        _text("disposition_id", unique=True),
        _tied("parcel_id", "parcels.parcel_id"),
        _text("decision"),
        sa.Column("compliant", sa.Boolean(), nullable=True),
        _text("decided_at"),
        _text("reference"),
        _text("note"),
        _salt(),
        _text("supersedes", nullable=True),
        _tied("token_id", "tokens.token_id"),
        _text("recorded_at"),
    )
    op.create_index("dispositions_by_parcel", "dispositions", ["parcel_id", "row"])


def downgrade() -> None:
    raise NotImplementedError("records are never taken back")
