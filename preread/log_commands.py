"""The command that looks whether the event log is whole."""

import argparse
import re
from typing import Final

from preread.chain import Break, Head, first_break
from preread.db.engine import open_database
from preread.db.unit_of_work import UnitOfWork
from preread.errors import SettingsInvalid
from preread.printing import say
from preread.settings import Settings
from preread.standalone import local_settings

_NOTED: Final = re.compile(r"(\d{1,18}):([0-9a-f]{64})")


def verify_log(arguments: argparse.Namespace, settings: Settings) -> int:
    """Walk the chain of the event log, and name the first row that breaks it."""
    noted = None if arguments.noted is None else _noted(arguments.noted)
    database = open_database(local_settings(settings).database_url.get_secret_value())
    try:
        with UnitOfWork(database.reading) as work:
            broken = break_of(work, noted)
            head = work.events.head()
    finally:
        database.close()
    if broken is not None:
        say(f"The event log is broken at row {broken.seq}: {broken.reason}.")
        return 1
    if head is None:
        say("The event log is empty, or nothing was appended since it became a chain.")
        return 0
    if head.first_seq > 1:
        say(f"Rows before {head.first_seq} are older than the chain and cannot be verified.")
    say(f"The event log is whole from row {head.first_seq} to {head.last_seq}.")
    say(f"Note elsewhere, for --noted: {head.last_seq}:{head.sha256}")
    return 0


def break_of(work: UnitOfWork, noted: Head | None = None) -> Break | None:
    """Return where the event log is broken; None if it is whole.

    Parameters
    ----------
    work
        A transaction that has read nothing yet, so that head and rows are of one moment.
    noted
        A row that was noted elsewhere.
    """
    if work.session.get_bind().dialect.name == "postgresql":
        work.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    head = work.events.head()
    rows = work.events.chained(0 if head is None else head.first_seq)
    return first_break(rows, head, noted)


def _noted(text: str) -> Head:
    match = _NOTED.fullmatch(text)
    if match is None:
        raise SettingsInvalid("--noted is a number and a hash, as this command prints them.")
    return Head(0, int(match[1]), match[2])
