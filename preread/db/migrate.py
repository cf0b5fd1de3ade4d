"""Brings a database to the newest schema, and tells whether it is there."""

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from preread.db.engine import Database

_ROOT: Final = Path(__file__).parents[2]
_LOCK: Final = 0x4D494752  # any constant; «MIGR»


def upgrade(database: Database) -> None:
    """Apply all migrations that are missing; several processes may do so at once."""
    with database.engine.begin() as connection:
        # SQLite: BEGIN IMMEDIATE already keeps a second migrator waiting.
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def at_head(database: Database) -> bool:
    """Tell whether the schema is the one that this code was written for."""
    with database.reading() as session:
        current = MigrationContext.configure(session.connection()).get_current_heads()
    return set(current) == set(ScriptDirectory.from_config(_config()).get_heads())


def _config() -> Config:
    return Config(toml_file=_ROOT / "pyproject.toml")
