"""Run by Alembic with the connection that `indexes.database.upgrade` hands over."""

from alembic import context

from indexes.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
