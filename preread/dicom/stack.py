"""How the slices of one series lie in space: order, spacing, tilt, duplicates and holes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

SAME_POSITION_MM: Final = 0.01  # closer slices are one slice sent twice
HOLE_FACTOR: Final = 1.5  # a spacing this many times what is usual there is a missing slice
UNEVEN_SHARE: Final = 0.1  # of the median spacing
TILT_DEG: Final = 1.0  # below, positions are only rounded
SAME_DIRECTION: Final = 0.999  # cosine; 2.6 degrees


class QualityFlag(StrEnum):
    """What is unusual about a series that can be read all the same."""

    GANTRY_TILT = "GANTRY_TILT"
    UNEVEN_SPACING = "UNEVEN_SPACING"
    DUPLICATE_SLICES = "DUPLICATE_SLICES"
    SLICES_NOT_STACKED = "SLICES_NOT_STACKED"
    GAPS_BETWEEN_SLICES = "GAPS_BETWEEN_SLICES"
    MISSING_SLICES = "MISSING_SLICES"
    BONE_KERNEL = "BONE_KERNEL"
    BODY_PART_UNKNOWN = "BODY_PART_UNKNOWN"
    LOSSY_COMPRESSION = "LOSSY_COMPRESSION"


@dataclass(frozen=True)
class SliceStack:
    """The slices of one series in order from feet to head.

    Attributes
    ----------
    order
        Indices into what was given: one per distinct position, from feet to head.
    distances_mm
        float64, shape (S,): along ``normal``, ascending.
    positions_mm
        float64, shape (S, 3), LPS: center of the first voxel of each slice.
    normal, row_direction, column_direction
        float64, shape (3,), LPS unit vectors: headward across the slices, along a row (to
        the next column), along a column (to the next row).
    tilt_deg
        Angle between the normal and the direction in which the slices are stacked, in the
        manner of Gantry/Detector Tilt (0018,1120) but never negative.
    duplicates
        Slices dropped, as they are at the position of another.
    holes
        Places where slices must be missing.
    flags
        What of this is worth telling.
    """

    order: tuple[int, ...]
    distances_mm: NDArray[np.float64]
    positions_mm: NDArray[np.float64]
    normal: NDArray[np.float64]
    row_direction: NDArray[np.float64]
    column_direction: NDArray[np.float64]
    tilt_deg: float
    duplicates: int
    holes: int
    flags: tuple[QualityFlag, ...]

    @property
    def spacings_mm(self) -> NDArray[np.float64]:
        """Distances between neighbors along the normal, shape (S - 1,)."""
        return np.diff(self.distances_mm)

    @property
    def axial_cosine(self) -> float:
        """Cosine of the angle between the normal and the patient's long axis."""
        return abs(float(self.normal[2]))


def stack_slices(
    positions_mm: Sequence[tuple[float, float, float]],
    orientations: Sequence[tuple[float, float, float, float, float, float]],
    thicknesses_mm: Sequence[float | None],
    ranks: Sequence[int],
) -> SliceStack:
    """Put slices in order along their normal, from feet to head.

    Parameters
    ----------
    positions_mm, orientations
        Of every slice: Image Position and Orientation (Patient), PS3.3 C.7.6.2.1.1.
    thicknesses_mm
        Nominal Slice Thickness (0018,0050), None where unknown.
    ranks
        Of slices at one position, the one of lowest rank stays.

    Raises
    ------
    ValueError
        If there is no slice.
    """
    if not positions_mm:
        raise ValueError("a stack needs at least one slice")
    cosines = np.asarray(orientations, np.float64)
    parallel = _parallel_to_most(cosines)
    row_direction, column_direction, normal = _directions(cosines[parallel[0]])
    at = np.asarray(positions_mm, np.float64)
    along = at @ normal
    order = sorted(parallel, key=lambda index: (round(float(along[index]), 2), ranks[index]))
    kept = [order[0]]
    for index in order[1:]:
        if along[index] - along[kept[-1]] > SAME_POSITION_MM:
            kept.append(index)
    thick = np.array([thicknesses_mm[index] or 0.0 for index in kept])
    spacings = np.diff(along[kept])
    tilt_deg = _tilt(at[kept], normal)
    holes = _count_holes(spacings, thick)
    duplicates, strays = len(order) - len(kept), len(at) - len(order)
    return SliceStack(
        order=tuple(kept),
        distances_mm=along[kept],
        positions_mm=at[kept],
        normal=normal,
        row_direction=row_direction,
        column_direction=column_direction,
        tilt_deg=tilt_deg,
        duplicates=duplicates,
        holes=holes,
        flags=_flags(spacings, thick, (tilt_deg, duplicates, strays, holes)),
    )


def local_thickness_mm(
    distances_mm: NDArray[np.float64], thicknesses_mm: Sequence[float | None]
) -> NDArray[np.float64]:
    """Return the extent along the normal that each slice stands for, shape (S,).

    Half way to both neighbors; at the ends, where one is missing, half the nominal thickness
    but never more than half way to the only neighbor.

    Examples
    --------
    >>> local_thickness_mm(np.array([0.0, 4.0, 8.0, 15.0]), [4.0, 4.0, 7.0, 7.0]).tolist()
    [4.0, 4.0, 5.5, 7.0]
    """
    nominal = np.array([value or np.inf for value in thicknesses_mm])
    if len(distances_mm) == 1:
        return np.where(np.isfinite(nominal), nominal, 1.0)
    half = np.diff(distances_mm) / 2
    below = np.concatenate([[min(half[0], nominal[0] / 2)], half])
    above = np.concatenate([half, [min(half[-1], nominal[-1] / 2)]])
    thickness: NDArray[np.float64] = below + above
    return thickness


def _parallel_to_most(cosines: NDArray[np.float64]) -> list[int]:
    """Return the slices whose rows and columns point the same way as those of most."""
    rounded = np.round(cosines, 2)
    kinds, counts = np.unique(rounded, axis=0, return_counts=True)
    most = cosines[(rounded == kinds[int(np.argmax(counts))]).all(1)][0]
    alike = (cosines[:, :3] @ most[:3] > SAME_DIRECTION) & (
        cosines[:, 3:] @ most[3:] > SAME_DIRECTION
    )
    return [int(index) for index in np.flatnonzero(alike)]


def _directions(
    cosines: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return unit vectors along a row, along a column and, headward, across the slices."""
    row = cosines[:3] / np.linalg.norm(cosines[:3])
    column = cosines[3:] - row * (cosines[3:] @ row)
    column /= np.linalg.norm(column)
    normal = np.cross(row, column)
    return row, column, normal if normal[2] >= 0 else -normal


def _tilt(positions_mm: NDArray[np.float64], normal: NDArray[np.float64]) -> float:
    """Return the angle in degrees between the normal and the line through the slices."""
    if len(positions_mm) == 1:
        return 0.0
    line = positions_mm[-1] - positions_mm[0]
    along = float(line @ normal)
    aside = float(np.linalg.norm(line - along * normal))
    return float(np.degrees(np.arctan2(aside, along)))


def _count_holes(spacings: NDArray[np.float64], thick: NDArray[np.float64]) -> int:
    """Count spacings too wide for what the thickness and the other spacings lead one to expect.

    Examples
    --------
    >>> _count_holes(np.array([5.0, 5.0, 10.0, 5.0]), np.array([5.0] * 5))
    1
    >>> _count_holes(np.array([4.2, 4.2, 7.0, 7.0]), np.array([4.0, 4.0, 4.0, 7.0, 7.0]))
    0
    """
    if len(spacings) == 0:
        return 0
    usual = np.maximum(np.median(spacings), np.maximum(thick[:-1], thick[1:]))
    return int((spacings > HOLE_FACTOR * usual).sum())


def _flags(
    spacings: NDArray[np.float64],
    thick: NDArray[np.float64],
    found: tuple[float, int, int, int],
) -> tuple[QualityFlag, ...]:
    tilt_deg, duplicates, strays, holes = found
    median = float(np.median(spacings)) if len(spacings) else 0.0
    uneven = len(spacings) and float(np.ptp(spacings)) > UNEVEN_SHARE * median
    apart = len(spacings) and thick.max() > 0 and median > HOLE_FACTOR * float(np.median(thick))
    tests = (
        (QualityFlag.GANTRY_TILT, tilt_deg > TILT_DEG),
        (QualityFlag.UNEVEN_SPACING, uneven),
        (QualityFlag.DUPLICATE_SLICES, duplicates),
        (QualityFlag.SLICES_NOT_STACKED, strays),
        (QualityFlag.GAPS_BETWEEN_SLICES, apart),
        (QualityFlag.MISSING_SLICES, holes),
    )
    return tuple(flag for flag, holds in tests if holds)
