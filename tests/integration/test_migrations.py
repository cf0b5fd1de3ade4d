from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from preread.db.engine import open_database
from preread.db.migrate import at_head, upgrade
from preread.db.tables.access import ApiKeyRow
from preread.db.tables.base import Base

ROOT = Path(__file__).parents[2]


def test_the_migrations_build_exactly_the_tables_of_the_code(database):
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []


def test_a_fresh_database_is_not_at_head_until_it_is_upgraded(tmp_path):
    database = open_database(f"sqlite:///{tmp_path}/new.sqlite")
    assert not at_head(database)
    upgrade(database)
    assert at_head(database)
    upgrade(database)
    database.close()


def test_a_key_of_one_site_stays_one_of_that_site_and_one_of_all_sites_stays_that(tmp_path):
    database = open_database(f"sqlite:///{tmp_path}/old.sqlite")
    config = Config(toml_file=ROOT / "pyproject.toml")

    def go(step, revision):
        with database.engine.begin() as connection:
            config.attributes["connection"] = connection
            step(config, revision)

    go(command.upgrade, "0003")
    made = {"secret_sha256": "x", "label": "x", "role": "reader", "at": "2026-01-01 00:00:00"}
    with database.engine.begin() as connection:
        for key_id, site in (("one", "north"), ("all", None)):
            connection.execute(
                sa.text(
                    "INSERT INTO api_key (id, secret_sha256, label, role, site, created_at) "
                    "VALUES (:id, :secret_sha256, :label, :role, :site, :at)"
                ),
                {**made, "id": key_id, "site": site},
            )
    go(command.upgrade, "0004")
    with database.reading() as session:
        stored = dict(session.execute(sa.select(ApiKeyRow.id, ApiKeyRow.sites)).all())
    assert stored == {"one": ["north"], "all": None}
    go(command.downgrade, "0003")
    with database.engine.begin() as connection:
        found = connection.execute(sa.text("SELECT id, site FROM api_key")).all()
    assert dict(found) == {"one": "north", "all": None}
    database.close()
