"""The kinds of a lesion: what speaks for each at its voxels, and which of them it carries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.head_context import HeadContext, place_voxels
from ml.lesions import Lesion
from ml.places.naming import kind_support
from preread.terms import KINDS

# A lesion carries its most probable kind, and each other that explains this much of it.
LEAST_KIND_SHARE: Final = 0.3
# How much the place of blood counts beside what the network's map says of its kind.
PLACE_WEIGHT: Final = 0.5


@dataclass(frozen=True)
class ScoredLesion:
    """A lesion with what speaks for each kind at each of its voxels, (V, K), each row 1 in sum."""

    lesion: Lesion
    scores: NDArray[np.float64]


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


def score_lesions(head: HeadContext, lesions: Sequence[Lesion]) -> tuple[ScoredLesion, ...]:
    """Score every voxel of every lesion for each kind.

    The network's map of kinds at the place times the probabilities of the slice: the map knows
    the place, the slice knows what there is at all. What the place itself says, where it was
    read, counts half as much: blood in a ventricle is hardly epidural.
    """
    return tuple(ScoredLesion(lesion, _voxel_scores(head, lesion.voxels)) for lesion in lesions)


def type_lesions(
    head: HeadContext, scored: Sequence[ScoredLesion], among: Sequence[int] = range(len(KINDS))
) -> tuple[TypedLesion, ...]:
    """Give every lesion its kinds, out of those that it may have."""
    allowed = np.zeros(len(KINDS), np.bool_)
    allowed[list(among)] = True
    return tuple(_typed(head, one, allowed) for one in scored)


def _typed(head: HeadContext, one: ScoredLesion, allowed: NDArray[np.bool_]) -> TypedLesion:
    scores = one.scores * allowed
    scores = scores / scores.sum(axis=1, keepdims=True)
    weights = head.voxel_ml[one.lesion.voxels[:, 0]]
    explained = weights @ scores / weights.sum()
    accepted = np.flatnonzero((explained >= LEAST_KIND_SHARE) | (explained == explained.max()))
    voxel_kinds = accepted[scores[:, accepted].argmax(axis=1)]
    volumes = np.bincount(voxel_kinds, weights, minlength=len(KINDS))
    order = np.argsort(-volumes, kind="stable")
    kinds = tuple(int(kind) for kind in order if volumes[kind] > 0)
    return TypedLesion(one.lesion, kinds, voxel_kinds)


def _voxel_scores(head: HeadContext, voxels: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return (V, K), each row summing to 1."""
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
    scores = maps * head.kind_probabilities[slabs] + 1e-9
    if head.blood is not None:
        support = kind_support(head.blood.cells.compartments)
        scores *= support[head.blood.cell_of(place_voxels(head, voxels))] ** PLACE_WEIGHT
    normalized: NDArray[np.float64] = scores / scores.sum(axis=1, keepdims=True)
    return normalized
