"""Methods kept as evidence."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "method_files",
        sa.Column("row", sa.Integer(), primary_key=True),
        sa.Column("file_id", sa.String(), nullable=False, unique=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("method_digest", sa.String(), nullable=False),
        sa.Column("library_digest", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("token_id", sa.String(), sa.ForeignKey("tokens.token_id"), nullable=False),
        sa.Column("received_at", sa.String(), nullable=False),
    )
    op.create_index("ix_method_files_method_digest", "method_files", ["method_digest"])


def downgrade() -> None:
    raise NotImplementedError("records are never taken back")
