"""Shapes, noise and mixing on the head frame that the synthetic head is built from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Field: TypeAlias = NDArray[np.floating[Any]]  # float32 throughout; numpy types cannot say so
Box: TypeAlias = tuple[slice, slice, slice]
Point: TypeAlias = tuple[float, float, float]
Bead: TypeAlias = tuple[float, float, float, float]  # x, y, z, radius in mm

TILT_MARGIN_MM: Final = 18.0  # rise of a plane over half a head that nods by 10 degrees
SUBSLICES: Final = 2  # planes per 5 mm slice; their mean makes the partial volume


@dataclass(frozen=True)
class Frame:
    """The working grid, at half the image's in-plane resolution, and head coordinates on it.

    Attributes
    ----------
    x, y, z
        float32, shape (Z, R, C), mm in the head's own axes (+x left, +y back,
        +z up; the origin lies between the foramina of Monro).
    planes_mm, rows_mm, columns_mm
        float64, one axis each: the patient coordinates of planes, rows, columns.
    rotation
        float64, shape (3, 3): head axes to patient axes.
    center_mm
        float64, shape (3,): the head's origin in patient coordinates.
    """

    x: Field
    y: Field
    z: Field
    planes_mm: NDArray[np.float64]
    rows_mm: NDArray[np.float64]
    columns_mm: NDArray[np.float64]
    rotation: NDArray[np.float64]
    center_mm: NDArray[np.float64]

    @cached_property
    def radius(self) -> Field:
        """Distance to the head's origin in mm; never 0."""
        return np.sqrt(self.x**2 + self.y**2 + self.z**2) + np.float32(1e-3)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Planes, rows, columns."""
        planes, rows, columns = self.x.shape
        return planes, rows, columns

    def crop(self, box: Box) -> Frame:
        """Return the part of the frame within an index box, as views."""
        planes, rows, columns = box
        return replace(
            self,
            x=self.x[box],
            y=self.y[box],
            z=self.z[box],
            planes_mm=self.planes_mm[planes],
            rows_mm=self.rows_mm[rows],
            columns_mm=self.columns_mm[columns],
        )

    def layer(self, low_mm: float, high_mm: float) -> Box:
        """Return the index box of all planes that a tilted head has between two heights."""
        height = self.planes_mm - self.center_mm[2]
        low, high = np.searchsorted(height, [low_mm - TILT_MARGIN_MM, high_mm + TILT_MARGIN_MM])
        return slice(int(low), int(high)), slice(None), slice(None)

    def midline(self) -> Box:
        """Return the index box of what lies near the midline of a tilted head."""
        across = self.columns_mm - self.center_mm[0]
        low, high = np.searchsorted(across, [-28.0, 28.0])
        return slice(None), slice(None), slice(int(low), int(high))

    def box(self, center: Point, reach_mm: float) -> Box:
        """Return the index box that holds everything within ``reach_mm`` of a head point."""
        at = self.rotation @ np.asarray(center) + self.center_mm
        axes = ((self.planes_mm, at[2]), (self.rows_mm, at[1]), (self.columns_mm, at[0]))
        low = [int(np.searchsorted(axis, here - reach_mm)) for axis, here in axes]
        high = [int(np.searchsorted(axis, here + reach_mm)) for axis, here in axes]
        return (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2]))


def mix(under: Field, fraction: Field, value: Field | np.float32 | float) -> None:
    """Replace ``fraction`` (0..1) of ``under`` by ``value``, in place."""
    under += fraction * (value - under)


def clamp(field: Field, low: float = 0.0, high: float = 1.0) -> Field:
    """Return the field within ``low`` and ``high``."""
    clamped: Field = np.clip(field, low, high)
    return clamped


def soft(distance_mm: Field, width_mm: float = 1.0) -> Field:
    """Return 1 inside (negative distance), 0 outside, a ramp of ``width_mm`` between.

    Examples
    --------
    >>> soft(np.array([-2.0, 0.0, 0.25, 2.0], np.float32)).tolist()
    [1.0, 0.5, 0.25, 0.0]
    """
    share = np.multiply(distance_mm, np.float32(-1.0 / width_mm), dtype=np.float32)
    share += np.float32(0.5)
    return np.clip(share, 0.0, 1.0, out=share)


def ellipsoid(frame: Frame, center: Point, radii: Point) -> tuple[Box, Field]:
    """Return an index box and the approximate distance in mm to an ellipsoid's surface."""
    box = frame.box(center, max(radii) + 4.0)
    squares = np.zeros((), np.float32)
    for axis, middle, radius in zip((frame.x, frame.y, frame.z), center, radii, strict=True):
        squares = squares + ((axis[box] - np.float32(middle)) / np.float32(radius)) ** 2
    return box, (np.sqrt(squares) - 1.0) * np.float32(min(radii))


def paint(
    frame: Frame, target: Field, center: Point, radii: Point, value: float, *, width_mm: float = 1.5
) -> None:
    """Mix ``value`` into the ellipsoid, in place."""
    box, distance = ellipsoid(frame, center, radii)
    mix(target[box], soft(distance, width_mm), value)


def tube(frame: Frame, path: Sequence[Bead], margin_mm: float = 14.0) -> Field:
    """Return the distance in mm to a tube along ``path`` of (x, y, z, radius).

    Farther away than ``margin_mm`` the value is 30 mm, whatever the true distance.
    """
    distance = np.full(frame.shape, 30.0, np.float32)
    for start, stop in pairwise(path):
        box = _around(frame, start, stop, margin_mm)
        np.minimum(distance[box], _segment(frame, box, start, stop), out=distance[box])
    return distance


def paint_tube(frame: Frame, target: Field, path: Sequence[Bead], value: float) -> None:
    """Mix ``value`` into the tube along ``path`` of (x, y, z, radius), in place."""
    for start, stop in pairwise(path):
        box = _around(frame, start, stop, 1.0)
        mix(target[box], soft(_segment(frame, box, start, stop)), value)


def _around(frame: Frame, start: Bead, stop: Bead, margin_mm: float) -> Box:
    first, last = np.array(start[:3]), np.array(stop[:3])
    middle = (first + last) / 2
    reach = float(np.linalg.norm(last - first)) / 2 + max(start[3], stop[3]) + margin_mm
    return frame.box((middle[0], middle[1], middle[2]), reach)


def _segment(frame: Frame, box: Box, start: Bead, stop: Bead) -> Field:
    axes = (frame.x[box], frame.y[box], frame.z[box])
    along = np.array(stop[:3]) - np.array(start[:3])
    length2 = float(along @ along)
    share = sum(
        (axis - np.float32(origin)) * np.float32(step / length2)
        for axis, origin, step in zip(axes, start, along, strict=False)
    )
    share = np.clip(np.asarray(share, np.float32), 0.0, 1.0)
    squares: Field = np.zeros((), np.float32)
    for axis, origin, step in zip(axes, start, along, strict=False):
        squares = squares + (axis - np.float32(origin) - share * np.float32(step)) ** 2
    radius = np.float32(start[3]) + share * np.float32(stop[3] - start[3])
    distance: Field = np.sqrt(squares) - radius
    return distance


def smooth_noise(frame: Frame, scale_mm: float, rng: np.random.Generator) -> Field:
    """Return noise of mean 0 and deviation near 1 that varies over ``scale_mm``, on the frame."""
    axes = (frame.planes_mm, frame.rows_mm, frame.columns_mm)
    weights = [_bumps(axis, scale_mm) for axis in axes]
    knots = rng.standard_normal([w.shape[1] for w in weights], dtype=np.float32)
    rows = np.tensordot(knots, weights[1], axes=(1, 1))  # (z', x', R)
    columns = np.tensordot(rows, weights[2], axes=(1, 1))  # (z', R, C)
    return np.tensordot(weights[0], columns, axes=(1, 0))


def _bumps(axis_mm: NDArray[np.float64], scale_mm: float) -> Field:
    """Weights of Gaussian bumps one ``scale_mm`` apart, of unit sum of squares."""
    knots = np.arange(axis_mm[0] - scale_mm, axis_mm[-1] + 2 * scale_mm, scale_mm)
    weights = np.exp(-(((axis_mm[:, None] - knots[None]) / (0.7 * scale_mm)) ** 2))
    weights /= np.sqrt((weights**2).sum(1, keepdims=True))
    return weights.astype(np.float32)
