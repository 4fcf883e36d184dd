"""Whose turn it is: priority of jobs; tenant and priority of what waits."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("priority", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("versions", sa.Column("priority", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("versions", sa.Column("tenant", sa.String(64), nullable=False, server_default=""))
    op.execute(
        "UPDATE versions SET tenant = (SELECT tenant FROM jobs WHERE jobs.id = versions.job_id) "
        "WHERE status IN ('queued', 'processing')"
    )
    waiting = sa.text("status IN ('queued', 'processing')")
    op.create_index(
        "ix_versions_waiting",
        "versions",
        ["tenant", "priority", "created_at", "ordinal"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
