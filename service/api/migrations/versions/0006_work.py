"""Operations, reviews, measures."""

import sqlalchemy as sa
from alembic import op

from service.api.migrations.frozen.measures_0006 import Counting

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _text(name: str, *, nullable: bool = False, unique: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable, unique=unique)


def _flag(name: str, *, nullable: bool = False) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _row() -> sa.Column[int]:
    return sa.Column("row", sa.Integer(), primary_key=True)


def _to(name: str, place: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), sa.ForeignKey(place), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "operations",
        _row(),
        _text("operation_id", unique=True),
        _number("version"),
        _text("body"),
        _text("starts_at"),
        _text("ends_at", nullable=True),
        _text("created_at"),
        _text("changed_at"),
    )
    _reviews()
    _measures()
    Counting(op.get_bind()).run()


def _reviews() -> None:
    op.create_table(
        "reviews",
        _row(),
        _text("review_id", unique=True),
        _text("kind"),
        _to("screening_id", "screenings.screening_id"),
        _to("result_id", "results.result_id", nullable=True),
        _text("site"),
        _flag("training"),
        _flag("emulated"),
        _text("asked_by"),
        _text("asked_at"),
        _text("question"),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        _number("chance_ppm", nullable=True),
        _text("closed_at", nullable=True),
        _text("outcome", nullable=True),
        _flag("confirmed", nullable=True),
    )
    op.create_index("reviews_by_screening", "reviews", ["screening_id", "row"])
    op.create_index("reviews_by_result", "reviews", ["result_id", "row"])
    op.create_index("reviews_open", "reviews", ["closed_at", "row"])
    op.create_table(
        "review_answers",
        _row(),
        _text("answer_id", unique=True),
        _to("review_id", "reviews.review_id"),
        _text("outcome"),
        _flag("confirmed", nullable=True),
        _text("laboratory", nullable=True),
        _to("token_id", "tokens.token_id"),
        _text("at"),
        _text("note"),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
    )
    op.create_index("review_answers_by_review", "review_answers", ["review_id", "row"])


def _measures() -> None:
    key = ("grain", "period", "site", "operation_id", "bench", "training", "emulated")
    op.create_table(
        "measure_keys",
        _row(),
        *(_text(name) for name in key[:5]),
        *(_flag(name) for name in key[5:]),
        _text("others"),
        sa.UniqueConstraint(*key, name="measure_keys_once"),
    )
    op.create_index("measure_keys_by_bench", "measure_keys", ["bench", "grain", "period"])
    for table, part in (
        ("measure_counts", sa.Column("metric", sa.String(), primary_key=True)),
        ("measure_hours", sa.Column("hour", sa.Integer(), primary_key=True, autoincrement=False)),
    ):
        key_row = sa.Column(
            "key_row", sa.Integer(), sa.ForeignKey("measure_keys.row"), primary_key=True, autoincrement=False
        )
        op.create_table(table, key_row, part, _number("n"), sqlite_with_rowid=False)
    op.create_table(
        "measured_screenings",
        sa.Column("screening_id", sa.String(), sa.ForeignKey("screenings.screening_id"), primary_key=True),
        _text("parcel_id"),
        sa.Column("key_row", sa.Integer(), sa.ForeignKey("measure_keys.row"), nullable=False),
        _text("opened_at"),
        _text("counted"),
    )
    op.create_index("ix_measured_screenings_parcel_id", "measured_screenings", ["parcel_id"])
    op.create_table(
        "measured_verifications",
        sa.Column("scan_id", sa.String(), sa.ForeignKey("verifications.scan_id"), primary_key=True),
        _text("site"),
        _text("operation_id"),
        sa.Column("emulated", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    raise NotImplementedError("records are never taken back")
