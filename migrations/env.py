"""Alembic's entry: the database of the settings, and migrations in plain SQLAlchemy types."""

from typing import Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy.dialects import postgresql

from preread.db.engine import open_database
from preread.db.tables.base import Base, UtcDateTime
from preread.settings import Settings


def render_item(kind: str, item: object, autogen: AutogenContext) -> str | Literal[False]:
    """Write our own types as SQLAlchemy's: a migration must not import the application."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, postgresql.JSONB):
        autogen.imports.add("from sqlalchemy.dialects import postgresql")
        return "postgresql.JSONB()"
    return False


def run(connection: sa.Connection) -> None:
    """Migrate over a connection."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_item=render_item,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    database = open_database(Settings().database_url.get_secret_value())
    with database.engine.begin() as opened:
        run(opened)
    database.close()
