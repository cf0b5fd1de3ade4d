"""Points in MNI space and the shapes that anatomy is written in.

Every shape gives signed distances in mm, negative inside; those of ellipsoids are approximate.
Both sides of the head are alike, so a shape lies on one side only and points are folded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Field: TypeAlias = NDArray[np.float32]
Spot: TypeAlias = tuple[float, float, float]
Bead: TypeAlias = tuple[float, float, float, float]


@dataclass(frozen=True)
class Points:
    """Points in MNI mm, both sides folded to one; (N,) float32 each.

    Attributes
    ----------
    wide
        Distance from the midsagittal plane.
    front
        Positive before the anterior commissure.
    up
        Positive above it.
    """

    wide: Field
    front: Field
    up: Field

    @classmethod
    def of(cls, mni_mm: NDArray[np.floating]) -> "Points":
        """Fold (N, 3) MNI coordinates: right, front, up."""
        right, front, up = np.asarray(mni_mm, np.float32).T
        return cls(np.abs(right), front, up)


def ellipsoid(points: Points, center: Spot, radii: Spot) -> Field:
    """Return the approximate distance to an ellipsoid's surface."""
    squares = np.zeros((), np.float32)
    axes = (points.wide, points.front, points.up)
    for axis, middle, radius in zip(axes, center, radii, strict=True):
        squares = squares + ((axis - np.float32(middle)) / np.float32(radius)) ** 2
    distance: Field = (np.sqrt(squares) - np.float32(1.0)) * np.float32(min(radii))
    return distance


def tube(points: Points, path: Sequence[Bead]) -> Field:
    """Return the distance to a tube along beads of (wide, front, up, radius)."""
    nearest = _segment(points, path[0], path[1])
    for start, stop in pairwise(path[1:]):
        nearest = np.minimum(nearest, _segment(points, start, stop))
    return nearest


def _segment(points: Points, start: Bead, stop: Bead) -> Field:
    axes = (points.wide, points.front, points.up)
    along = np.array(stop[:3]) - np.array(start[:3])
    share = np.zeros((), np.float32)
    for axis, origin, step in zip(axes, start, along / float(along @ along), strict=False):
        share = share + (axis - np.float32(origin)) * np.float32(step)
    share = np.clip(share, 0.0, 1.0)
    squares = np.zeros((), np.float32)
    for axis, origin, step in zip(axes, start, along, strict=False):
        squares = squares + (axis - np.float32(origin) - share * np.float32(step)) ** 2
    radius = np.float32(start[3]) + share * np.float32(stop[3] - start[3])
    distance: Field = np.sqrt(squares) - radius
    return distance
