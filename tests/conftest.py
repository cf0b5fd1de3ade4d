"""Fixtures for all tests: a clock that stands still, a store, and both databases."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
import sqlalchemy as sa

from benchmarks.databases import find_initdb, migrated, postgres_server
from preread.db.engine import Database, open_database
from preread.db.migrate import upgrade
from preread.db.tables.base import Base
from preread.db.tables.study import WorklistTallyRow
from preread.resources import Resources
from preread.settings import Settings
from preread.store import Store

ROOT = Path(__file__).parents[1]


class StoppedClock:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


@dataclass
class CountingDoorbell:
    """A doorbell that remembers its rings; ``broken`` behaves like a Redis that is down."""

    rings: int = 0
    broken: bool = False
    answered: int = field(default=0)

    def ring(self) -> bool:
        if self.broken:
            return False
        self.rings += 1
        return True

    def waiting(self) -> int | None:
        return None if self.broken else self.rings - self.answered


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def doorbell() -> CountingDoorbell:
    return CountingDoorbell()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real studies beside the checkout, where there is one."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real studies are not on this machine")
    return folder


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite file at the newest schema."""
    path = tmp_path_factory.mktemp("template") / "empty.sqlite"
    database = open_database(f"sqlite:///{path}")
    upgrade(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[sa.URL]:
    """A PostgreSQL of our own on a private socket, with one database at the newest schema."""
    initdb = find_initdb()
    if initdb is None:
        pytest.skip("the PostgreSQL server binaries are not on this machine")
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with postgres_server(initdb, lasting=False) as url:
        with migrated(url.render_as_string(hide_password=False)):
            pass
        yield url


def empty_all_tables(server: sa.URL) -> None:
    """Delete every row; TRUNCATE makes all tables and indexes anew and takes ten times as long."""
    engine = sa.create_engine(server, poolclass=sa.NullPool)
    names = [table.name for table in reversed(Base.metadata.sorted_tables)]
    names.sort(key=lambda name: name == WorklistTallyRow.__tablename__)  # it counts what is deleted
    again = "SELECT setval(quote_ident(sequencename)::regclass, 1, false) FROM pg_sequences"
    with engine.begin() as connection:
        deleted = [f"DELETE FROM {name}" for name in names]  # noqa: S608 - our own tables
        connection.exec_driver_sql("; ".join([*deleted, again]))
    engine.dispose()


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """An empty SQLite file at the newest schema."""
    path = tmp_path / "preread.sqlite"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind at the newest schema."""
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite_url")
    server: sa.URL = request.getfixturevalue("postgres_url")
    empty_all_tables(server)
    return server.render_as_string(hide_password=False)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(
        database_url=database_url,
        redis_url=f"unix://{tmp_path}/no-redis.sock",
        store_dir=tmp_path / "store",
    )


@pytest.fixture(scope="session", autouse=True)
def _without_syncs() -> Iterator[None]:
    """No test cuts the power, and each sync waits some ms for the disk; processes still sync."""
    with patch.object(os, "fsync", lambda _: None):
        yield


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = open_database(settings.database_url.get_secret_value())
    if database.engine.dialect.name == "sqlite":
        for engine in database.engines:
            sa.event.listen(
                engine, "connect", lambda made, _: made.execute("PRAGMA synchronous=OFF")
            )
    yield database
    database.close()


@pytest.fixture
def resources(
    settings: Settings, database: Database, clock: StoppedClock, doorbell: CountingDoorbell
) -> Resources:
    return Resources(settings, database, Store(settings.store_dir), doorbell, clock)
