"""In which order each reader sees the cases, and what a reader may be called."""

import hashlib
import re
from collections.abc import Iterable
from typing import Final

_READER_CODE: Final = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,19}")


def reader_code(typed: str) -> str | None:
    """Return the pseudonym that was typed, in capitals; None if it can be none.

    Examples
    --------
    >>> reader_code(" r-01 "), reader_code("Dr. Smith")
    ('R-01', None)
    """
    code = typed.strip().upper()
    return code if _READER_CODE.fullmatch(code) else None


def reading_order(seed: int, reader: str, cases: Iterable[int]) -> tuple[int, ...]:
    """Return the cases in the order in which this reader sees them.

    Each case is drawn a place by a hash of seed, reader and number, so that the order is random,
    its own for each reader, the same on any machine, and keeps when cases are added.

    Examples
    --------
    >>> reading_order(7, "R1", range(1, 6)) == reading_order(7, "R1", [5, 4, 3, 2, 1])
    True
    """
    return tuple(sorted(cases, key=lambda case: draw(seed, reader, str(case))))


def draw(seed: int, *words: str) -> str:
    """Return a repeatable random text for some words."""
    return hashlib.sha256("\0".join((str(seed), *words)).encode()).hexdigest()
