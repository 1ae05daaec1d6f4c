"""The first tables; results and events can be added, never changed."""

import sqlalchemy as sa
from alembic import op

from service.api.migrations.immutable import never_changed
from service.api.tables.base import BIG

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(name: str, *, nullable: bool = False, unique: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable, unique=unique)


def _link(name: str, target: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), sa.ForeignKey(target), nullable=False)


def _row() -> sa.Column[int]:
    return sa.Column("row", BIG, primary_key=True)


def upgrade() -> None:
    _tokens_and_keys()
    _parcels_and_screenings()
    _scans_and_results()
    _chain()
    never_changed("results")
    never_changed("events")


def _tokens_and_keys() -> None:
    op.create_table(
        "tokens",
        sa.Column("token_id", sa.String(), primary_key=True),
        _text("role"),
        _text("name"),
        _text("digest", unique=True),
        _text("created_at"),
        _text("expires_at", nullable=True),
        _text("revoked_at", nullable=True),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("token_id", sa.String(), primary_key=True),
        sa.Column("operation", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), primary_key=True),
        _text("request_digest"),
        sa.Column("status", sa.Integer(), nullable=False),
        _text("body"),
        _text("created_at"),
    )


def _parcels_and_screenings() -> None:
    op.create_table(
        "parcels",
        _row(),
        _text("parcel_id", unique=True),
        _text("item_id"),
        _text("item_key"),
        _text("item_id_type"),
        _text("label_problem"),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        _text("created_at"),
    )
    op.create_index("parcels_by_key", "parcels", ["item_key", "row"])
    op.create_table(
        "screenings",
        _row(),
        _text("screening_id", unique=True),
        _link("parcel_id", "parcels.parcel_id"),
        _text("bench"),
        _text("body_digest"),
        _text("state"),
        _text("opened_at"),
        _text("completed_at", nullable=True),
        _text("finding", nullable=True),
    )
    op.create_index("screenings_by_parcel", "screenings", ["parcel_id", "row"])


def _scans_and_results() -> None:
    op.create_table(
        "scans",
        _row(),
        _text("scan_id", unique=True),
        sa.Column("size", sa.Integer(), nullable=False),
        _text("role"),
        _text("screening_id"),
        sa.Column("spot", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        _text("taken_at"),
        _text("received_at"),
    )
    op.create_table(
        "results",
        _row(),
        _text("result_id", unique=True),
        _link("screening_id", "screenings.screening_id"),
        _link("parcel_id", "parcels.parcel_id"),
        _link("scan_id", "scans.scan_id"),
        _text("verdict"),
        sa.Column("training", sa.Boolean(), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        _text("identification"),
        _text("device"),
        _text("record_digest"),
        _text("received_at"),
    )
    op.create_index("results_by_screening", "results", ["screening_id", "row"])
    op.create_index("results_by_parcel", "results", ["parcel_id", "row"])
    op.create_table(
        "result_people",
        sa.Column("result_id", sa.String(), sa.ForeignKey("results.result_id"), primary_key=True),
        _text("operator"),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
    )


def _chain() -> None:
    op.create_table(
        "events",
        sa.Column("seq", BIG, primary_key=True, autoincrement=False),
        _text("type"),
        _text("at"),
        _text("actor"),
        _text("subject"),
        _text("data"),
        _text("prev_hash"),
        _text("hash"),
    )
    head = op.create_table(
        "chain_head",
        sa.Column("only", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("seq", BIG, nullable=False),
        _text("hash"),
    )
    op.bulk_insert(head, [{"only": 1, "seq": 0, "hash": "0" * 64}])


def downgrade() -> None:
    raise NotImplementedError("records are never taken back")
