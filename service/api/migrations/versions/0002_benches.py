"""Benches that report, and their last reports."""

import sqlalchemy as sa
from alembic import op

from service.api.tables.base import BIG

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "benches",
        sa.Column("row", BIG, primary_key=True),
        sa.Column("bench", sa.String(), nullable=False, unique=True),
        sa.Column("token_id", sa.String(), sa.ForeignKey("tokens.token_id"), nullable=False, unique=True),
        sa.Column("facts", sa.String(), nullable=False),
        sa.Column("method_name", sa.String(), nullable=True),
        sa.Column("method_version", sa.Integer(), nullable=True),
        sa.Column("method_digest", sa.String(), nullable=True),
        sa.Column("release_number", sa.Integer(), nullable=True),
        sa.Column("first_at", sa.String(), nullable=False),
        sa.Column("changed_at", sa.String(), nullable=False),
    )
    op.create_table(
        "bench_contacts",
        sa.Column("bench", sa.String(), sa.ForeignKey("benches.bench"), primary_key=True),
        sa.Column("received_at", sa.String(), nullable=False),
        sa.Column("report", sa.String(), nullable=False),
    )


def downgrade() -> None:
    raise NotImplementedError("records are never taken back")
