"""A head turned upright, in cells of 2.4 mm of a standard head: what places are read from.

Every slab is cut to the head, turned until its midline is straight and scaled to a standard
length, so that a cell's row and column are a position in the head.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.anatomy import STANDARD_LENGTH_MM, HeadFrame, HeadPosition, locate_voxels
from ml.geometry import mean_of_blocks
from ml.intracranial import Interior

CELL_MM: Final = 2.4
ROWS: Final = 80
COLUMNS: Final = 64
# Beyond the grid of the images there is air.
AIR_HU: Final = -1000.0


@dataclass(frozen=True)
class UprightHead:
    """N slabs of a head, upright; rows from front to back, columns from right to left.

    Attributes
    ----------
    hu
        (N, ROWS, COLUMNS) float32.
    depth_mm
        (N, ROWS, COLUMNS) float32 below the inner table in the plane; negative outside.
    below_mm
        (N,) depth below the top of the inside; standard head.
    """

    hu: NDArray[np.float32]
    depth_mm: NDArray[np.float32]
    below_mm: NDArray[np.float64]


def cell_axes_mm() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the rows' mm behind the middle of the head and the columns' mm left of the midline."""
    back = (np.arange(ROWS, dtype=np.float64) - (ROWS - 1) / 2) * CELL_MM
    left = (np.arange(COLUMNS, dtype=np.float64) - (COLUMNS - 1) / 2) * CELL_MM
    return back, left


def stand_upright(hu: NDArray[np.float32], interior: Interior, frame: HeadFrame) -> UprightHead:
    """Turn a head upright.

    Parameters
    ----------
    hu
        (N, H, W) float32 slabs in radiological orientation; H and W twice a whole multiple of
        the interior's, or that multiple itself.
    interior, frame
        Of the same slabs.
    """
    depth = np.empty((len(hu), ROWS, COLUMNS), np.float32)
    for slab, plane in enumerate(interior.inside):
        at = np.rint(cell_pixels(frame, slab))
        inside = ndimage.map_coordinates(plane.astype(np.uint8), at, order=0, mode="constant")
        depth[slab] = _signed_depth_mm(inside > 0)
    side = hu.shape[-1] // interior.inside.shape[-1]
    return UprightHead(turn_upright(hu, frame, side), depth, below_mm_of(frame))


def turn_upright(hu: NDArray[np.float32], frame: HeadFrame, side: int) -> NDArray[np.float32]:
    """Return (N, ROWS, COLUMNS) HU of (N, H, W) slabs.

    Parameters
    ----------
    hu
        HU, ``side`` pixels for each of the frame's.
    frame
        Axes of the head.
    side
        1 or 2.
    """
    # Pixels near the size of a cell, or noise would be sampled.
    coarse = mean_of_blocks(hu, 2 * side)
    upright = np.empty((len(hu), ROWS, COLUMNS), np.float32)
    for slab in range(len(hu)):
        at = (cell_pixels(frame, slab) - 0.5) / 2
        upright[slab] = ndimage.map_coordinates(
            coarse[slab], at, order=1, mode="constant", cval=AIR_HU
        )
    return upright


def below_mm_of(frame: HeadFrame) -> NDArray[np.float64]:
    """Return (N,) depth of each slab below the top of the inside; standard head."""
    below: NDArray[np.float64] = (frame.top_mm - frame.heights_mm) * frame.scale
    return below


def nearest_bone_mm(head: UprightHead) -> NDArray[np.float32]:
    """Return (N, ROWS, COLUMNS) how far each cell lies from the inner table, in the plane or above; 0 outside.

    Bone below is not asked for: at the base, where the skull has holes, too little is found inside.
    """
    inside = head.depth_mm > 0
    step_mm = float(np.median(np.abs(np.diff(head.below_mm)))) if len(inside) > 1 else 0.0
    nearest = np.zeros(inside.shape, np.float32)
    above_mm = np.zeros(inside.shape[1:])
    for slab in range(len(inside) - 1, -1, -1):
        above_mm = np.where(inside[slab], above_mm + step_mm, 0.0)
        nearest[slab] = np.minimum(head.depth_mm[slab], above_mm - step_mm / 2)
    return np.where(inside, nearest, np.float32(0))


def cell_pixels(frame: HeadFrame, slab: int) -> NDArray[np.float64]:
    """Return (2, ROWS, COLUMNS) row and column of every cell in the interior's pixels."""
    back, left = cell_axes_mm()
    length = frame.back - frame.front
    along = frame.front + (back[:, None] / STANDARD_LENGTH_MM + 0.5) * length
    aside = left[None, :] / (frame.spacing_mm * frame.scale)
    cosine = frame.axis.cosine
    sine = frame.axis.per_row * cosine
    rows = along * cosine - aside * sine
    columns = along * sine + aside * cosine + frame.axis.offset + frame.axis.per_slab * slab
    return np.stack([rows, columns])


def cells_of(frame: HeadFrame, placed: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return (V, 3) slab, row and column of the cells that hold (V, 3) placed voxels.

    Parameters
    ----------
    frame
        Axes of the head.
    placed
        Slab, row and column in the interior's pixels. What lies beyond the cells goes to the
        nearest.
    """
    position = locate_voxels(frame, placed)
    rows = (position.behind - 0.5) * STANDARD_LENGTH_MM / CELL_MM + (ROWS - 1) / 2
    columns = position.left_mm / CELL_MM + (COLUMNS - 1) / 2
    cells = np.column_stack(
        [
            np.rint(placed[:, 0]),
            np.clip(np.rint(rows), 0, ROWS - 1),
            np.clip(np.rint(columns), 0, COLUMNS - 1),
        ]
    )
    return cells.astype(np.intp)


def along_axes_mm(head: UprightHead, cells: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return (C, 3) mm left of the midline, behind the middle and below the top, of (C, 3) cells."""
    slab, row, column = cells.T
    back, left = cell_axes_mm()
    return np.stack([left[column], back[row], head.below_mm[slab]], axis=1)


def position_of(head: UprightHead, cells: NDArray[np.intp]) -> HeadPosition:
    """Return where (C, 3) cells lie in the head's axes."""
    left_mm, back_mm, below_mm = along_axes_mm(head, cells).T
    return HeadPosition(left_mm, back_mm / STANDARD_LENGTH_MM + 0.5, below_mm)


def _signed_depth_mm(inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    if not inside.any():
        return np.full(inside.shape, -CELL_MM, np.float32)
    deep = ndimage.distance_transform_edt(inside)
    out = ndimage.distance_transform_edt(~inside)
    signed: NDArray[np.float32] = ((deep - out) * CELL_MM).astype(np.float32)
    return signed
