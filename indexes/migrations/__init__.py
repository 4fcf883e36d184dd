"""Alembic migrations: every schema that was ever released can be brought to this one."""
