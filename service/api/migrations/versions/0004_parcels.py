"""Parcels at work: sandbox, risk, merging; sites and operations of screenings."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("parcels", sa.Column("sandbox", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("parcels", sa.Column("risk_score", sa.Double(), nullable=True))
    op.add_column("parcels", sa.Column("known_shipper", sa.Boolean(), nullable=True))
    op.add_column("parcels", sa.Column("merged_into", sa.String(), nullable=True))
    op.add_column("screenings", sa.Column("site", sa.String(), nullable=False, server_default=""))
    op.add_column("screenings", sa.Column("operation_id", sa.String(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("records are never taken back")
