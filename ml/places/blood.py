"""The outlined blood of a head, brought to cells, and what a reader says of them."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.anatomy import HeadFrame, locate_voxels
from ml.bundle import Bundle
from ml.places.analytic import AnalyticPlaceReader
from ml.places.naming import PlacedVoxels
from ml.places.reading import CellPlaces, PlaceReader
from ml.places.upright import CELL_MM, UprightHead, cell_axes_mm, cells_of, nearest_bone_mm
from ml.scoring import Calibration


@dataclass(frozen=True)
class PlacedBlood:
    """What was read of every cell with blood.

    Attributes
    ----------
    frame
        Axes of the head.
    cells
        What was read.
    numbers
        (N, ROWS, COLUMNS) each cell's index in ``cells``; −1 where there is no blood.
    depth_mm, nearest_mm
        (C,) of each cell below the inner table, in the plane, and in it or above.
    calibration
        Of the shares of regions; None where nothing calibrated stands behind them.
    """

    frame: HeadFrame
    cells: CellPlaces
    numbers: NDArray[np.intp]
    depth_mm: NDArray[np.float32]
    nearest_mm: NDArray[np.float32]
    calibration: Calibration | None

    def cell_of(self, placed: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return (V,) the cells of voxels that are among the outlined ones."""
        numbers: NDArray[np.intp] = self.numbers[tuple(cells_of(self.frame, placed).T)]
        return numbers

    def voxels(self, placed: NDArray[np.float64], weights: NDArray[np.float64]) -> PlacedVoxels:
        """Return (V, 3) placed voxels, some of the outlined ones, for naming."""
        at = cells_of(self.frame, placed)
        cell = self.numbers[tuple(at.T)]
        _, left = cell_axes_mm()
        # As far beside its cell's middle as the voxel lies along the axes.
        aside_mm = locate_voxels(self.frame, placed).left_mm - left[at[:, 2]]
        return PlacedVoxels(cell, self.cells.left_mm[cell] + aside_mm, weights)


@dataclass(frozen=True)
class PlaceNamer:
    """A reader of places, and the calibration that belongs to it."""

    reader: PlaceReader
    calibration: Calibration | None


ANALYTIC: Final = PlaceNamer(AnalyticPlaceReader(), None)
"""Names places where a bundle has no networks for it."""


def by_geometry(bundle: Bundle) -> PlaceNamer:
    """Return the namer that needs nothing of a bundle."""
    del bundle
    return ANALYTIC


def place_blood(
    head: UprightHead,
    frame: HeadFrame,
    placed: NDArray[np.float64],
    area_mm2: NDArray[np.float64],
    namer: PlaceNamer,
) -> PlacedBlood:
    """Read the places of all outlined voxels at once.

    Parameters
    ----------
    head, frame
        The head, upright, and its axes.
    placed
        (V, 3) slab, row and column in the interior's pixels; at least one.
    area_mm2
        (V,) of each voxel, times its share of its slab's thickness.
    namer
        Who reads.
    """
    cells, number = np.unique(cells_of(frame, placed), axis=0, return_inverse=True)
    cell_mm2 = (CELL_MM / frame.scale) ** 2
    share = np.bincount(number.ravel(), area_mm2, minlength=len(cells)) / cell_mm2
    numbers = np.full(head.hu.shape, -1, np.intp)
    numbers[tuple(cells.T)] = np.arange(len(cells))
    read = namer.reader.read(head, cells, np.clip(share, 0, 1).astype(np.float32))
    at = tuple(cells.T)
    return PlacedBlood(
        frame=frame,
        cells=read,
        numbers=numbers,
        depth_mm=head.depth_mm[at],
        nearest_mm=nearest_bone_mm(head)[at],
        calibration=namer.calibration,
    )
