"""The kinds of a lesion: what speaks for each at its voxels, and which of them it carries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.bundle import NamingRule
from ml.head_context import HeadContext, place_voxels
from ml.lesions import Lesion
from ml.places.contact import contact_evidence
from ml.places.kinds import place_evidence
from preread.terms import KINDS, HemorrhageType

# A lesion carries its most probable kind, and each other that explains this much of it.
LEAST_KIND_SHARE: Final = 0.3
# What is less probable than this is not less so to the naming of kinds.
LEAST_PROBABILITY: Final = 1e-6

# The kinds that the dura parts.
LAYERS: Final = (KINDS.index(HemorrhageType.SDH), KINDS.index(HemorrhageType.EDH))


class KindEvidence(NamedTuple):
    """Logarithms of what speaks for each kind at the V voxels of one lesion, each (V, K) float64.

    Attributes
    ----------
    on_map
        The detector's map of kinds at the place: it knows the place.
    on_slice
        Its probabilities of the slice: they know what there is at all.
    by_place, by_deep_place
        What the place of the blood says, near the skull and deep below it: blood in a ventricle
        is hardly epidural. 0 for all alike where no place was read; in between, a part of each.
    by_contact
        What the lesion's contact with the skull says, the same at every voxel: blood outside of
        the dura or below it lies against the inner table. 0 for the kinds that it tells nothing of.
    """

    on_map: NDArray[np.float64]
    on_slice: NDArray[np.float64]
    by_place: NDArray[np.float64]
    by_deep_place: NDArray[np.float64]
    by_contact: NDArray[np.float64]

    def scores(self, naming: NamingRule) -> NDArray[np.float64]:
        """Return (V, K) what speaks for each kind by a rule, each row summing to 1.

        A connected collection lies on one side of the dura: what speaks for the less likely of
        subdural and epidural speaks for the other.
        """
        odds = naming.map_power * self.on_map + naming.slice_power * self.on_slice
        deep = naming.place_power if naming.deep_place_power is None else naming.deep_place_power
        odds += naming.place_power * self.by_place + deep * self.by_deep_place
        odds += naming.contact_power * self.by_contact
        scores = np.exp(odds - odds.max(axis=1, keepdims=True))
        scores = scores / scores.sum(axis=1, keepdims=True)
        if len(scores):
            lesser, greater = sorted(LAYERS, key=lambda kind: float(scores[:, kind].sum()))
            moved = (1 - LEAST_PROBABILITY) * scores[:, lesser]
            scores[:, greater] += moved
            scores[:, lesser] -= moved
        kept: NDArray[np.float64] = scores
        return kept


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
    scores
        (K,) what speaks for each kind of all, 1 in sum; mean of the lesion.
    """

    lesion: Lesion
    kinds: tuple[int, ...]
    voxel_kinds: NDArray[np.intp]
    scores: NDArray[np.float64]


def score_lesions(
    head: HeadContext, lesions: Sequence[Lesion], naming: NamingRule
) -> tuple[ScoredLesion, ...]:
    """Score every voxel of every lesion for each kind."""
    return tuple(
        ScoredLesion(lesion, gather_kinds(head, lesion.voxels).scores(naming)) for lesion in lesions
    )


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
    return TypedLesion(one.lesion, kinds, voxel_kinds, weights @ one.scores / weights.sum())


def gather_kinds(head: HeadContext, voxels: NDArray[np.intp]) -> KindEvidence:
    """Gather what speaks for each kind at (V, 3) voxels of a lesion of the source."""
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
    by_place, by_deep_place, by_contact = np.zeros((3, len(voxels), len(KINDS)))
    if head.blood is not None:
        cell = head.blood.cell_of(place_voxels(head, voxels))
        by_place, by_deep_place = place_evidence(
            head.blood.cells.compartments[cell], head.blood.nearest_mm[cell]
        )
        voxel_mm3 = 1000 * head.voxel_ml[voxels[:, 0]]
        by_contact[:, LAYERS] = contact_evidence(head.blood, cell, voxel_mm3)
    return KindEvidence(
        _log(head.kind_maps[slabs, :, cells[0], cells[1]]),
        _log(head.kind_probabilities)[slabs],
        by_place,
        by_deep_place,
        by_contact,
    )


def _log(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    logarithms: NDArray[np.float64] = np.log(
        np.maximum(probabilities.astype(np.float64), LEAST_PROBABILITY)
    )
    return logarithms
