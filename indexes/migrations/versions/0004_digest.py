"""Chunks carry the digest of what was embedded, by which their vectors are found again."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("chunks", sa.Column("digest", sa.String(32), nullable=True))
    op.create_index("ix_chunks_collection_digest", "chunks", ["collection_id", "digest"])
