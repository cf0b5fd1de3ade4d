"""The chain over a log: each row carries a hash of itself and of the hash before it.

Whoever changes, removes, adds or swaps rows breaks the chain from there on, and whoever takes away
its end breaks it with the head, which is kept apart. The chain has no key: who may write to the
database may write all of it anew. Against that stands a head that was noted elsewhere.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

START: Final = "0" * 64
"""What stands before the first row."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What of a row is in its hash: everything.

    Attributes
    ----------
    detail
        As JSON gives it back.
    """

    seq: int
    at: datetime
    site: str
    study_id: str
    kind: str
    actor: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain begins and ends: the numbers of its first and last row, and the last hash."""

    first_seq: int
    last_seq: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Break:
    """The first row that does not follow from those before it, and what that means."""

    seq: int
    reason: str


def link(previous: str, entry: Entry) -> str:
    """Return the hash of a row that stands behind another one.

    Parameters
    ----------
    previous
        The hash before, in hexadecimal; :data:`START` for the first row.
    entry
        The row.
    """
    words = [
        entry.seq,
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.site,
        entry.study_id,
        entry.kind,
        entry.actor,
        _plain(entry.detail),
    ]
    canonical = json.dumps(words, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{previous}\n{canonical}".encode()).hexdigest()


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return JSON in which a number is written in one way: PostgreSQL gives 1e22 back as a whole."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def first_break(
    rows: Iterable[tuple[Entry, str | None]], head: Head | None, noted: Head | None = None
) -> Break | None:
    """Return where a log is broken; None if it is whole.

    Parameters
    ----------
    rows
        Entries with their hashes by number, from the head's first on; all of them if there is
        no head.
    head
        As it is kept now; None if nothing was ever chained.
    noted
        Number and hash of a row, noted elsewhere at an earlier time; its first number is not
        looked at.
    """
    previous, last_seq, found = START, 0, noted is None
    for entry, sha256 in rows:
        if head is None and sha256 is None:
            continue  # of the time before there was a chain
        reason = _wrong(entry, sha256, head, previous)
        if head is None or reason is not None:
            return Break(entry.seq, reason or "")
        found = found or (noted is not None and _same(noted, entry.seq, sha256))
        previous, last_seq = sha256 or "", entry.seq
    if head is not None and not _same(head, last_seq, previous):
        return Break(last_seq + 1, "the rows from here to the head are missing")
    if noted is not None and not found:
        return Break(noted.last_seq, "the row is not the one that was noted")
    return None


def _wrong(entry: Entry, sha256: str | None, head: Head | None, previous: str) -> str | None:
    """Return why a row does not stand where it should; None if it does."""
    if head is None:
        return "the head of the chain is missing"
    if sha256 is None:
        return "the row is not in the chain"
    if previous == START and entry.seq != head.first_seq:
        return "the first row is missing"
    if link(previous, entry) != sha256:
        return "the row was changed, or rows before it were removed, added or moved"
    return None


def _same(noted: Head, seq: int, sha256: str | None) -> bool:
    return (noted.last_seq, noted.sha256) == (seq, sha256)
