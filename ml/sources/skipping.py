"""A study that cannot be used is left out, but never without a word."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from ml.labeled import LabeledStudy
from preread.errors import UnreadableDicom, UnreadableStudy, UnreadableVolume
from preread.reasons import REASON_TEXT, ReasonCode

_log = logging.getLogger(__name__)
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was left out of a source.

    Attributes
    ----------
    name
        The source's own name of the study, or of the file.
    reason
        Why, for a person to read.
    """

    name: str
    reason: str


OnSkip: TypeAlias = Callable[[Skipped], None]
"""Is told of every study that is left out; ``list.append`` will do."""


def log_skip(skipped: Skipped) -> None:
    """Warn of a study that is left out: what readers do unless told otherwise."""
    _log.warning("%s is left out: %s", skipped.name, skipped.reason)


def read_each(
    studies: Iterable[tuple[str, Key]], read: Callable[[str, Key], LabeledStudy], on_skip: OnSkip
) -> Iterator[LabeledStudy]:
    """Read studies one by one; tell of those that cannot be read and go on.

    Parameters
    ----------
    studies
        Name of each study, and what ``read`` needs to find it.
    read
        Reads one study, or raises ``UnreadableStudy``, ``UnreadableVolume`` or
        ``UnreadableDicom``.
    on_skip
        Is told of those.

    Yields
    ------
    LabeledStudy
        One at a time; nothing of the one before is kept.
    """
    for name, key in studies:
        try:
            study = read(name, key)
        except UnreadableVolume as error:
            on_skip(Skipped(name, words_of(error.reason)))
            continue
        except (UnreadableStudy, UnreadableDicom) as error:
            on_skip(Skipped(name, str(error)))
            continue
        yield study
        del study


def words_of(reason: ReasonCode) -> str:
    """Return a reason code with its sentence."""
    return f"{reason.value}: {REASON_TEXT[reason]}"
