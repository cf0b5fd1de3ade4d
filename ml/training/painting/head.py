"""What painting needs to know of a head: its inside, depth below the skull, fluid and directions."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.intracranial import find_interior

Field = NDArray[np.float32]

# Fluid is 0..15 HU, brain 25..45; between them a voxel is partly fluid.
FLUID_HU: Final = 12.0
BRAIN_HU: Final = 28.0
# Fluid deeper than this below the skull, and near the middle, is ventricle and not sulcus.
VENTRICLE_DEPTH_MM: Final = 22.0
VENTRICLE_REACH_MM: Final = 42.0
# A share from which a voxel counts as fluid, and voxels from which fluid counts as a ventricle.
MOSTLY: Final = 0.6
LEAST_VOXELS: Final = 40


@dataclass(frozen=True)
class PaintedHead:
    """A head as painters see it; S slices of R rows and C columns, radiological orientation.

    Attributes
    ----------
    hu
        (S, R, C) float32 HU.
    spacing_mm
        Between slices, rows, columns.
    """

    hu: Field
    spacing_mm: tuple[float, float, float]

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """(S, R, C): the intracranial space."""
        return find_interior(self.hu, self.spacing_mm[1]).inside

    @cached_property
    def depth(self) -> Field:
        """(S, R, C) mm below the inner table, 0 outside."""
        planes = [
            ndimage.distance_transform_edt(plane, sampling=self.spacing_mm[1:])
            for plane in self.inside
        ]
        flat = np.stack(planes)
        # Near the vertex the skull is above, not beside.
        solid = ndimage.distance_transform_edt(self.inside, sampling=self.spacing_mm)
        return np.minimum(flat, solid + self.spacing_mm[0] / 2).astype(np.float32) * self.inside

    @cached_property
    def axes(self) -> tuple[Field, Field, Field]:
        """Up, back and left of the patient, mm from the middle of the inside; broadcastable."""
        weights = self.inside if self.inside.any() else np.ones_like(self.inside)
        centers = [float(np.average(range(n), weights=weights.sum(axis=other)))
                   for n, other in zip(weights.shape, ((1, 2), (0, 2), (0, 1)), strict=True)]  # fmt: skip
        lines = [
            ((np.arange(n) - center) * mm).astype(np.float32)
            for n, center, mm in zip(weights.shape, centers, self.spacing_mm, strict=True)
        ]
        up, back, left = lines
        return up[:, None, None], back[None, :, None], left[None, None, :]

    @cached_property
    def radius(self) -> Field:
        """(S, R, C) mm from the middle."""
        up, back, left = self.axes
        radius: Field = np.sqrt(up**2 + back**2 + left**2) + np.float32(1e-3)
        return radius

    @cached_property
    def fluid(self) -> Field:
        """(S, R, C) share of fluid, 0..1."""
        smooth = ndimage.gaussian_filter(self.hu, (0, 0.6, 0.6))
        share = np.clip((BRAIN_HU - smooth) / (BRAIN_HU - FLUID_HU), 0.0, 1.0) * self.inside
        fluid: Field = share.astype(np.float32)
        return fluid

    @cached_property
    def ventricles(self) -> Field:
        """(S, R, C) share of ventricle, 0..1; nothing where they are too small to be seen."""
        _, back, left = self.axes
        near = (np.abs(left) < VENTRICLE_REACH_MM) & (np.abs(back) < 1.5 * VENTRICLE_REACH_MM)
        deep = (self.depth > VENTRICLE_DEPTH_MM) & near & (self.fluid > MOSTLY)
        labels, count = ndimage.label(ndimage.binary_opening(deep, np.ones((1, 2, 2), np.bool_)))
        sizes = np.bincount(labels.ravel(), minlength=count + 1)
        large = np.isin(labels, np.flatnonzero(sizes > LEAST_VOXELS)[1:])
        grown = ndimage.binary_dilation(large, np.ones((1, 3, 3), np.bool_))
        return (self.fluid * grown).astype(np.float32)

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel."""
        return float(np.prod(self.spacing_mm)) / 1000.0


def noise(
    shape: tuple[int, ...],
    spacing_mm: tuple[float, float, float],
    grain_mm: float,
    random: np.random.Generator,
) -> Field:
    """Return (S, R, C) smooth noise of mean 0 and standard deviation 1."""
    sigma = [grain_mm / mm for mm in spacing_mm]
    # Drawn coarse and enlarged: a wide filter over full resolution costs seconds.
    steps = [max(1, int(s / 1.5)) for s in sigma]
    coarse = random.standard_normal(
        [-(-n // step) + 4 for n, step in zip(shape, steps, strict=True)]
    )
    smooth = ndimage.gaussian_filter(
        coarse.astype(np.float32), [s / step for s, step in zip(sigma, steps, strict=True)]
    )
    large = ndimage.zoom(smooth, steps, order=1)[tuple(slice(0, n) for n in shape)]
    field: Field = (large / max(float(large.std()), 1e-6)).astype(np.float32)
    return field
