"""The rubric of agreement, 0 to 4, in words: one text for the page, the report and the computed score.

The first report on this kind of software let radiologists score 291 positive studies and did
not print its rubric, so this one is ours. ``ml.agreement`` computes the same from labels.
"""

from typing import Final

BEST_SCORE: Final = 4

SCORE_WORDS: Final = {
    4: "flagged at any level, types exact, place everywhere",
    3: "flagged, types exact or close, place everywhere or somewhere, not both at their best",
    2: "flagged, and one of the two: types exact or close, or place everywhere or somewhere",
    1: "flagged, neither the types nor the place",
    0: "missed: the level is «none»",
}
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
    "A study without hemorrhage has no score. Types and place are asked apart from each other; "
    "where nobody knows the place, the types alone decide: exact 4, close 3, other 1."
)


def rubric_text() -> str:
    """Return the whole rubric as plain text."""
    lines = [f"{score}  {words}" for score, words in SCORE_WORDS.items()]
    for title, words_of in (("Types", TYPES_WORDS), ("Place", PLACE_WORDS)):
        lines += ["", f"{title}:", *(f"  {word}: {words}" for word, words in words_of.items())]
    return "\n".join([*lines, "", SCOPE])
