"""Brain gives way to blood that lies between it and the skull."""

# ruff: noqa: PLR2004 - anatomy is drawn in mm and HU; names for each would hide it
import numpy as np
from scipy import ndimage

from ml.training.painting.head import Field, PaintedHead


def push_brain(hu: Field, head: PaintedHead, reach_mm: Field) -> Field:
    """Move the brain away from the skull by what lies between; the push fades with depth.

    Parameters
    ----------
    hu
        (S, R, C) HU; is not changed.
    head
        The head before anything was painted.
    reach_mm
        (S, R, C) how deep below the inner table blood is to lie there.

    Returns
    -------
    ndarray
        (S, R, C) HU with the brain moved inwards, as if what takes its place were not there yet.
    """
    moved = hu.copy()
    _, row_mm, column_mm = head.spacing_mm
    rows, columns = np.meshgrid(
        *(np.arange(n, dtype=np.float32) for n in hu.shape[1:]), indexing="ij"
    )
    for number in np.flatnonzero((reach_mm * head.inside > 1.0).any(axis=(1, 2))):
        depth = ndimage.gaussian_filter(head.depth[number], 2.0)
        down, right = np.gradient(depth, row_mm, column_mm)
        # What the blood above this place measures, seen from any depth below it.
        over = ndimage.gaussian_filter(
            ndimage.maximum_filter(reach_mm[number] * (head.depth[number] > 0), 25), 6.0
        )
        way = 0.8 * over * np.exp(-np.maximum(depth - over, 0) / 22.0) * head.inside[number]
        source = np.stack([rows - way * down / row_mm, columns - way * right / column_mm])
        brain = _without_rim(hu[number], head.depth[number])
        warped = ndimage.map_coordinates(brain, source, order=1, mode="nearest")
        moved[number][head.inside[number]] = warped[head.inside[number]]
    return moved


def _without_rim(plane: Field, depth_mm: Field) -> Field:
    """Replace what is partly bone by the nearest brain, or bone would be drawn into the head."""
    brain = (depth_mm > 3.0) & (plane < 100.0)
    if not brain.any():
        return plane
    nearest = ndimage.distance_transform_edt(~brain, return_distances=False, return_indices=True)
    filled: Field = plane[tuple(nearest)]
    return filled
