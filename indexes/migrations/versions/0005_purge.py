"""What was deleted is purged: collections know up to which change, snapshots since when they were built."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("collections", sa.Column("purged_seq", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("collections", sa.Column("purged_at", sa.Float(), nullable=True))
    op.add_column("documents", sa.Column("purged_at", sa.Float(), nullable=True))
    op.add_column("snapshots", sa.Column("built_seq", sa.BigInteger(), nullable=False, server_default="0"))
