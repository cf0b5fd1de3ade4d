"""The score that the rubric gives, computed from words: what a reader named against the pre-read.

Types are compared as everywhere (``ml.agreement``); of equal rank, as nobody measured the reader's
bleeds. A place is a side with a region, whatever the type, where regions that belong to one group
are one: «putamen» and «thalamus» are both deep. Each place that the reader named weighs alike, each
one of the pre-read by the volume it holds, and it touches what the other side names too; a
bilateral place is one on each side. So «left temporal lobe» against «left frontal lobe» is no
touch: this is stricter than an outline, which may cross the border of two lobes.
"""

from collections.abc import Sequence

import numpy as np

from ml.agreement import (
    LesionMatch,
    Place,
    agreement,
    compare_places,
    compare_types,
    main_types,
)
from preread.findings import PreRead
from preread.reader_study.answers import NamedBleed
from preread.regions import REGION
from preread.terms import KINDS, HemorrhageType, Laterality, Level, Region

Spot = tuple[Laterality, Region]


def computed_score(named: Sequence[NamedBleed], document: PreRead) -> int | None:
    """Return the score that the rubric gives a pre-read against what a reader named.

    Returns
    -------
    int or None
        0 to 4; None where the reader sees no hemorrhage.
    """
    true = frozenset(one.type for one in named)
    if not true:
        return None
    main = main_types(true, np.zeros(len(KINDS)))
    return agreement(
        detected=document.assessment.level is not Level.NONE,
        types=compare_types(true, main, said_types(document)),
        place=compare_words(named, document),
    )


def said_types(document: PreRead) -> frozenset[HemorrhageType]:
    """Return the types that a pre-read names as present."""
    return frozenset(one.type for one in document.type_probabilities if one.present)


def compare_words(named: Sequence[NamedBleed], document: PreRead) -> Place | None:
    """Compare the places in words; None where the reader named no region."""
    true = {
        spot
        for one in named
        if one.region is not None
        for spot in _spots(one.laterality, one.region)
    }
    if not true:
        return None
    said: dict[Spot, float] = {}
    for finding in document.findings:
        for where in finding.locations:
            spots = _spots(where.laterality, where.region)
            share = 1.0 if where.share_of_volume is None else where.share_of_volume
            volume_ml = share * (finding.volume_ml or 1.0) / len(spots)
            for spot in spots:
                said[spot] = said.get(spot, 0.0) + volume_ml
    said = {spot: volume_ml for spot, volume_ml in said.items() if volume_ml > 0}
    return compare_places(
        tuple(LesionMatch(1.0, float(spot in said)) for spot in sorted(true)),
        tuple(LesionMatch(ml, ml * (spot in true)) for spot, ml in said.items()),
    )


def _spots(side: Laterality, region: Region) -> tuple[Spot, ...]:
    group = REGION[region].coarse or region
    sides = (Laterality.LEFT, Laterality.RIGHT) if side is Laterality.BILATERAL else (side,)
    return tuple((one, group) for one in sides)
