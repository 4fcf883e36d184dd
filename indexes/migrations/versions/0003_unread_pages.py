"""Versions name the pages that could not be read."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("versions", sa.Column("unread_pages", sa.JSON(), nullable=True))
