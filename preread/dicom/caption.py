"""Finds room for the label of an outlined lesion: near to it, over no outlined pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

GAP_PX: Final = 4
STEP_PX: Final = 8
MOST_POINTS: Final = 80


@dataclass(frozen=True, slots=True)
class Caption:
    """Where a label stands.

    Attributes
    ----------
    left, top
        Of its box, in pixels.
    edge_xy, lesion_xy
        The point of the box and that of the lesion that are nearest to each other.
    distance_px
        Between them.
    """

    left: int
    top: int
    edge_xy: tuple[int, int]
    lesion_xy: tuple[int, int]
    distance_px: float


class Free:
    """The part of a picture that labels may cover.

    Parameters
    ----------
    outlined
        (H, W) bool: every outlined lesion of the picture.
    """

    def __init__(self, outlined: NDArray[np.bool_]) -> None:
        self._taken = outlined.copy()

    def take(self, rows: slice, columns: slice) -> None:
        """Leave a box to something else."""
        self._taken[rows, columns] = True

    def nearest(self, lesion: NDArray[np.bool_], size: tuple[int, int]) -> Caption | None:
        """Take the free box of a size (width, height) that is nearest to a lesion.

        Parameters
        ----------
        lesion
            (H, W) bool, not empty.
        size
            Of the label in pixels.

        Returns
        -------
        Caption or None
            None if there is no room.
        """
        boxes = self._free_boxes(size).astype(np.int16)  # a fourth of the memory to walk over
        if not len(boxes):
            return None
        points = _some_points(lesion).astype(np.int16)
        # Each axis on its own: how far the point lies outside the box.
        squares = np.zeros((len(boxes), len(points)), np.int32)
        for axis, extent in enumerate((size[1], size[0])):
            low, at = boxes[:, None, axis], points[None, :, axis]
            outside = np.maximum(np.maximum(low - at, at - low - np.int16(extent)), 0)
            squares += outside.astype(np.int32) ** 2
        box, point = np.unravel_index(int(squares.argmin()), squares.shape)
        top, left = (int(value) for value in boxes[box])
        row, column = (int(value) for value in points[point])
        self.take(slice(top, top + size[1]), slice(left, left + size[0]))
        edge = (
            int(np.clip(column, left, left + size[0])),
            int(np.clip(row, top, top + size[1])),
        )
        return Caption(left, top, edge, (column, row), float(np.sqrt(squares[box, point])))

    def _free_boxes(self, size: tuple[int, int]) -> NDArray[np.intp]:
        """Return (N, 2) top and left of boxes that keep the gap to all that is taken."""
        wide, high = size[0] + 2 * GAP_PX, size[1] + 2 * GAP_PX
        rows, columns = self._taken.shape
        if high > rows or wide > columns:
            return np.zeros((0, 2), np.intp)
        sums = np.zeros((rows + 1, columns + 1), np.int32)
        sums[1:, 1:] = self._taken.cumsum(axis=0, dtype=np.int32).cumsum(axis=1, dtype=np.int32)
        inside = (
            sums[high:, wide:] - sums[:-high, wide:] - sums[high:, :-wide] + sums[:-high, :-wide]
        )
        corners: NDArray[np.intp] = np.argwhere(inside[::STEP_PX, ::STEP_PX] == 0)
        return corners * STEP_PX + GAP_PX


def _some_points(lesion: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return (N, 2) rows and columns of at most some points, evenly from all of them."""
    points: NDArray[np.intp] = np.argwhere(lesion)
    return points[:: max(1, -(-len(points) // MOST_POINTS))]
