"""The midline at which a head is most like its mirror image.

The inner table alone misleads where it is round or grew askew; the falx, the ventricles and the
pattern of the sulci then still show where the middle is. The axis is sought at which points that
mirror each other have the most similar HU: over turns and shifts of a coarse grid, then over
finer ones that also let the midline lean from slab to slab. Front and back of a head are alike too, by
and large, so only turns about straight are tried, or about what a clear long axis presumes.
"""

from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.geometry import mean_of_blocks
from ml.intracranial import Interior
from ml.symmetry import MOST_TURN_DEG, SymmetryAxis, presumed_turn, turns_about

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
_ALONG, _ASIDE = (axis.ravel() for axis in np.meshgrid(ALONG_MM, ASIDE_MM, indexing="ij"))
# About the turn that is presumed.
TURNS_DEG: Final = np.arange(-30.0, 31.0, 5.0)
SHIFTS: Final = np.arange(-8.0, 9.0, 4.0)
# Steps of degrees, pixels, and pixels per slab; each round looks one step to either side.
ROUNDS: Final = (
    *2 * ((2.0, 1.5, 0.2),),
    *2 * ((1.0, 0.7, 0.1),),
    *2 * ((0.5, 0.4, 0.05),),
)


@dataclass(frozen=True)
class _Halves:
    """What is compared: slabs around a point of the midline, in the interior's pixels.

    Attributes
    ----------
    slabs
        (n,) which slabs these are.
    pairs
        (n, h, w, 2) float32, reduced: HU, and how much of it is inside.
    row, column
        Of the point, in the middle of the slabs.
    per_slab
        Columns that the point moves from slab to slab.
    spacing_mm
        Of the interior's pixels.
    """

    slabs: NDArray[np.intp]
    pairs: NDArray[np.float32]
    row: float
    column: float
    per_slab: float
    spacing_mm: float

    @property
    def middle(self) -> float:
        """The slab that the point is told for."""
        return float(self.slabs.mean())

    def unlike(self, turn: float, shift: float, lean: float) -> float:
        """Return the mean difference in HU between the halves; the points of either are inside."""
        cosine, sine = np.cos(turn), np.sin(turn)
        middles = self.column + shift + (self.per_slab + lean) * (self.slabs - self.middle)
        sides = np.array([[1], [-1]])
        rows = self.row + (_ALONG * cosine - sides * _ASIDE * sine) / self.spacing_mm
        columns = (_ALONG * sine + sides * _ASIDE * cosine) / self.spacing_mm
        left, right = self._at(rows, middles[:, None, None] + columns)
        compared = np.maximum(left[..., 1], right[..., 1]) > 0.5  # noqa: PLR2004 - most of a pixel
        apart = np.abs(left[..., 0] - right[..., 0])[compared]
        return float(apart.sum(dtype=np.float64)) / max(len(apart), 1)

    def _at(
        self, rows: NDArray[np.float64], columns: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the pairs, linear between pixels and 0 off the slab, at points of both sides.

        All slabs, points and both values at once: a call of scipy for each plane took five times
        as long, mostly before it began.

        Parameters
        ----------
        rows
            (2, P), the same in every slab.
        columns
            (n, 2, P).

        Returns
        -------
        tuple
            (n, P, 2) float32 for either side.
        """
        count, height, width, _ = self.pairs.shape
        row, column = ((at - (REDUCTION - 1) / 2) / REDUCTION for at in (rows, columns))
        top = np.clip(np.floor(row), 0, height - 2)
        left = np.clip(np.floor(column), 0, width - 2)
        first = ((np.arange(count)[:, None, None] * height + top) * width + left).astype(np.intp)
        on_slab = ((row >= 0) & (row <= height - 1)) & ((column >= 0) & (column <= width - 1))
        down = (row - top).astype(np.float32)
        right = (column - left).astype(np.float32)
        weights = np.stack(
            [(1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right]
        )
        weights *= on_slab
        flat = self.pairs.reshape(-1, 2)
        found = sum(
            np.take(flat, first + step, axis=0, mode="clip") * weight[..., None]
            for step, weight in zip((0, 1, width, width + 1), weights, strict=True)
        )
        return found[:, 0], found[:, 1]


def find_mirror_axis(hu: NDArray[np.float32], interior: Interior) -> SymmetryAxis:
    """Find the axis at which a head is most like its mirror image.

    Parameters
    ----------
    hu
        (N, H, W) float32 slabs in radiological orientation; H and W whole multiples of the
        interior's.
    interior
        Of the same slabs; not empty.
    """
    wide = _wide_slabs(interior)
    halves = _halves(hu, interior, wide[::EVERY])
    turns = np.rad2deg(turns_about(presumed_turn(interior.inside[wide]), TURNS_DEG))
    # Shifts square to the midline, told along the rows.
    tried = (
        (float(turn), float(shift / np.cos(np.deg2rad(turn))))
        for turn, shift in product(turns, SHIFTS)
    )
    best = min(
        (halves.unlike(float(np.deg2rad(turn)), shift, 0.0), turn, shift, 0.0)
        for turn, shift in tried
    )
    for turn_step, shift_step, lean_step in ROUNDS:
        _, turn, shift, lean = best
        near = [
            (turn + turn_step * a, shift + shift_step * b, lean + lean_step * c)
            for a, b, c in product((-1, 0, 1), repeat=3)
            if abs(a) + abs(b) + abs(c) == 1 and abs(turn + turn_step * a) <= MOST_TURN_DEG
        ]
        best = min(
            [best, *((halves.unlike(float(np.deg2rad(t)), s, k), t, s, k) for t, s, k in near)]
        )
    _, turn, shift, lean = best
    per_row = float(np.tan(np.deg2rad(turn)))
    per_slab = halves.per_slab + lean
    # Turn and shift are about a point of the middle slab, and so is the lean.
    offset = halves.column + shift - per_row * halves.row - per_slab * halves.middle
    return SymmetryAxis(offset, per_row, per_slab)


def _wide_slabs(interior: Interior) -> NDArray[np.intp]:
    areas = interior.inside.sum(axis=(1, 2))
    slabs: NDArray[np.intp] = np.flatnonzero(areas >= WIDE_SHARE * areas.max())
    return slabs


def _halves(hu: NDArray[np.float32], interior: Interior, slabs: NDArray[np.intp]) -> _Halves:
    """Return what is compared, around the middles of the inside, as well as a line goes through them."""
    middles = np.array([np.argwhere(interior.inside[slab]).mean(axis=0) for slab in slabs])
    from_middle = slabs - slabs.mean()
    length = float(from_middle @ from_middle)
    enlarged = hu.shape[-1] // interior.inside.shape[-1]
    reduced = mean_of_blocks(np.clip(hu[slabs], *RANGE_HU), REDUCTION * enlarged)
    inside = mean_of_blocks(interior.inside[slabs].astype(np.float32), REDUCTION)
    return _Halves(
        slabs,
        np.stack([reduced, inside], axis=-1),
        row=float(middles[:, 0].mean()),
        column=float(middles[:, 1].mean()),
        per_slab=float(from_middle @ middles[:, 1]) / length if length else 0.0,
        spacing_mm=interior.spacing_mm,
    )
