"""A volume as the networks want it: slabs on the model's grid, and the inside of the skull there."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.bundle import Manifest
from ml.field import FieldRule, ReadField, field_of
from ml.geometry import ModelGrid, Placement, head_center, mean_of_blocks, to_grid
from ml.intracranial import Interior, find_interior
from ml.slabs import Slabs, plan_slabs
from ml.spec import NetworkSpec
from preread.dicom.volume import Volume

# The inside of the skull is looked for on pixels of twice the model's spacing.
INTERIOR_REDUCTION: Final = 2


@dataclass(frozen=True)
class ModelSlices:
    """A volume as the network wants it.

    Attributes
    ----------
    hu
        (N, size, size) float32 slabs on the model's grid.
    placement
        Where the grid lies on the source.
    slabs
        Which source slices make which slab.
    heights_mm
        (N,) center of each slab above the first slice.
    """

    hu: NDArray[np.float32]
    placement: Placement
    slabs: Slabs
    heights_mm: NDArray[np.float64]

    @property
    def thickness_mm(self) -> NDArray[np.float64]:
        """Thickness of each slab, (N,)."""
        thickness: NDArray[np.float64] = np.add.reduceat(self.slabs.thickness_mm, self.slabs.first)
        return thickness


def to_model(source: Volume, manifest: Manifest) -> ModelSlices:
    """Average thin slices and resample to the model's grid, centered on the head.

    Parameters
    ----------
    source
        In radiological orientation.
    manifest
        Says grid and slab thickness.
    """
    slabs = plan_slabs(source.thickness_mm, manifest.slab_mm)
    rows, columns = source.hu.shape[1:]
    placement = Placement(
        center_rc=head_center(source.hu),
        source_shape=(rows, columns),
        source_spacing_mm=source.pixel_spacing_mm,
        grid=ModelGrid(manifest.network.size, manifest.network.spacing_mm),
    )
    heights = slabs.average(heights_mm_of(source).astype(np.float32))
    return ModelSlices(
        hu=to_grid(slabs.average(source.hu), placement),
        placement=placement,
        slabs=slabs,
        heights_mm=heights.astype(np.float64),
    )


def interior_of(slices: NDArray[np.float32], spacing_mm: float) -> Interior:
    """Find the inside of the skull of (N, size, size) slabs on the model's grid."""
    coarse = mean_of_blocks(slices, INTERIOR_REDUCTION)
    return find_interior(coarse, spacing_mm * INTERIOR_REDUCTION)


def field_of_slices(
    slices: NDArray[np.float32], spec: NetworkSpec, rule: FieldRule | None
) -> ReadField:
    """Find what networks read of (S, size, size) slabs of one head on the model's grid."""
    return field_of(interior_of(slices, spec.spacing_mm), spec, rule)


def heights_mm_of(source: Volume) -> NDArray[np.float64]:
    """Return (S,) heights of the slices' centers above the first, along their normal."""
    normal = source.direction[:, 0]
    heights: NDArray[np.float64] = (source.positions_mm - source.positions_mm[0]) @ normal
    return heights
