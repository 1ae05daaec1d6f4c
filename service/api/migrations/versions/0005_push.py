"""Webhooks and deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

#: Rows and events are numbered so on PostgreSQL; on SQLite every INTEGER has 64 bits.
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str, *, nullable: bool = False, unique: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable, unique=unique)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def upgrade() -> None:
    op.create_index("events_by_type", "events", ["type", "seq"])
    op.create_table(
        "webhooks",
        sa.Column("row", sa.Integer(), primary_key=True),
        _text("webhook_id", unique=True),
        sa.Column("token_id", sa.String(), sa.ForeignKey("tokens.token_id"), nullable=False),
        _text("url"),
        _text("types"),
        _text("description"),
        _text("state"),
        _text("why"),
        _text("secret"),
        _text("old_secret", nullable=True),
        _text("old_until", nullable=True),
        _text("created_at"),
        _text("changed_at"),
    )
    op.create_index("ix_webhooks_token_id", "webhooks", ["token_id"])
    op.create_index("ix_webhooks_state", "webhooks", ["state"])
    _lines()
    _deliveries()


def _lines() -> None:
    op.create_table(
        "webhook_lines",
        sa.Column("webhook_id", sa.String(), sa.ForeignKey("webhooks.webhook_id"), primary_key=True),
        _number("cursor"),
        _number("replay_until", nullable=True),
        _number("resume_at", nullable=True),
        _number("attempts"),
        _text("next_at", nullable=True),
        _text("failing_since", nullable=True),
        _text("last_error"),
        _number("delivered"),
        _text("delivered_at", nullable=True),
        _text("lease_owner"),
        _text("lease_until"),
        _number("epoch"),
    )


def _deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("row", sa.Integer(), primary_key=True),
        _text("delivery_id", unique=True),
        sa.Column("webhook_id", sa.String(), sa.ForeignKey("webhooks.webhook_id"), nullable=False),
        sa.Column("seq", _BIG, sa.ForeignKey("events.seq"), nullable=False),
        _text("state"),
        _number("attempts"),
        _text("first_at"),
        _text("last_at"),
        _text("next_at", nullable=True),
        _number("status", nullable=True),
        _text("error"),
    )
    columns = ["webhook_id", "seq"]
    op.create_index("webhook_deliveries_by_event", "webhook_deliveries", columns, unique=True)
    op.create_index("webhook_deliveries_by_state", "webhook_deliveries", ["webhook_id", "state", "row"])


def downgrade() -> None:
    raise NotImplementedError("records are never taken back")
