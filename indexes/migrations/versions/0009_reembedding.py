"""Re-embeddings that run beside what answers, and their vectors until the collection takes them over."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
CHUNK_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "re_embeddings",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("job_id", sa.String(32), nullable=False),
        sa.Column("collection_id", sa.String(32), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("embedder", sa.String(255), nullable=False),
        sa.Column("dim", sa.Integer(), nullable=False),
        sa.Column("query_prompt", sa.Text(), nullable=False),
        sa.Column("passage_prompt", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("chunks_done", sa.Integer(), nullable=False),
        sa.Column("chunks_total", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.String(64), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("finished_at", sa.Float(), nullable=True),
        sa.Column("cleared_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_re_embeddings_job_id_jobs"),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name="fk_re_embeddings_collection_id_collections"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_re_embeddings"),
    )
    op.create_index("ix_re_embeddings_job_id", "re_embeddings", ["job_id"])
    op.create_index("ix_re_embeddings_collection_id", "re_embeddings", ["collection_id"])
    op.create_table(
        "new_vectors",
        sa.Column("chunk_id", CHUNK_ID, nullable=False),
        sa.Column("re_embedding_id", sa.String(32), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["chunk_id"], ["chunks.id"], name="fk_new_vectors_chunk_id_chunks", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["re_embedding_id"],
            ["re_embeddings.id"],
            name="fk_new_vectors_re_embedding_id_re_embeddings",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("chunk_id", "re_embedding_id", name="pk_new_vectors"),
    )
    op.create_index("ix_new_vectors_re_embedding_id", "new_vectors", ["re_embedding_id"])
    op.add_column("snapshots", sa.Column("passage_prompt", sa.Text(), nullable=False, server_default=""))
    of_collection = "SELECT passage_prompt FROM collections WHERE collections.id = snapshots.collection_id"
    op.execute(f"UPDATE snapshots SET passage_prompt = ({of_collection})")  # noqa: S608  no input in it
