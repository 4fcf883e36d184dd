"""Versions are found by their bytes and by their status, however many there are."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_index("ix_versions_sha256", "versions", ["sha256"])
    op.create_index("ix_versions_status", "versions", ["status"])
