"""What a process holds while it runs: database, store, doorbell and clock."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from preread.db.engine import Database, open_database
from preread.db.unit_of_work import UnitOfWork
from preread.queue import Doorbell, RqDoorbell
from preread.settings import Settings
from preread.store import Store


@dataclass(frozen=True, slots=True)
class Resources:
    """Handed to whoever needs them; tests build their own."""

    settings: Settings
    database: Database
    store: Store
    doorbell: Doorbell
    clock: Callable[[], datetime]

    def unit_of_work(self) -> UnitOfWork:
        """Return a transaction that may write."""
        return UnitOfWork(self.database.writing)

    def reading(self) -> UnitOfWork:
        """Return a transaction that only reads, and never waits for writers."""
        return UnitOfWork(self.database.reading)


@contextmanager
def open_resources(settings: Settings) -> Iterator[Resources]:
    """Open everything the settings name and close it at the end."""
    database = open_database(settings.database_url.get_secret_value())
    doorbell = RqDoorbell(settings)
    try:
        yield Resources(settings, database, Store(settings.store_dir), doorbell, utc_now)
    finally:
        doorbell.close()
        database.close()


def utc_now() -> datetime:
    """Return the present time, aware, in UTC."""
    return datetime.now(UTC)
