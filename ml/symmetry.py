"""The axis of symmetry of the inner table in a few slabs: where the midline ought to be.

The midpoints of chords across an oval lie on its axis only where the chords are square to it;
across a turned oval the midpoints turn by about a third as much as the oval. So the turn is
sought at which the midpoints run straight along it, around where the oval's long axis points: a
patient may lie with the head turned to one side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.intracranial import Interior

# Symmetry shows where the falx meets the skull, not at the temples: of the head's length, from
# its front and from its back.
ENDS_SHARE: Final = 0.3
LEAST_CHORD_MM: Final = 60.0
LEAST_MIDPOINTS: Final = 50
# Of the midline, about the turn that is presumed.
TURNS_DEG: Final = np.arange(-24.0, 24.5, 3.0)
# A head lies straight within this, as far as anything here tells.
ABOUT_STRAIGHT_DEG: Final = 15.0
# Where the long axis is so far from straight back, a head is rather wide than turned, ...
WIDE_DEG: Final = 70.0
# ... and where it is hardly longer, or few slabs are there, it says nothing: a root of variances, and slabs.
LEAST_ELONGATION: Final = 1.12
LEAST_SLABS: Final = 10
# Beyond this front would be taken for side.
MOST_TURN_DEG: Final = 75.0


@dataclass(frozen=True, slots=True)
class SymmetryAxis:
    """Column of the midline = offset + per_row · row + per_slab · slab, in the interior's pixels."""

    offset: float
    per_row: float
    per_slab: float

    def columns(self, rows: NDArray[np.float64], slab: int) -> NDArray[np.float64]:
        """Return the midline's column in each of some rows of a slab."""
        return self.offset + self.per_row * rows + self.per_slab * slab

    def aside(
        self, rows: NDArray[np.float64], columns: NDArray[np.float64], slabs: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return pixels from the midline, square to it, positive to the patient's left."""
        middle = self.offset + self.per_row * rows + self.per_slab * slabs
        return (columns - middle) * self.cosine

    def along(
        self, rows: NDArray[np.float64], columns: NDArray[np.float64], slabs: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return pixels along the midline, backwards from its point in row 0."""
        from_start = columns - self.offset - self.per_slab * slabs
        return (rows + self.per_row * from_start) * self.cosine

    @property
    def cosine(self) -> float:
        """Of the turn: takes a distance along a row to one square to the midline."""
        return float(np.cos(np.arctan(self.per_row)))


def presumed_turn(inside: NDArray[np.bool_]) -> float:
    """Return about where a midline points, in radians from straight back, as ``per_row`` does.

    A head is longer than wide, so the midline lies near the long axis: within 17° in the 82 heads
    of CT-ICH, each by its widest slabs. A head is presumed to lie as straight as that allows.

    Parameters
    ----------
    inside
        (N, H, W) the intracranial space in some slabs, on square pixels.

    Returns
    -------
    float
        0 where the long axis says nothing, or says that the head is straight.
    """
    shown = [plane for plane in inside if plane.any()]
    if len(shown) < LEAST_SLABS:
        return 0.0
    spread = np.sum(
        [np.cov(np.argwhere(plane), rowvar=False, bias=True) for plane in shown], axis=0
    )
    (lesser, greater), directions = np.linalg.eigh(spread)
    if greater <= LEAST_ELONGATION**2 * lesser:
        return 0.0
    row, column = directions[:, 1] if directions[0, 1] >= 0 else -directions[:, 1]
    long_axis = float(np.arctan2(column, row))
    return 0.0 if abs(long_axis) > np.deg2rad(WIDE_DEG) else beyond_straight(long_axis)


def beyond_straight(turn: float) -> float:
    """Return how far a turn in radians goes beyond what may pass for straight.

    Examples
    --------
    >>> [round(float(np.rad2deg(beyond_straight(np.deg2rad(turn))))) for turn in (-40, 10, 60)]
    [-25, 0, 45]
    """
    return float(np.copysign(max(abs(turn) - np.deg2rad(ABOUT_STRAIGHT_DEG), 0.0), turn))


def turns_about(presumed: float, steps_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the turns in radians to try, ascending: steps about one, as far as a turn can be told.

    Examples
    --------
    >>> np.rad2deg(turns_about(0.0, np.array([-90.0, -10.0, 10.0]))).round().tolist()
    [-10.0, 10.0]
    """
    turns = presumed + np.deg2rad(steps_deg)
    allowed: NDArray[np.float64] = turns[np.abs(turns) <= np.deg2rad(MOST_TURN_DEG)]
    return allowed


def find_axis(interior: Interior, levels: Sequence[int], turn: float = 0.0) -> SymmetryAxis | None:
    """Find the axis of symmetry.

    Parameters
    ----------
    interior
        In radiological orientation.
    levels
        The slabs to look at; closed ones.
    turn
        Of the head, as far as it is known, in radians.

    Returns
    -------
    SymmetryAxis or None
        None where no turn makes the midpoints run straight: too round or too uneven.
    """
    rims = [_rim(interior.inside[slab], slab) for slab in levels]
    rim = np.concatenate(rims) if rims else np.empty((0, 3))
    if len(rim) == 0:
        return None
    middle = (rim[:, 1:].min(axis=0) + rim[:, 1:].max(axis=0)) / 2
    rim[:, 1:] -= middle
    found = _turn(rim, interior.spacing_mm, beyond_straight(turn))
    if found is None:
        return None
    aside, _, per_slab = _fit_plane(_midpoints(rim, found, interior.spacing_mm))
    per_row, cosine = float(np.tan(found)), float(np.cos(found))
    offset = float(middle[1] - per_row * middle[0] + aside / cosine)
    return SymmetryAxis(offset, per_row, per_slab / cosine)


def _rim(inside: NDArray[np.bool_], slab: int) -> NDArray[np.float64]:
    """Return (P, 3) slab, row and column of the outermost pixels inside."""
    rows, columns = np.nonzero(inside & ~ndimage.binary_erosion(inside))
    return np.column_stack([np.full(len(rows), slab), rows, columns]).astype(np.float64)


def _turn(rim: NDArray[np.float64], spacing_mm: float, presumed: float) -> float | None:
    """Return the angle in radians at which the midpoints run straight along it.

    Of several it is the one nearest to the presumed turn.
    """
    turns = turns_about(presumed, TURNS_DEG)
    slopes = np.full(len(turns), np.nan)
    for number, turn in enumerate(turns):
        points = _midpoints(rim, float(turn), spacing_mm)
        if len(points) >= LEAST_MIDPOINTS:
            slopes[number] = _fit_plane(points)[1]
    before, after = slopes[:-1], slopes[1:]
    crossings = np.flatnonzero(before * after <= 0)
    if len(crossings) == 0:
        return None
    between = (turns[crossings] + turns[crossings + 1]) / 2
    at = int(crossings[np.abs(between - presumed).argmin()])
    slope, next_slope = float(slopes[at]), float(slopes[at + 1])
    share = slope / (slope - next_slope) if slope != next_slope else 0.0
    return float(turns[at] + share * (turns[at + 1] - turns[at]))


def _midpoints(rim: NDArray[np.float64], turn: float, spacing_mm: float) -> NDArray[np.float64]:
    """Return (M, 3) slab, place along the turned axis, and aside: of chords square to it."""
    slabs = rim[:, 0].astype(np.intp)
    along = rim[:, 1] * np.cos(turn) + rim[:, 2] * np.sin(turn)
    aside = rim[:, 2] * np.cos(turn) - rim[:, 1] * np.sin(turn)
    bins = np.rint(along).astype(np.intp)
    first = int(bins.min())
    shape = (int(slabs.max()) + 1, int(bins.max()) - first + 1)
    left, right = np.full(shape, -np.inf), np.full(shape, np.inf)
    np.maximum.at(left, (slabs, bins - first), aside)
    np.minimum.at(right, (slabs, bins - first), aside)
    share = np.arange(shape[1]) / max(shape[1] - 1, 1)
    at_end = (share < ENDS_SHARE) | (share > 1 - ENDS_SHARE)
    numbers, places = np.nonzero((left - right >= LEAST_CHORD_MM / spacing_mm) & at_end[None, :])
    middles = (left[numbers, places] + right[numbers, places]) / 2
    return np.column_stack([numbers, places + first, middles]).astype(np.float64)


def _fit_plane(points: NDArray[np.float64]) -> tuple[float, float, float]:
    """Fit the midline by least squares, thrice, each time without the worst fifth."""
    kept = points
    solution: NDArray[np.floating] = np.zeros(3)
    for _ in range(3):
        design = np.column_stack([np.ones(len(kept)), kept[:, 1], kept[:, 0]])
        solution, *_ = np.linalg.lstsq(design, kept[:, 2], rcond=None)
        error = np.abs(design @ solution - kept[:, 2])
        kept = kept[error <= np.quantile(error, 0.8)]
    return float(solution[0]), float(solution[1]), float(solution[2])
