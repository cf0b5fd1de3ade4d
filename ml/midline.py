"""Midline shift: how far the septum between the lateral ventricles lies from the skull's own midline.

Measured as on a report: at the level of the lateral ventricles, the distance in mm from the
ideal midline (the axis of symmetry of the inner table) to the midline that is there, halfway
between the two frontal horns, which is the septum pellucidum where they touch. Guidelines
count 5 mm as much (Bullock et al., Neurosurgery 2006;58(3 Suppl):S16–24).

Nothing is guessed: without two horns with fluid in them on neighboring slabs there is no
number but a reason. An effaced horn, a cast of blood or an open skull end that way.

The skull itself is not symmetric. In patients without any bleed this measure says up to 2 to
3 mm, so smaller shifts than that mean nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.anatomy import NO_AXES, HeadFrame
from ml.intracranial import Interior
from ml.symmetry import SymmetryAxis, find_axis
from preread.terms import Laterality

# Of a standard head: the bodies and frontal horns of the lateral ventricles lie here.
LEVELS_BELOW_MM: Final = (35.0, 85.0)
# Fewer closed slabs there do not make an axis.
LEAST_SLABS: Final = 4
# Where frontal horns are looked for: share front to back, and mm from the ideal midline.
HORNS_BEHIND: Final = (0.22, 0.58)
ASIDE_MM: Final = 0.9 * np.arange(-33, 34)
GRAIN_MM: Final = 1.2
# Below the middle HU of all inside the skull: fluid, and fluid that shows a thin septum within.
FLUID_BELOW_HU: Final = (12.0, 16.0, 20.0)
# Farther apart two pools are not the two horns, and no midline was ever pushed so far.
GREATEST_GAP_MM: Final = 12.0
GREATEST_SHIFT_MM: Final = 18.0
# Rows of one slab that must say the same within so many mm, and what share of all its rows.
LEAST_ROWS: Final = 10
ROW_SPREAD_MM: Final = 2.0
LEAST_ROW_SHARE: Final = 0.6
# Neighboring slabs that must agree within this.
SLAB_SPREAD_MM: Final = 2.5
# A shift that rounds to nothing has no direction.
LEAST_DIRECTED_MM: Final = 0.5

OPEN_SKULL: Final = "the skull does not close at the level of the ventricles"
NO_AXIS: Final = "the skull is too round or too uneven to have a midline"
NO_VENTRICLES: Final = "the ventricles between which the midline runs were not found"


@dataclass(frozen=True, slots=True)
class MidlineShift:
    """The shift of the midline, or why there is none.

    Attributes
    ----------
    shift_mm
        At least 0; None with ``reason``.
    toward
        The patient's side to which the midline moved; None without a shift.
    reason
        Why ``shift_mm`` is None.
    """

    shift_mm: float | None
    toward: Laterality | None
    reason: str | None


def measure_shift(
    hu: NDArray[np.float32], interior: Interior, frame: HeadFrame | None
) -> MidlineShift:
    """Measure the midline shift.

    Parameters
    ----------
    hu
        (N, H, W) float32 slabs in radiological orientation, H and W whole multiples of the
        interior's.
    interior, frame
        Of the same slabs.
    """
    if frame is None:
        return MidlineShift(None, None, NO_AXES)
    levels = _levels(interior, frame)
    if len(levels) < LEAST_SLABS:
        return MidlineShift(None, None, OPEN_SKULL)
    axis = find_axis(interior, levels, float(np.arctan(frame.axis.per_row)))
    if axis is None:
        return MidlineShift(None, None, NO_AXIS)
    rows = _horn_rows(frame)
    places = [_septum(hu[slab], interior, slab, axis, rows) for slab in levels]
    shift = _agreed(levels, places)
    if shift is None:
        return MidlineShift(None, None, NO_VENTRICLES)
    shift_mm = round(abs(shift), 1)
    if shift_mm < LEAST_DIRECTED_MM:
        return MidlineShift(shift_mm, None, None)
    return MidlineShift(shift_mm, Laterality.LEFT if shift > 0 else Laterality.RIGHT, None)


def _levels(interior: Interior, frame: HeadFrame) -> list[int]:
    """Return the closed slabs at the height of the lateral ventricles."""
    below_mm = (frame.top_mm - frame.heights_mm) * frame.scale
    low, high = LEVELS_BELOW_MM
    shown = (below_mm > low) & (below_mm < high) & interior.inside.any(axis=(1, 2))
    return [int(slab) for slab in np.flatnonzero(shown & ~interior.open_slices)]


def _horn_rows(frame: HeadFrame) -> NDArray[np.float64]:
    """Return the rows between which the frontal horns and bodies of the ventricles lie."""
    length = frame.back - frame.front
    first, last = (
        round((frame.front + share * length) * frame.axis.cosine) for share in HORNS_BEHIND
    )
    return np.arange(first, last + 1, dtype=np.float64)


def _septum(
    plane: NDArray[np.float32],
    interior: Interior,
    slab: int,
    axis: SymmetryAxis,
    rows: NDArray[np.float64],
) -> float | None:
    """Return mm of the septum from the ideal midline, positive to the left; None if not seen."""
    spacing_mm, inside = interior.spacing_mm, interior.inside[slab]
    step = plane.shape[0] // inside.shape[0]
    coarse = plane.reshape(len(inside), step, -1, step).mean(axis=(1, 3))
    columns = axis.columns(rows, slab)[:, None] + ASIDE_MM / (spacing_mm * axis.cosine)
    at = np.stack(np.broadcast_arrays(rows[:, None], columns))
    smooth = ndimage.gaussian_filter(coarse, GRAIN_MM / spacing_mm, truncate=3.0)
    profiles = ndimage.map_coordinates(smooth, at, order=1, mode="nearest")
    middle_hu = float(np.median(coarse[inside]))
    found = np.full(len(rows), np.nan)
    for below_hu in FLUID_BELOW_HU:
        between = _between_pools(profiles < middle_hu - below_hu)
        found = np.where(np.isnan(found), between, found)
    return _common(found[~np.isnan(found)])


def _between_pools(fluid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return for each row the middle of its narrowest gap between two pools, NaN without one."""
    pools = ndimage.binary_opening(fluid, np.ones((1, 2), np.bool_))
    numbers = np.broadcast_to(np.arange(len(ASIDE_MM)), pools.shape)
    last = np.maximum.accumulate(np.where(pools, numbers, -1), axis=1)
    following = np.where(pools, numbers, len(ASIDE_MM))[:, ::-1]
    following = np.minimum.accumulate(following, axis=1)[:, ::-1]
    both = ~pools & (last >= 0) & (following < len(ASIDE_MM))
    low = ASIDE_MM[np.maximum(last, 0)]
    high = ASIDE_MM[np.minimum(following, len(ASIDE_MM) - 1)]
    usable = both & (high - low <= GREATEST_GAP_MM)
    usable &= np.abs(low + high) / 2 <= GREATEST_SHIFT_MM
    width = np.where(usable, high - low, np.inf)
    best = width.argmin(axis=1)
    rows = np.arange(len(width))
    middle = (low[rows, best] + high[rows, best]) / 2
    found: NDArray[np.float64] = np.where(np.isfinite(width[rows, best]), middle, np.nan)
    return found


def _common(places_mm: NDArray[np.float64]) -> float | None:
    """Return what most rows of a slab say; None if they are few or disagree."""
    if len(places_mm) < LEAST_ROWS:
        return None
    near = places_mm[np.abs(places_mm - np.median(places_mm)) < ROW_SPREAD_MM]
    if len(near) < max(LEAST_ROWS, LEAST_ROW_SHARE * len(places_mm)):
        return None
    return float(near.mean())


def _agreed(levels: Sequence[int], places_mm: Sequence[float | None]) -> float | None:
    """Return the greatest shift on which two neighboring slabs agree, or None."""
    shifts = [
        (here + above) / 2
        for (slab, here), (slab_above, above) in pairwise(zip(levels, places_mm, strict=True))
        if here is not None
        and above is not None
        and slab_above == slab + 1
        and abs(here - above) <= SLAB_SPREAD_MM
    ]
    return max(shifts, key=abs) if shifts else None
