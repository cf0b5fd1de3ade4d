"""What the page offers to correct in a pre-read, prefilled with what AI or the reader said."""

from dataclasses import dataclass

from preread.feedback import Judgment, MarkedPlace, VolumeVerdict
from preread.findings import Mode, PreRead
from preread.terms import FLAGGED, HemorrhageType


@dataclass(frozen=True, slots=True)
class OfferedPlace:
    """A place that can be ticked: its value in the form, its words, and whether it is ticked."""

    value: str
    name: str
    ticked: bool


@dataclass(frozen=True, slots=True)
class Corrections:
    """What the form of agreement shows.

    Attributes
    ----------
    score
        What this reader gave; None before, and where there is nothing to score.
    said_no_bleed
        Whether this reader said that nothing is there.
    types, volume
        Of this reader, or before that of a flag. What is only possible stays unticked: who agrees by
        one key with an undecided pre-read would else say that the bleed is there, and was missed.
    is_flagged
        Whether a bleed is suspected, so that it can be a false alarm.
    places
        Those of the pre-read, and of this reader; None where the mode shows no place.
    """

    score: int | None
    said_no_bleed: bool
    types: frozenset[HemorrhageType]
    volume: VolumeVerdict | None
    is_flagged: bool
    places: tuple[OfferedPlace, ...] | None


def corrections(shown: PreRead, given: Judgment | None) -> Corrections:
    """Return what can be corrected in a pre-read, as it is shown."""
    said_no_bleed = given is not None and not given.types
    is_flagged = shown.assessment.level in FLAGGED
    named = frozenset(finding.type for finding in shown.findings if is_flagged)
    return Corrections(
        # A word from before a true negative had no score may carry one.
        score=None if given is None or (said_no_bleed and not is_flagged) else given.score,
        said_no_bleed=said_no_bleed,
        types=named if given is None else frozenset(given.types),
        volume=None if given is None else given.volume,
        is_flagged=is_flagged,
        places=None if shown.mode is Mode.TRIAGE_ONLY else _places(shown, given),
    )


def value_of(place: MarkedPlace) -> str:
    """Return a place as the form carries it.

    Examples
    --------
    >>> from preread.terms import Laterality, Region
    >>> value_of(MarkedPlace(Region.INSULA, Laterality.LEFT)), value_of(MarkedPlace(Region.PONS, None))
    ('insula:L', 'pons')
    """
    side = "" if place.laterality is None else f":{place.laterality.value}"
    return f"{place.region.value}{side}"


def _places(shown: PreRead, given: Judgment | None) -> tuple[OfferedPlace, ...]:
    """Return places once each; without a word of the reader those of a flag are ticked."""
    said = () if given is None else given.places
    flagged = shown.assessment.level in FLAGGED
    named = [
        MarkedPlace(place.region, place.laterality)
        for finding in shown.findings
        for place in finding.locations
    ]
    return tuple(
        OfferedPlace(value_of(place), place.name, ticked=place in said or (flagged and not said))
        for place in dict.fromkeys([*named, *said])
    )
