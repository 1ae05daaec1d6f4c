"""Scopes of tokens, limits."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tokens", sa.Column("scopes", sa.String(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("records are never taken back")
