"""Chunks carry what lexical search needs: their context, their language and their analysed terms."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("chunks", sa.Column("context", sa.Text(), server_default="", nullable=False))
    op.add_column("chunks", sa.Column("language", sa.String(length=8), nullable=True))
    op.add_column("chunks", sa.Column("terms", sa.Text(), nullable=True))
