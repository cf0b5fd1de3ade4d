"""Lesions become findings: which kinds, how much of each, where, and what to look at first."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.anatomy import NO_AXES, laterality
from ml.assessment import FindingReading, KeySlice, KindProbability, LesionReading, Place
from ml.head_context import HeadContext, place_voxels
from ml.lesion_kinds import TypedLesion
from ml.lesions import density_of, span_of
from ml.place_words import side_of
from ml.places.blood import PlacedBlood
from ml.places.kinds import contradicts
from ml.places.naming import PlacedVoxels, name_places
from ml.sentence import urgency
from ml.thickness import PlacedBleed, measure_thickness
from preread.terms import KINDS, HemorrhageType, Laterality

MOST_KEY_SLICES: Final = 5
NO_OUTLINE: Final = "no outlined bleed carries this type"
CONTRADICTED: Final = "where it lies contradicts its type"
# From this score on a lesion is rather of a kind than of all others.
SURE_SCORE: Final = 0.5


class _Part(NamedTuple):
    """What one lesion has of a kind: (V, 3) voxels, and what speaks for the kind in the lesion."""

    voxels: NDArray[np.intp]
    score: float


def name_findings(
    head: HeadContext, typed: Sequence[TypedLesion], kinds: Sequence[KindProbability]
) -> tuple[FindingReading, ...]:
    """Make one finding of each type that is present, the most urgent first, then by volume."""
    found = [_finding(head, typed, kind) for kind in kinds if kind.present]
    return tuple(sorted(found, key=urgency))


def describe_lesion(head: HeadContext, one: TypedLesion) -> LesionReading:
    """Describe one lesion in the words of the pre-read."""
    weights = head.voxel_ml[one.lesion.voxels[:, 0]]
    shares = tuple(
        float(weights[one.voxel_kinds == kind].sum() / weights.sum()) for kind in one.kinds
    )
    first = one.kinds[0]
    places = _places(head, KINDS[first], [_Part(one.lesion.voxels, float(one.scores[first]))])
    return LesionReading(
        kinds=tuple(KINDS[kind] for kind in one.kinds),
        kind_shares=shares,
        volume_ml=one.lesion.volume_ml,
        density=one.lesion.density,
        slices=one.lesion.slices,
        laterality=_side(head, places, one.lesion.voxels),
        places=places,
    )


def key_slices(
    typed: Sequence[TypedLesion], slice_scores: NDArray[np.float32]
) -> tuple[KeySlice, ...]:
    """Choose the slices to look at first: each lesion's peak, else the highest score."""
    chosen: list[int] = []
    for one in typed:
        if one.lesion.slices.peak not in chosen:
            chosen.append(one.lesion.slices.peak)
    if not chosen:
        chosen.append(int(slice_scores.argmax()))
    return tuple(_key_slice(number, typed) for number in chosen[:MOST_KEY_SLICES])


def _thickness(
    head: HeadContext, kind: HemorrhageType, voxels: NDArray[np.intp]
) -> tuple[float | None, str | None]:
    row_mm, column_mm = head.placement.source_spacing_mm
    slices = voxels[:, 0]
    bleed = PlacedBleed(
        slices, place_voxels(head, voxels), head.above_slab_mm[slices], row_mm * column_mm
    )
    return measure_thickness(kind, bleed, head.interior, head.frame)


def _finding(
    head: HeadContext, typed: Sequence[TypedLesion], kind: KindProbability
) -> FindingReading:
    index = KINDS.index(kind.kind)
    carriers = tuple(number for number, one in enumerate(typed) if index in one.kinds)
    if not carriers:
        return _unplaced(kind)
    parts = [
        _Part(one.lesion.voxels[one.voxel_kinds == index], float(one.scores[index]))
        for one in (typed[number] for number in carriers)
    ]
    voxels = np.concatenate([part.voxels for part in parts])
    thickness_mm, no_thickness = _thickness(head, kind.kind, voxels)
    places = _places(head, kind.kind, parts)
    return FindingReading(
        kind=kind.kind,
        probability=kind.probability,
        threshold=kind.threshold,
        volume_ml=float(head.voxel_ml[voxels[:, 0]].sum()),
        volume_ml_reason=None,
        max_thickness_mm=thickness_mm,
        max_thickness_mm_reason=no_thickness,
        density=density_of(head.hu[tuple(voxels.T)]),
        density_reason=None,
        places=places,
        places_reason=_no_places(head, places),
        slices=span_of(voxels, head.voxel_ml),
        lesion_indices=carriers,
    )


def _places(head: HeadContext, kind: HemorrhageType, parts: Sequence[_Part]) -> tuple[Place, ...]:
    """Name the places of blood of one kind; where it is rather another one, place has to agree."""
    if head.blood is None:
        return ()
    cells, nearest_mm = head.blood.cells, head.blood.nearest_mm
    placed = _placed(head, head.blood, np.concatenate([part.voxels for part in parts]))
    counts = [len(part.voxels) for part in parts]
    against = [
        part.score < SURE_SCORE and contradicts(kind, cells.compartments[cell], nearest_mm[cell])
        for part, cell in zip(parts, np.split(placed.cell, np.cumsum(counts)[:-1]), strict=True)
    ]
    return name_places(kind, placed, cells, head.blood.calibration, np.repeat(against, counts))


def _placed(head: HeadContext, blood: PlacedBlood, voxels: NDArray[np.intp]) -> PlacedVoxels:
    return blood.voxels(place_voxels(head, voxels), head.voxel_ml[voxels[:, 0]])


def _side(head: HeadContext, places: Sequence[Place], voxels: NDArray[np.intp]) -> Laterality:
    """Return the side of a lesion: that of its places, or of its voxels where it has none."""
    side = side_of(places)
    if side is not None:
        return side
    if head.blood is None:
        return Laterality.MIDLINE
    placed = _placed(head, head.blood, voxels)
    return laterality(placed.left_mm, placed.weights)


def _no_places(head: HeadContext, places: Sequence[Place]) -> str | None:
    if places:
        return None
    return NO_AXES if head.frame is None else CONTRADICTED


def _unplaced(kind: KindProbability) -> FindingReading:
    return FindingReading(
        kind=kind.kind,
        probability=kind.probability,
        threshold=kind.threshold,
        volume_ml=None,
        volume_ml_reason=NO_OUTLINE,
        max_thickness_mm=None,
        max_thickness_mm_reason=NO_OUTLINE,
        density=None,
        density_reason=NO_OUTLINE,
        places=(),
        places_reason=NO_OUTLINE,
        slices=None,
        lesion_indices=(),
    )


def _key_slice(number: int, typed: Sequence[TypedLesion]) -> KeySlice:
    kinds: set[int] = set()
    for one in typed:
        here = one.lesion.voxels[:, 0] == number
        kinds.update(int(kind) for kind in np.unique(one.voxel_kinds[here]))
    return KeySlice(number, tuple(KINDS[kind] for kind in sorted(kinds)), bool(kinds))
