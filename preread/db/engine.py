"""Engines for SQLite (one machine) and PostgreSQL (several), with the same promises.

SQLite runs in WAL mode with ``synchronous=FULL``, because an answered upload is a promise.
Writers begin with ``BEGIN IMMEDIATE``: a deferred transaction that turns into a writer can
fail at once with a busy snapshot, whatever the busy timeout.
"""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

_BUSY_TIMEOUT_MS = 30_000
# Together more than the web framework's 40 threads, so that no request waits for a connection.
_POOL_SIZE = 10
_POOL_OVERFLOW = 40


@dataclass(frozen=True, slots=True)
class Database:
    """Sessions that write and sessions that only read, of one database."""

    writing: sessionmaker[Session]
    reading: sessionmaker[Session]
    engines: tuple[sa.Engine, ...]

    @property
    def engine(self) -> sa.Engine:
        """The engine of the writers."""
        return self.engines[0]

    def close(self) -> None:
        """Close all connections."""
        for engine in self.engines:
            engine.dispose()


def open_database(url: str) -> Database:
    """Return the sessions of the database at an SQLAlchemy URL; nothing is connected yet."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engines = (_sqlite(parsed, "BEGIN IMMEDIATE"), _sqlite(parsed, "BEGIN DEFERRED"))
    else:
        engine = sa.create_engine(
            parsed, pool_pre_ping=True, pool_size=_POOL_SIZE, max_overflow=_POOL_OVERFLOW
        )
        engines = (engine, engine)
    return Database(
        writing=sessionmaker(engines[0], expire_on_commit=False),
        reading=sessionmaker(engines[1], expire_on_commit=False),
        engines=engines,
    )


def _sqlite(url: sa.URL, begin: str) -> sa.Engine:
    engine = sa.create_engine(
        url,
        connect_args={"check_same_thread": False, "timeout": 30},
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_OVERFLOW,
    )

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        del entry
        if not isinstance(connection, sqlite3.Connection):
            return
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in (
            f"busy_timeout={_BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "trusted_schema=OFF",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def start(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
