"""The forms of the page, from what a browser sends to values, or to a sentence that says what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from preread.feedback import FalsePositiveCause
from preread.reader_study.answers import COMMENT_LENGTH, NamedBleed
from preread.rubric import SCORE_WORDS
from preread.terms import KINDS, HemorrhageType, Laterality, Region

MOST_PLACES: Final = 12
NONE_FIELD: Final = "no_hemorrhage"
MISSED: Final = "0"


class Fields(Protocol):
    """What starlette's form data gives."""

    def getlist(self, key: str, /) -> Sequence[object]:
        """Return all values of a field."""
        ...


class InvalidForm(Exception):
    """Something is missing or contradicts itself; the message is for the reader."""


@dataclass(frozen=True, slots=True)
class Form:
    """A first read: the bleeds named, and the time that the browser counted."""

    named: tuple[NamedBleed, ...]
    visible_ms: int | None


@dataclass(frozen=True, slots=True)
class JudgmentForm(Form):
    """A score."""

    score: int | None
    fp_cause: FalsePositiveCause | None
    comment: str


def read_first(fields: Fields) -> Form:
    """Return a first read.

    Raises
    ------
    InvalidForm
        If it says neither what is there nor that nothing is.
    """
    return Form(_named(fields), _visible_ms(fields))


def read_judgment(fields: Fields, *, flagged: bool) -> JudgmentForm:
    """Return a score.

    Parameters
    ----------
    fields
        As sent.
    flagged
        Whether the pre-read flags the study.

    Raises
    ------
    InvalidForm
        If there is a bleed and no score, or none and no cause of the flag, or if a score says
        that the pre-read knew of a bleed where it says «none».
    """
    named = _named(fields)
    score, cause = _text(fields, "score"), _text(fields, "fp_cause")
    if cause and cause not in set(FalsePositiveCause):
        raise InvalidForm("That is no cause of a false flag.")
    if named and score not in {str(one) for one in SCORE_WORDS}:
        raise InvalidForm("Give a score from 0 to 4.")
    if not named and score:
        raise InvalidForm("A study without hemorrhage has no score: take the score away.")
    if named and not flagged and score != MISSED:
        raise InvalidForm("The pre-read says «none»: of a bleed that it missed the score is 0.")
    if not named and flagged and not cause:
        raise InvalidForm("The study was flagged and you see no hemorrhage: say what caused it.")
    return JudgmentForm(
        named=named,
        visible_ms=_visible_ms(fields),
        score=int(score) if named else None,
        fp_cause=FalsePositiveCause(cause) if cause and flagged else None,
        comment=_text(fields, "comment")[:COMMENT_LENGTH].strip(),
    )


def _named(fields: Fields) -> tuple[NamedBleed, ...]:
    """Return the bleeds named: of each type the sides and, in the same order, the regions."""
    ticked = {str(value) for value in fields.getlist("type")}
    nothing = bool(_text(fields, NONE_FIELD))
    if nothing and ticked:
        raise InvalidForm("You ticked a type and «no hemorrhage»: keep one of them.")
    if not nothing and not ticked:
        raise InvalidForm("Tick each type that you see, or «no hemorrhage».")
    return tuple(bleed for kind in KINDS if kind.value in ticked for bleed in _bleeds(fields, kind))


def _bleeds(fields: Fields, kind: HemorrhageType) -> tuple[NamedBleed, ...]:
    sides = [str(value) for value in fields.getlist(f"side-{kind.value}")]
    places = [str(value) for value in fields.getlist(f"place-{kind.value}")]
    if len(sides) != len(places) or len(sides) > MOST_PLACES:
        raise InvalidForm("The places of a type do not fit its sides.")
    if any(side and side not in set(Laterality) for side in sides):
        raise InvalidForm("That is no side.")
    if any(place and place not in set(Region) for place in places):
        raise InvalidForm("That is no place.")
    pairs = dict.fromkeys(
        (side, place) for side, place in zip(sides, places, strict=True) if side or place
    )
    if not pairs or any(not side for side, _ in pairs):
        message = f"Give the side of each {kind.value}."
        raise InvalidForm(message)
    return tuple(
        NamedBleed(type=kind, laterality=Laterality(side), region=Region(place) if place else None)
        for side, place in pairs
    )


def _visible_ms(fields: Fields) -> int | None:
    text = _text(fields, "visible_ms")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 10 else None  # noqa: PLR2004 - 115 days


def _text(fields: Fields, name: str) -> str:
    values = fields.getlist(name)
    return str(values[0]) if values else ""
