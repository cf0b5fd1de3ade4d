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
# The long axis of the inside is within this of the midline: in no head of CT-ICH was it farther off.
LONG_AXIS_DEG: Final = 15.0
# No neck turns farther; beyond a quarter front would be taken for back.
MOST_TURN_DEG: Final = 80.0


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

    A head is longer than wide, so the midline lies near the long axis. A head is presumed to lie
    as straight as that allows.

    Parameters
    ----------
    inside
        (N, H, W) the intracranial space in some slabs, on square pixels.

    Returns
    -------
    float
        −π/2..π/2; 0 for a head whose long axis is near the columns, or that has no length.
    """
    spread = np.zeros((2, 2))
    for plane in inside:
        if plane.any():
            spread += np.cov(np.argwhere(plane), rowvar=False, bias=True)
    _, directions = np.linalg.eigh(spread)
    row, column = directions[:, 1] if directions[0, 1] >= 0 else -directions[:, 1]
    long_axis = float(np.arctan2(column, row))
    beyond = max(abs(long_axis) - np.deg2rad(LONG_AXIS_DEG), 0.0)
    return float(np.copysign(beyond, long_axis))


def turns_about(presumed: float, steps_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the turns in radians to try, ascending: those steps about one that a neck allows.

    Examples
    --------
    >>> np.rad2deg(turns_about(0.0, np.array([-90.0, -10.0, 10.0]))).round().tolist()
    [-10.0, 10.0]
    """
    turns = presumed + np.deg2rad(steps_deg)
    allowed: NDArray[np.float64] = turns[np.abs(turns) <= np.deg2rad(MOST_TURN_DEG)]
    return allowed


def find_axis(interior: Interior, levels: Sequence[int]) -> SymmetryAxis | None:
    """Find the axis of symmetry.

    Parameters
    ----------
    interior
        In radiological orientation.
    levels
        The slabs to look at; closed ones.

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
    presumed = presumed_turn(interior.inside[list(levels)])
    turn = _turn(rim, interior.spacing_mm, presumed)
    if turn is None:
        return None
    aside, _, per_slab = fit_plane(_midpoints(rim, turn, interior.spacing_mm))
    per_row, cosine = float(np.tan(turn)), float(np.cos(turn))
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
            slopes[number] = fit_plane(points)[1]
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


def fit_plane(points: NDArray[np.float64]) -> tuple[float, float, float]:
    """Fit the midline by least squares, thrice, each time without the worst fifth."""
    kept = points
    solution: NDArray[np.floating] = np.zeros(3)
    for _ in range(3):
        design = np.column_stack([np.ones(len(kept)), kept[:, 1], kept[:, 0]])
        solution, *_ = np.linalg.lstsq(design, kept[:, 2], rcond=None)
        error = np.abs(design @ solution - kept[:, 2])
        kept = kept[error <= np.quantile(error, 0.8)]
    return float(solution[0]), float(solution[1]), float(solution[2])
