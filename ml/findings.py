"""Lesions become findings: which kinds, how much of each, where, and what to look at first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.anatomy import NO_AXES, HeadFrame, HeadPosition, laterality, locate_voxels, places
from ml.assessment import FindingReading, KeySlice, KindProbability, LesionReading, Place
from ml.bundle import CalibrationRule
from ml.evidence import SliceEvidence, study_features
from ml.geometry import Placement
from ml.intracranial import Interior
from ml.lesions import Lesion, density_of, span_of
from ml.thickness import PlacedBleed, measure_thickness
from preread.terms import KINDS, HemorrhageType, Laterality, Level

# A lesion carries its most probable kind, and each other that explains this much of it.
LEAST_KIND_SHARE: Final = 0.3
# Less than a tenth of what is outlined is no type of its own: specks beside a large bleed.
LEAST_STUDY_SHARE: Final = 0.1
MOST_KEY_SLICES: Final = 5
NO_OUTLINE: Final = "no outlined bleed carries this type"


@dataclass(frozen=True)
class HeadContext:
    """What lesions are measured against; S source slices, N slabs.

    Attributes
    ----------
    slab_of_slice
        (S,).
    placement
        Of the model's grid on the source.
    evidence
        What speaks for blood on each slab.
    kind_probabilities, kind_maps
        (N, K) and (N, K, h, w).
    frame, interior
        The head's axes, or None, and the inside of the skull in whose pixels they are counted.
    above_slab_mm
        (S,) height of each slice's center above that of its slab.
    voxel_ml, hu
        (S,) and (S, R, C) of the source.
    """

    slab_of_slice: NDArray[np.intp]
    placement: Placement
    evidence: SliceEvidence
    kind_probabilities: NDArray[np.float32]
    kind_maps: NDArray[np.float32]
    frame: HeadFrame | None
    interior: Interior
    above_slab_mm: NDArray[np.float64]
    voxel_ml: NDArray[np.float64]
    hu: NDArray[np.float32]


@dataclass(frozen=True)
class TypedLesion:
    """A lesion whose voxels know their kind.

    Attributes
    ----------
    lesion
        Where it is.
    kinds
        Indices into ``KINDS``, the greatest volume first.
    voxel_kinds
        (V,) one of ``kinds`` for each voxel.
    """

    lesion: Lesion
    kinds: tuple[int, ...]
    voxel_kinds: NDArray[np.intp]


def type_lesions(
    head: HeadContext, lesions: Sequence[Lesion], among: Sequence[int] = range(len(KINDS))
) -> tuple[TypedLesion, ...]:
    """Give every lesion its kinds, out of those that it may have.

    A voxel's kinds are the network's map of kinds at its place times the probabilities of
    its slice: the map knows the place, the slice knows what there is at all.
    """
    allowed = np.array(sorted(among), np.intp)
    return tuple(_typed(head, lesion, allowed) for lesion in lesions)


def rate_kinds(
    head: HeadContext,
    typed: Sequence[TypedLesion],
    level: Level,
    calibration: CalibrationRule,
    thresholds: Sequence[float],
) -> tuple[KindProbability, ...]:
    """Rate each type over the study.

    A type is present if the study is not «none» and the type is a tenth of what is outlined,
    or its probability reaches its threshold. If a study is not «none» and neither holds for
    any type, the most probable one is named, because a bleed has a type.
    """
    probabilities = [
        curve.probability(study_features(head.evidence.kind_features(index), slice_curve))
        for index, (curve, slice_curve) in enumerate(
            zip(calibration.kinds, calibration.slice_kinds, strict=True)
        )
    ]
    shares = _shares(head, typed)
    present = {
        index
        for index in range(len(KINDS))
        if probabilities[index] >= thresholds[index] or shares[index] >= LEAST_STUDY_SHARE
    }
    if not present:
        present = {int(np.argmax(probabilities))}
    if level is Level.NONE:
        present = set()
    return tuple(
        KindProbability(kind, probabilities[index], thresholds[index], index in present)
        for index, kind in enumerate(KINDS)
    )


def _shares(head: HeadContext, typed: Sequence[TypedLesion]) -> NDArray[np.float64]:
    """Return (K,): how much of the outlined volume is of each type; 0 where nothing is outlined."""
    volumes = np.zeros(len(KINDS))
    for one in typed:
        weights = head.voxel_ml[one.lesion.voxels[:, 0]]
        volumes += np.bincount(one.voxel_kinds, weights, minlength=len(KINDS))
    return volumes / max(float(volumes.sum()), 1e-9)


def name_findings(
    head: HeadContext, typed: Sequence[TypedLesion], kinds: Sequence[KindProbability]
) -> tuple[FindingReading, ...]:
    """Make one finding of each type that is present, the most probable first."""
    present = [kind for kind in kinds if kind.present]
    present.sort(key=lambda kind: kind.probability, reverse=True)
    return tuple(_finding(head, typed, kind) for kind in present)


def describe_lesion(head: HeadContext, one: TypedLesion) -> LesionReading:
    """Describe one lesion in the words of the pre-read."""
    weights = head.voxel_ml[one.lesion.voxels[:, 0]]
    shares = tuple(
        float(weights[one.voxel_kinds == kind].sum() / weights.sum()) for kind in one.kinds
    )
    position = _position(head, one.lesion.voxels)
    return LesionReading(
        kinds=tuple(KINDS[kind] for kind in one.kinds),
        kind_shares=shares,
        volume_ml=one.lesion.volume_ml,
        density=one.lesion.density,
        slices=one.lesion.slices,
        laterality=Laterality.MIDLINE if position is None else laterality(position.left_mm),
        places=() if position is None else places(KINDS[one.kinds[0]], position),
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


def _typed(head: HeadContext, lesion: Lesion, allowed: NDArray[np.intp]) -> TypedLesion:
    scores = _voxel_scores(head, lesion.voxels, allowed)
    weights = head.voxel_ml[lesion.voxels[:, 0]]
    explained = weights @ scores / weights.sum()
    accepted = np.flatnonzero((explained >= LEAST_KIND_SHARE) | (explained == explained.max()))
    voxel_kinds = accepted[scores[:, accepted].argmax(axis=1)]
    volumes = np.bincount(voxel_kinds, weights, minlength=len(KINDS))
    order = np.argsort(-volumes, kind="stable")
    kinds = tuple(int(kind) for kind in order if volumes[kind] > 0)
    return TypedLesion(lesion, kinds, voxel_kinds)


def _voxel_scores(
    head: HeadContext, voxels: NDArray[np.intp], allowed: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return (V, K), each row summing to 1; 0 for types that are not allowed."""
    slabs = head.slab_of_slice[voxels[:, 0]]
    grid = head.placement.grid
    cells = []
    for axis in (0, 1):
        offset = voxels[:, 1 + axis] - head.placement.center_rc[axis]
        step = head.placement.source_spacing_mm[axis] / grid.spacing_mm
        on_grid = (grid.size - 1) / 2 + offset * step
        count = head.kind_maps.shape[2 + axis]
        cell = np.floor((on_grid + 0.5) * count / grid.size).astype(np.intp)
        cells.append(np.clip(cell, 0, count - 1))
    maps = head.kind_maps[slabs, :, cells[0], cells[1]].astype(np.float64)
    scores = np.zeros_like(maps)
    scores[:, allowed] = (maps * head.kind_probabilities[slabs] + 1e-9)[:, allowed]
    normalized: NDArray[np.float64] = scores / scores.sum(axis=1, keepdims=True)
    return normalized


def _position(head: HeadContext, voxels: NDArray[np.intp]) -> HeadPosition | None:
    return None if head.frame is None else locate_voxels(head.frame, _placed(head, voxels))


def _placed(head: HeadContext, voxels: NDArray[np.intp]) -> NDArray[np.float64]:
    """Bring (V, 3) source voxels to slab, row and column in the interior's pixels."""
    grid = head.placement.grid
    extent_mm = grid.size * grid.spacing_mm
    middle = (extent_mm / head.interior.spacing_mm - 1) / 2
    placed = np.empty(voxels.shape, np.float64)
    placed[:, 0] = head.slab_of_slice[voxels[:, 0]]
    for axis in (0, 1):
        offset_mm = (
            voxels[:, 1 + axis] - head.placement.center_rc[axis]
        ) * head.placement.source_spacing_mm[axis]
        placed[:, 1 + axis] = middle + offset_mm / head.interior.spacing_mm
    return placed


def _thickness(
    head: HeadContext, kind: HemorrhageType, voxels: NDArray[np.intp]
) -> tuple[float | None, str | None]:
    row_mm, column_mm = head.placement.source_spacing_mm
    slices = voxels[:, 0]
    bleed = PlacedBleed(
        slices, _placed(head, voxels), head.above_slab_mm[slices], row_mm * column_mm
    )
    return measure_thickness(kind, bleed, head.interior, head.frame)


def _finding(
    head: HeadContext, typed: Sequence[TypedLesion], kind: KindProbability
) -> FindingReading:
    index = KINDS.index(kind.kind)
    carriers = tuple(number for number, one in enumerate(typed) if index in one.kinds)
    if not carriers:
        return _unplaced(kind)
    parts = [typed[number] for number in carriers]
    voxels = np.concatenate([one.lesion.voxels[one.voxel_kinds == index] for one in parts])
    thickness_mm, no_thickness = _thickness(head, kind.kind, voxels)
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
        places=_places(head, kind.kind, voxels),
        places_reason=NO_AXES if head.frame is None else None,
        slices=span_of(voxels, head.voxel_ml),
        lesion_indices=carriers,
    )


def _places(head: HeadContext, kind: HemorrhageType, voxels: NDArray[np.intp]) -> tuple[Place, ...]:
    position = _position(head, voxels)
    return () if position is None else places(kind, position)


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
