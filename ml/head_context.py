"""What the lesions of one head are measured against, and where their voxels and places are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ml.anatomy import HeadFrame
from ml.evidence import SliceEvidence
from ml.geometry import Placement
from ml.intracranial import Interior
from ml.lesions import Lesion
from ml.places.blood import PlacedBlood, PlaceNamer, place_blood
from ml.places.upright import UprightHead


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
    blood
        What the outlined voxels' places are; None where the head's axes were not found.
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
    blood: PlacedBlood | None
    frame: HeadFrame | None
    interior: Interior
    above_slab_mm: NDArray[np.float64]
    voxel_ml: NDArray[np.float64]
    hu: NDArray[np.float32]


def place_lesions(
    head: HeadContext, lesions: Sequence[Lesion], upright: UprightHead, namer: PlaceNamer
) -> HeadContext:
    """Return the head with the places of its outlined blood; as it is where there is none."""
    if head.frame is None or not lesions:
        return head
    voxels = np.concatenate([lesion.voxels for lesion in lesions])
    row_mm, column_mm = head.placement.source_spacing_mm
    # A voxel of a thin slice is a part of its slab only.
    slices_in_slab = np.bincount(head.slab_of_slice)[head.slab_of_slice[voxels[:, 0]]]
    area_mm2 = row_mm * column_mm / slices_in_slab
    blood = place_blood(upright, head.frame, place_voxels(head, voxels), area_mm2, namer)
    return replace(head, blood=blood)


def place_voxels(head: HeadContext, voxels: NDArray[np.intp]) -> NDArray[np.float64]:
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
