"""The answers on disk: one line of JSON per event, only ever added, synced before anybody is thanked."""

import os
import threading
from pathlib import Path

from pydantic import ValidationError

from preread.errors import InvalidJournal
from preread.reader_study.answers import EVENT, Event


def read_events(path: Path) -> list[Event]:
    """Return the events of a journal; a last line without an end was cut by a kill.

    Raises
    ------
    InvalidJournal
        If another line is none: answers that cannot be read must not silently be left out.
    """
    if not path.exists():
        return []
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    events: list[Event] = []
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            events.append(EVENT.validate_json(line))
        except ValidationError as error:
            message = f"{path}, line {number} is no event of a reading study"
            raise InvalidJournal(message) from error
    return events


class Journal:
    """The journal while it is written by this one process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._events = read_events(path)
        self._cut_last_line()

    @property
    def events(self) -> tuple[Event, ...]:
        """Everything that happened so far."""
        with self._lock:
            return tuple(self._events)

    def add(self, event: Event) -> None:
        """Append an event; when this returns it survives a crash of the machine."""
        line = EVENT.dump_json(event) + b"\n"
        with self._lock, self._path.open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
            self._events.append(event)

    def _cut_last_line(self) -> None:
        """Take off what a kill left of a line, or the next event would be lost with it."""
        if not self._path.exists():
            return
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(self._path, whole)
