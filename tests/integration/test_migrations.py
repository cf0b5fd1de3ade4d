from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from preread.db.engine import open_database
from preread.db.migrate import at_head, upgrade
from preread.db.tables import Base


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
