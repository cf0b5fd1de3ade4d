"""The rubric of agreement, 0 to 4: one text and one rule for pages, reports and the computed score.

The first report on this kind of software let radiologists score 291 positive studies and did
not print its rubric, so this one is ours. ``ml.agreement`` computes the same from labels.
"""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

BEST_SCORE: Final = 4

SCORE_WORDS: Final = MappingProxyType(
    {
        4: "All right: types exact, place right everywhere.",
        3: "Nearly: types exact or close, place right everywhere or somewhere, not both at their "
        "best.",
        2: "Half: either the types are exact or close, or the place is right everywhere or "
        "somewhere.",
        1: "Only that it bleeds: neither the types nor the place.",
        0: "Wrong: a bleed was missed, the level is «none». A false flag is 0 as well; it counts "
        "as a false positive, not among the scores.",
    }
)
"""By score, best first."""

TYPES_WORDS: Final = {
    "exact": "the types named are the types present",
    "close": "the main type, that of most of the blood, is named, and at most one type is missing "
    "or extra",
    "other": "neither",
}
"""How well the named types are the true ones; the keys are the words of ``SCORE_WORDS``."""

PLACE_WORDS: Final = {
    "everywhere": "more than three quarters of the blood lies in bleeds that the pre-read touches, "
    "and more than three quarters of what it marks lies in bleeds",
    "somewhere": "any bleed is touched; of bleeds on two sides, one",
    "nowhere": "none is touched, or nothing is marked; a bleed on the wrong side is nowhere",
}
"""How well the pre-read lies where the blood is."""

SCOPE: Final = (
    "Shares of scores are of studies with hemorrhage, as in the first report. Of those without, "
    "one that was flagged is 0 by definition, so that only its cause is asked; any other has no "
    "score. Types and place are asked apart from each other; "
    "where nobody knows the place, the types alone decide: exact 4, close 3, other 1."
)


def that_count(judged: Iterable[tuple[int | None, bool]]) -> list[int]:
    """Return the scores that shares of scores are of.

    Parameters
    ----------
    judged
        The score of each study, None where it has none, and whether it bleeds.

    Examples
    --------
    >>> that_count([(4, True), (0, True), (0, False), (None, False)])
    [4, 0]
    """
    return [score for score, bleeds in judged if bleeds and score is not None]


def rubric_text() -> str:
    """Return the whole rubric as plain text."""
    lines = [f"{score}  {words}" for score, words in SCORE_WORDS.items()]
    for title, words_of in (("Types", TYPES_WORDS), ("Place", PLACE_WORDS)):
        lines += ["", f"{title}:", *(f"  {word}: {words}" for word, words in words_of.items())]
    return "\n".join([*lines, "", SCOPE])
