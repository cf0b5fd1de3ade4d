"""What a reader says of a pre-read: agreement, what is really there, and what misled it.

There is no free text on purpose: what people type beside an image is patient data sooner or
later, and nothing here could keep it out.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from preread.regions import REGION, names_with_side
from preread.terms import FLAGGED, HemorrhageType, Laterality, Level, Region


class Verdict(StrEnum):
    """Whether «a bleed is suspected», or its absence, was true."""

    TRUE_POSITIVE = "TP"
    FALSE_POSITIVE = "FP"
    FALSE_NEGATIVE = "FN"
    TRUE_NEGATIVE = "TN"


class VolumeVerdict(StrEnum):
    """How the outlined volume compares with what the reader sees."""

    TOO_SMALL = "too_small"
    ABOUT_RIGHT = "about_right"
    TOO_LARGE = "too_large"


class FalsePositiveCause(StrEnum):
    """What was taken for blood."""

    CALCIFICATION = "calcification"
    ARTIFACT = "artifact"
    POSTOP = "postop"
    TUMOR = "tumor"
    VESSEL = "vessel"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class MarkedPlace:
    """Where the reader sees blood; the side is None where the region has none or it is unsaid."""

    region: Region
    laterality: Laterality | None

    @property
    def name(self) -> str:
        """As a radiologist says it.

        Examples
        --------
        >>> MarkedPlace(Region.PONS, None).name, MarkedPlace(Region.INSULA, Laterality.LEFT).name
        ('pons', 'left insula')
        """
        if self.laterality is None:
            return REGION[self.region].name
        return names_with_side([self.region], self.laterality)


@dataclass(frozen=True, slots=True)
class Judgment:
    """What a reader said of the pre-read of one revision.

    Attributes
    ----------
    score
        0 to 4 by ``preread.rubric``, 0 for a false alarm and for a bleed behind «none»; None where nothing is there and nothing
        was flagged, and only there.
    types, places
        What is really there, by the final report; empty for no hemorrhage.
    """

    revision: int
    score: int | None
    types: tuple[HemorrhageType, ...]
    places: tuple[MarkedPlace, ...]
    volume: VolumeVerdict | None
    cause: FalsePositiveCause | None


def verdict_of(level: Level, types: Collection[HemorrhageType]) -> Verdict:
    """Return whether a pre-read was right that a bleed is, or is not, suspected.

    Flagged is «critical» or «suspected», what moves a study to the front and alerts people.
    «Indeterminate» is not: a bleed behind it counts as a miss.

    Raises
    ------
    ValueError
        If the study was not assessed: then nothing was said of it.

    Examples
    --------
    >>> verdict_of(Level.SUSPECTED, []).value, verdict_of(Level.INDETERMINATE, ["SDH"]).value
    ('FP', 'FN')
    """
    if level is Level.NOT_ASSESSED:
        message = "a study that was not assessed has no verdict"
        raise ValueError(message)
    return verdict_of_flag(flagged=level in FLAGGED, bleeds=bool(types))


def verdict_of_flag(*, flagged: bool, bleeds: bool) -> Verdict:
    """Return what a flag is worth, given whether there is a bleed.

    Examples
    --------
    >>> verdict_of_flag(flagged=False, bleeds=True).name
    'FALSE_NEGATIVE'
    """
    if flagged:
        return Verdict.TRUE_POSITIVE if bleeds else Verdict.FALSE_POSITIVE
    return Verdict.FALSE_NEGATIVE if bleeds else Verdict.TRUE_NEGATIVE


def contradictions(judgment: Judgment, level: Level) -> dict[str, str]:
    """Return what contradicts itself in a judgment, as the rule by the member that breaks it.

    Raises
    ------
    ValueError
        If the study was not assessed.
    """
    verdict = verdict_of(level, judgment.types)
    broken: dict[str, str] = {}
    if judgment.score is None and verdict is not Verdict.TRUE_NEGATIVE:
        broken["score"] = "A score may be left out only where nothing is there or flagged."
    if judgment.score is not None and verdict is Verdict.TRUE_NEGATIVE:
        broken["score"] = "Nothing is there, and nothing was flagged: that has no score."
    if judgment.score and verdict is Verdict.FALSE_POSITIVE:
        broken["score"] = "Nothing is there, so the flag is a false alarm: its score is 0."
    if judgment.score and judgment.types and level is Level.NONE:
        broken["score"] = "A bleed behind «none» was missed: its score is 0."
    if judgment.cause is not None and verdict is not Verdict.FALSE_POSITIVE:
        broken["false_positive_cause"] = "Only a false positive has a cause."
    if judgment.places and not judgment.types:
        broken["places"] = "Without a type of hemorrhage there is no place of it."
    if judgment.volume is not None and verdict is not Verdict.TRUE_POSITIVE:
        broken["volume"] = "Only a volume of a bleed that is there can be judged."
    return broken
