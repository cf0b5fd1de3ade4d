"""Greatest thickness in mm of a bleed outside the brain, square to the inner table of the skull.

As on a report: the depth to which blood reaches inward from the inner table, where it reaches
deepest. The guidelines for surgery count more than 10 mm of a subdural hematoma and 15 mm of
an epidural one as much (Bullock et al., Neurosurgery 2006;58(3 Suppl):S7–15, S16–24).

Depth is first measured in the slice and then brought to the skull's slope between the slices:
near the vertex a crescent is cut obliquely and looks thicker than it is (a quarter too much is
left there). A depth counts only
if a few mm² of blood reach it, so that a spur of the outline does not, and only if blood lies
all the way from the inner table. That leaves out falx and tentorium, beside which thickness
from the convexity means nothing.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.anatomy import NO_AXES, HeadFrame, locate_voxels
from ml.intracranial import Interior
from preread.terms import HemorrhageType

EXTRA_AXIAL: Final = (HemorrhageType.SDH, HemorrhageType.EDH)
# As much of a slice's blood may reach deeper than the depth that is told.
SPUR_MM2: Final = 3.0
# Blood begins this near to the inner table, where bone and blood share a pixel, and fills this
# much of a lane from there to its deepest point.
NEAR_TABLE_MM: Final = 3.0
LEAST_FILLED: Final = 0.7
LANE_MM: Final = 3.0
# Of a standard head: subdural blood this near to the midline and the vertex lies along the falx.
FALX_MM: Final = 9.0
FALX_ENDS_MM: Final = 68.0
# Nearer to the vertex the slope between slices is too steep to be known from them.
STEEPEST: Final = 2.0

NOT_EXTRA_AXIAL: Final = "thickness is measured of subdural and epidural bleeds only"
BESIDE_FALX: Final = "the bleed lies along the falx; thickness is measured from the convexity"
OPEN_SKULL: Final = "the skull does not close where the bleed lies"
NOT_AT_TABLE: Final = "the outline does not lie along the inner table"


@dataclass(frozen=True, slots=True)
class PlacedBleed:
    """The voxels of one finding in the pixels of the interior.

    Attributes
    ----------
    slices
        (V,) the source slice of each.
    placed
        (V, 3) slab, row and column; slabs in whole numbers.
    above_mm
        (V,) height of the slice's center above the slab's.
    pixel_mm2
        Area of a source pixel.
    """

    slices: NDArray[np.intp]
    placed: NDArray[np.float64]
    above_mm: NDArray[np.float64]
    pixel_mm2: float

    def only(self, chosen: NDArray[np.bool_]) -> "PlacedBleed":
        """Return some of the voxels."""
        return PlacedBleed(
            self.slices[chosen], self.placed[chosen], self.above_mm[chosen], self.pixel_mm2
        )


def measure_thickness(
    kind: HemorrhageType, bleed: PlacedBleed, interior: Interior, frame: HeadFrame | None
) -> tuple[float | None, str | None]:
    """Measure the greatest thickness of one finding.

    Parameters
    ----------
    kind
        Its type.
    bleed
        Its voxels, at least one.
    interior, frame
        Of the slabs that the voxels are placed in.

    Returns
    -------
    tuple
        Millimetres and None, or None and the reason.
    """
    if kind not in EXTRA_AXIAL:
        return None, NOT_EXTRA_AXIAL
    if frame is None:
        return None, NO_AXES
    at_falx = _at_falx(kind, bleed, frame)
    if at_falx.mean() > 0.5:  # noqa: PLR2004 - most of it
        return None, BESIDE_FALX
    closed = ~interior.open_slices[bleed.placed[:, 0].astype(np.intp)]
    if not (closed & ~at_falx).any():
        return None, OPEN_SKULL
    thickest = _thickest(bleed.only(closed & ~at_falx), _Depths(interior, frame.heights_mm))
    return (None, NOT_AT_TABLE) if thickest is None else (round(thickest, 1), None)


def _at_falx(kind: HemorrhageType, bleed: PlacedBleed, frame: HeadFrame) -> NDArray[np.bool_]:
    """Return which voxels lie along the falx; no epidural bleed does."""
    position = locate_voxels(frame, bleed.placed)
    near = (np.abs(position.left_mm) <= FALX_MM) & (position.below_mm <= FALX_ENDS_MM)
    return near & (kind is HemorrhageType.SDH)


class _Depths:
    """Signed distance in mm to the inner table in the plane of each slab, made when asked for."""

    def __init__(self, interior: Interior, heights_mm: NDArray[np.float64]) -> None:
        rows, columns = (
            np.flatnonzero(interior.inside.any(axis=axes)) for axes in ((0, 2), (0, 1))
        )
        self._first = np.array([rows[0] - 1, columns[0] - 1])
        self._inside = np.pad(interior.inside, ((0, 0), (1, 1), (1, 1)))[
            :, rows[0] : rows[-1] + 3, columns[0] : columns[-1] + 3
        ]
        self.spacing_mm = interior.spacing_mm
        self._heights_mm = heights_mm
        self._signed: dict[int, NDArray[np.float64]] = {}

    def in_plane(self, slab: int, at: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (V,) mm from the inner table at (V, 2) rows and columns, positive inside."""
        if slab not in self._signed:
            inside = self._inside[slab]
            deep = ndimage.distance_transform_edt(inside)
            out = ndimage.distance_transform_edt(~inside)
            self._signed[slab] = np.where(inside, deep, 1.0 - out) * self.spacing_mm
        local = (at - self._first).T
        mm: NDArray[np.float64] = ndimage.map_coordinates(
            self._signed[slab], local, order=1, mode="nearest"
        )
        return mm

    def slope(self, slab: int, at: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (V,) mm by which the inner table recedes per mm towards the head."""
        low, high = max(slab - 1, 0), min(slab + 1, len(self._inside) - 1)
        low = low if self._inside[low].any() else slab
        high = high if self._inside[high].any() else slab
        if low == high:
            return np.zeros(len(at))
        rise = self.in_plane(high, at) - self.in_plane(low, at)
        slope: NDArray[np.float64] = rise / (self._heights_mm[high] - self._heights_mm[low])
        return np.clip(slope, -STEEPEST, STEEPEST)


def _thickest(bleed: PlacedBleed, depths: _Depths) -> float | None:
    """Return the greatest thickness over the slices; None if blood lies at the table in none."""
    found = []
    for number in np.unique(bleed.slices):
        part = bleed.only(bleed.slices == number)
        slab, at = int(part.placed[0, 0]), part.placed[:, 1:]
        flat, slope = depths.in_plane(slab, at), depths.slope(slab, at)
        reach = (flat + slope * part.above_mm) / np.sqrt(1.0 + slope**2)
        spur = min(round(SPUR_MM2 / bleed.pixel_mm2), len(reach) - 1)
        deepest = int(np.argpartition(reach, -1 - spur)[-1 - spur])
        if _lies_at_table(part, depths, deepest, float(flat[deepest])):
            found.append(float(reach[deepest]))
    return max(found, default=None)


def _lies_at_table(part: PlacedBleed, depths: _Depths, deepest: int, depth_mm: float) -> bool:
    """Return whether blood fills a lane from the inner table to the deepest voxel of a slice."""
    slab, at = int(part.placed[0, 0]), part.placed[:, 1:]
    aside = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    down, up, right, left = depths.in_plane(slab, at[deepest] + aside)
    inward = np.array([down - up, right - left])
    inward /= max(float(np.hypot(*inward)), 1e-6)
    from_deepest = (at - at[deepest]) * depths.spacing_mm
    outward_mm = -from_deepest @ inward
    aside_mm = np.abs(from_deepest @ np.array([-inward[1], inward[0]]))
    lane = (aside_mm <= LANE_MM / 2) & (outward_mm >= 0) & (outward_mm <= depth_mm + 1.0)
    filled_mm2 = np.count_nonzero(lane) * part.pixel_mm2
    begins_mm = depth_mm - float(outward_mm[lane].max())
    return begins_mm <= NEAR_TABLE_MM and bool(filled_mm2 >= LEAST_FILLED * LANE_MM * depth_mm)
