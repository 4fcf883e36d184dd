"""Training files, tunings and what happened in them; adapters that were proven."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "training_files",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_training_files"),
    )
    op.create_index("ix_training_files_sha256", "training_files", ["sha256"])
    op.create_table(
        "tunings",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("adapter", sa.String(64), nullable=False),
        sa.Column("base_model", sa.Text(), nullable=False),
        sa.Column("training_file", sa.String(64), nullable=False),
        sa.Column("validation_file", sa.String(64), nullable=True),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("error_code", sa.String(64), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("error_param", sa.String(64), nullable=True),
        sa.Column("figures", sa.JSON(), nullable=True),
        sa.Column("results", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("finished_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_tunings"),
    )
    op.create_table(
        "tuning_events",
        sa.Column("number", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("tuning_id", sa.String(64), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("level", sa.String(8), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["tuning_id"], ["tunings.id"], name="fk_tuning_events_tuning_id_tunings"),
        sa.PrimaryKeyConstraint("number", name="pk_tuning_events"),
    )
    op.create_index("ix_tuning_events_tuning_id", "tuning_events", ["tuning_id"])
    op.add_column("adapters", sa.Column("proof", sa.JSON(), nullable=True))
