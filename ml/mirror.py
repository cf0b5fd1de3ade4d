"""The midline at which a head is most like its mirror image.

The inner table alone misleads where it is round or grew askew; the falx, the ventricles and the
pattern of the sulci then still show where the middle is. The axis is sought at which points that
mirror each other have the most similar HU: over turns and shifts of a coarse grid, then over
finer ones that also let the midline lean from slab to slab.
"""

from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.geometry import mean_of_blocks
from ml.intracranial import Interior
from ml.symmetry import SymmetryAxis

# Pixels of the interior that are one here, about 3.6 mm.
REDUCTION: Final = 4
# Fluid to fresh blood; bone counts as no more than that.
RANGE_HU: Final = (-20.0, 100.0)
# Slabs with so much of the widest one's area, of which every second tells enough.
WIDE_SHARE: Final = 0.6
EVERY: Final = 2
# Where points lie that are compared, mm along the midline from its middle, and aside.
ALONG_MM: Final = np.arange(-85.0, 86.0, 4.0)
ASIDE_MM: Final = np.arange(2.0, 70.0, 4.0)
TURNS_DEG: Final = np.arange(-30.0, 31.0, 5.0)
SHIFTS: Final = np.arange(-8.0, 9.0, 4.0)
# Steps of degrees, pixels, and pixels per slab; each round looks one step to either side.
ROUNDS: Final = ((2.0, 1.5, 0.2), (2.0, 1.5, 0.2), (1.0, 0.7, 0.1), (1.0, 0.7, 0.1))


@dataclass(frozen=True)
class _Halves:
    """What is compared: slabs around a point of the midline, in the interior's pixels."""

    slabs: NDArray[np.intp]
    hu: NDArray[np.float32]
    inside: NDArray[np.float32]
    row: float
    columns: NDArray[np.float64]
    spacing_mm: float

    def unlike(self, turn: float, shift: float, lean: float) -> float:
        """Return the mean difference in HU between the halves; the points of either are inside."""
        along, aside = np.meshgrid(ALONG_MM, ASIDE_MM, indexing="ij")
        cosine, sine = np.cos(turn), np.sin(turn)
        middles = self.columns + shift + lean * (self.slabs - self.slabs.mean())
        differences, counts = 0.0, 0
        for number, middle in enumerate(middles):
            halves = []
            for side in (1, -1):
                rows = self.row + (along * cosine - side * aside * sine) / self.spacing_mm
                columns = middle + (along * sine + side * aside * cosine) / self.spacing_mm
                at = (np.stack([rows, columns]) - (REDUCTION - 1) / 2) / REDUCTION
                halves.append(
                    [
                        ndimage.map_coordinates(plane, at, order=1, mode="constant")
                        for plane in (self.hu[number], self.inside[number])
                    ]
                )
            (left, left_in), (right, right_in) = halves
            compared = np.maximum(left_in, right_in) > 0.5  # noqa: PLR2004 - most of a pixel
            differences += float(np.abs(left - right)[compared].sum())
            counts += int(compared.sum())
        return differences / max(counts, 1)


def refine_axis(hu: NDArray[np.float32], interior: Interior, axis: SymmetryAxis) -> SymmetryAxis:
    """Find the axis at which a head is most like its mirror image.

    Parameters
    ----------
    hu
        (N, H, W) float32 slabs in radiological orientation; H and W whole multiples of the
        interior's.
    interior
        Of the same slabs.
    axis
        Where to begin; its lean from slab to slab is right within a few degrees.
    """
    halves = _halves(hu, interior, axis)
    best = min(
        (halves.unlike(float(np.deg2rad(turn)), float(shift), 0.0), float(turn), float(shift), 0.0)
        for turn, shift in product(TURNS_DEG, SHIFTS)
    )
    for turn_step, shift_step, lean_step in ROUNDS:
        _, turn, shift, lean = best
        near = [
            (turn + turn_step * a, shift + shift_step * b, lean + lean_step * c)
            for a, b, c in product((-1, 0, 1), repeat=3)
            if abs(a) + abs(b) + abs(c) == 1
        ]
        best = min(
            [best, *((halves.unlike(float(np.deg2rad(t)), s, k), t, s, k) for t, s, k in near)]
        )
    _, turn, shift, lean = best
    per_row, per_slab = float(np.tan(np.deg2rad(turn))), axis.per_slab + lean
    middle = float(halves.slabs.mean())
    column = axis.offset + axis.per_row * halves.row + axis.per_slab * middle + shift
    return SymmetryAxis(column - per_row * halves.row - per_slab * middle, per_row, per_slab)


def _halves(hu: NDArray[np.float32], interior: Interior, axis: SymmetryAxis) -> _Halves:
    areas = interior.inside.sum(axis=(1, 2))
    slabs = np.flatnonzero(areas >= WIDE_SHARE * areas.max())[::EVERY]
    rows = np.flatnonzero(interior.inside[int(areas.argmax())].any(axis=1))
    row = float(rows[0] + rows[-1]) / 2
    enlarged = hu.shape[-1] // interior.inside.shape[-1]
    return _Halves(
        slabs,
        mean_of_blocks(np.clip(hu[slabs], *RANGE_HU), REDUCTION * enlarged),
        mean_of_blocks(interior.inside[slabs].astype(np.float32), REDUCTION),
        row,
        np.array([axis.offset + axis.per_row * row + axis.per_slab * slab for slab in slabs]),
        interior.spacing_mm,
    )
