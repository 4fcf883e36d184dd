"""What people say of answers, and which passages those answers stood on."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
CHUNK_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("collection_id", sa.String(32), nullable=False),
        sa.Column("request_id", sa.String(128), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("adapter", sa.String(64), nullable=True),
        sa.Column("adapter_version", sa.String(80), nullable=True),
        sa.Column("rating", sa.String(8), nullable=False),
        sa.Column("correction", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name="fk_feedback_collection_id_collections"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_feedback"),
        sa.UniqueConstraint("collection_id", "request_id", name="uq_feedback_collection_id"),
    )
    op.create_table(
        "feedback_sources",
        sa.Column("feedback_id", sa.String(32), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("chunk_id", CHUNK_ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["feedback_id"],
            ["feedback.id"],
            name="fk_feedback_sources_feedback_id_feedback",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["chunk_id"], ["chunks.id"], name="fk_feedback_sources_chunk_id_chunks"),
        sa.PrimaryKeyConstraint("feedback_id", "place", name="pk_feedback_sources"),
    )
    op.create_index("ix_feedback_sources_chunk_id", "feedback_sources", ["chunk_id"])
