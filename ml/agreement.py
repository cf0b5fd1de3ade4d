"""How far a pre-read agrees with the truth about a bleeding study: a score of 0 to 4 by a written rubric.

The rubric stands in words in :mod:`preread.rubric`, where the page of a reading study and the
reports take it from; here it is computed. A computed score and a radiologist's are not the same
measurement, so a report shows the two beside each other and how often they agree.

What the words mean here: the main type is the one with the most blood outlined under its name,
or, where none is, on the most slices; equals are all main. Touching is having a tenth of the
lesion in common. Where the truth has no outline the place is not asked; where it names no types
there is no score. Regions («left temporal») have no truth yet in any source, so only the outline
says where.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from preread.rubric import BEST_SCORE
from preread.terms import HemorrhageType

# Untouched lesions may hold less than this; as for the lesser side in ``ml.anatomy``.
UNTOUCHED_SHARE: Final = 0.25
# Of a lesion's volume: less in common is no touch.
TOUCH_SHARE: Final = 0.10


class Types(IntEnum):
    """How well the named types are the true ones."""

    OTHER = 0
    CLOSE = 1
    EXACT = 2


class Place(IntEnum):
    """How well the outline lies where the blood is."""

    NOWHERE = 0
    SOMEWHERE = 1
    EVERYWHERE = 2


@dataclass(frozen=True, slots=True)
class LesionMatch:
    """One lesion, of the truth or of the pre-read, and what of it the other one has.

    Attributes
    ----------
    volume_ml
        Above 0.
    shared_ml
        Of it, in any lesion of the other one.
    """

    volume_ml: float
    shared_ml: float

    @property
    def touches(self) -> bool:
        """Whether enough of it is shared."""
        return self.shared_ml >= TOUCH_SHARE * self.volume_ml > 0


def agreement(*, detected: bool, types: Types | None, place: Place | None) -> int | None:
    """Score a study with hemorrhage.

    Parameters
    ----------
    detected
        Whether the level is above «none».
    types
        None where the truth names no types: then there is no score.
    place
        None where the truth has no outline.

    Returns
    -------
    int or None
        0 to 4.

    Examples
    --------
    >>> agreement(detected=True, types=Types.CLOSE, place=Place.EVERYWHERE)
    3
    >>> agreement(detected=True, types=Types.EXACT, place=Place.NOWHERE)
    2
    """
    if types is None:
        return None
    if not detected:
        return 0
    if place is None:
        return {Types.EXACT: 4, Types.CLOSE: 3, Types.OTHER: 1}[types]
    if types is Types.EXACT and place is Place.EVERYWHERE:
        return BEST_SCORE
    return 1 + (types > Types.OTHER) + (place > Place.NOWHERE)


def compare_types(
    true: AbstractSet[HemorrhageType],
    main: AbstractSet[HemorrhageType],
    said: AbstractSet[HemorrhageType],
) -> Types:
    """Compare the named types with the true ones.

    Parameters
    ----------
    true
        At least one.
    main
        Those of ``true`` of which any is the main type; at least one.
    said
        Named as present.

    Examples
    --------
    >>> IPH, IVH, SDH = (HemorrhageType(name) for name in ("IPH", "IVH", "SDH"))
    >>> compare_types({IPH, IVH}, {IPH}, {IPH}).name, compare_types({IPH, IVH}, {IPH}, {IVH}).name
    ('CLOSE', 'OTHER')
    """
    if not true or not main or not main <= true:
        raise ValueError("a main type is one of the true types, of which there is at least one")
    if said == true:
        return Types.EXACT
    close = bool(main & said) and len(true ^ said) <= 1
    return Types.CLOSE if close else Types.OTHER


def compare_places(true: tuple[LesionMatch, ...], said: tuple[LesionMatch, ...]) -> Place:
    """Compare the outlined lesions with the true ones; the two may be exchanged.

    Examples
    --------
    >>> one_of_two_sides = (LesionMatch(10.0, 8.0), LesionMatch(10.0, 0.0))
    >>> compare_places(one_of_two_sides, (LesionMatch(9.0, 8.0),)).name
    'SOMEWHERE'
    """
    if not any(one.touches for one in (*true, *said)):
        return Place.NOWHERE
    everywhere = all(_untouched(side) < UNTOUCHED_SHARE for side in (true, said))
    return Place.EVERYWHERE if everywhere else Place.SOMEWHERE


def main_types(
    present: AbstractSet[HemorrhageType], amounts: NDArray[np.float64]
) -> frozenset[HemorrhageType]:
    """Return those of the present types of which there is most.

    Parameters
    ----------
    present
        Types.
    amounts
        (K,) of each of ``KINDS``, in any unit; all 0 where nobody knows.

    Examples
    --------
    >>> IPH, IVH = HemorrhageType.IPH, HemorrhageType.IVH
    >>> [one.value for one in main_types({IPH, IVH}, np.array([3.0, 0, 1, 0, 0]))]
    ['IPH']
    """
    of_kind = dict(zip(HemorrhageType, amounts, strict=True))
    most = max((of_kind[kind] for kind in present), default=0.0)
    return frozenset(kind for kind in present if of_kind[kind] == most)


def _untouched(lesions: tuple[LesionMatch, ...]) -> float:
    total_ml = sum(one.volume_ml for one in lesions)
    untouched_ml = sum(one.volume_ml for one in lesions if not one.touches)
    return untouched_ml / total_ml if total_ml > 0 else 1.0
