"""The scanner of the synthetic head: where it lies, and how its tissue becomes an image."""

# ruff: noqa: PLR2004 - anatomy is drawn in mm and HU; names for each would hide it
from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from preread.dicom.phantom_shapes import SUBSLICES, Field, Frame, soft

MATRIX: Final = 512
THICKNESS_MM: Final = 5.0
AIR_HU: Final = -1000.0
MIDDLE_MM: Final = 7.0  # height of the middle of the stack over the head's origin


# Along a row and along a column of the image, in the patient (LPS), by how the patient lies: the
# scanner's rows run to its own right and its columns down, so what turns is the patient.
LYING: Final = {
    "HFS": ((1, 0), (0, 1)),
    "HFP": ((-1, 0), (0, -1)),
    "HFDR": ((0, 1), (-1, 0)),
    "HFDL": ((0, -1), (1, 0)),
    "FFS": ((-1, 0), (0, 1)),
    "FFP": ((1, 0), (0, -1)),
    "FFDR": ((0, -1), (-1, 0)),
    "FFDL": ((0, 1), (1, 0)),
}


@dataclass(frozen=True, slots=True)
class Pose:
    """How the patient lies in the scanner and in which order the slices are stored.

    The eight positions give every way in which rows and columns of an axial image can run,
    mirrored and transposed ones included. The head is drawn as if it lay on its back and its
    voxels are stored in another order, so each stays where it is in the patient.

    Attributes
    ----------
    position
        Patient Position (0018,5100), one of ``LYING``.
    from_vertex
        Slices are numbered from the head to the feet.
    tilt_deg
        Gantry tilt: slices lean towards the head at the patient's back.
    """

    position: str = "HFS"
    from_vertex: bool = False
    tilt_deg: float = 0.0

    @property
    def orientation(self) -> tuple[float, ...]:
        """Image Orientation (Patient) (0020,0037)."""
        lean = np.deg2rad(self.tilt_deg)
        vectors = [(x, y * np.cos(lean), y * np.sin(lean)) for x, y in LYING[self.position]]
        return tuple(round(float(value), 6) for vector in vectors for value in vector)

    def store(self, image: NDArray[np.int16]) -> NDArray[np.int16]:
        """Put a slice with rows to the back and columns to the left into the stored order."""
        row, column = LYING[self.position]
        stored = image.T if row[0] == 0 else image
        return np.ascontiguousarray(stored[:: sum(column), :: sum(row)])

    def spacing_mm(self, pixel_mm: tuple[float, float]) -> tuple[float, float]:
        """Return Pixel Spacing (0028,0030), given that to the back and to the left."""
        return (pixel_mm[1], pixel_mm[0]) if LYING[self.position][0][0] == 0 else pixel_mm

    def corner_mm(
        self, origin_mm: tuple[float, float, float], extent_mm: tuple[float, float]
    ) -> tuple[float, float, float]:
        """Return the LPS position of the first stored voxel.

        Parameters
        ----------
        origin_mm
            Of the voxel at the patient's right front.
        extent_mm
            From the center of the first voxel to that of the last, to the left and to the back.
        """
        lean = np.deg2rad(self.tilt_deg)
        x, y = np.sum(LYING[self.position], axis=0)
        left = extent_mm[0] if x < 0 else 0.0
        back = extent_mm[1] if y < 0 else 0.0
        return (
            origin_mm[0] + left,
            origin_mm[1] + float(back * np.cos(lean)),
            origin_mm[2] + float(back * np.sin(lean)),
        )


@dataclass(frozen=True)
class Grid:
    """The image grid, and the window of it that the working grid covers twice as coarsely.

    Attributes
    ----------
    pixel_mm
        Spacing of rows and of columns.
    slices
        Number of slices.
    rows, columns
        Window of the 512 x 512 image that holds the head; even start and stop.
    """

    pixel_mm: float
    slices: int
    rows: slice
    columns: slice

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in ml."""
        return THICKNESS_MM * self.pixel_mm**2 / 1000.0

    @property
    def origin_mm(self) -> tuple[float, float, float]:
        """LPS position of the center of the first voxel of the lowest slice."""
        edge = -(MATRIX - 1) / 2 * self.pixel_mm
        return edge, edge, MIDDLE_MM - (self.slices - 1) / 2 * THICKNESS_MM

    def axis_mm(self, window: slice) -> NDArray[np.float64]:
        """Return the centers of the working grid's voxels along rows or columns."""
        coarse = np.arange(window.start // 2, window.stop // 2)
        return (coarse - (MATRIX / 2 - 1) / 2) * 2 * self.pixel_mm


def place_head(rng: np.random.Generator, slices: int) -> tuple[Grid, Frame]:
    """Draw pixel size and pose; return the image grid and the head frame on it."""
    pixel_mm = float(np.round(rng.uniform(0.43, 0.49), 4))
    center = rng.uniform((-6.0, -7.0, -4.0), (6.0, 7.0, 4.0))
    grid = Grid(
        pixel_mm,
        slices,
        _window(center[1], 107.0, pixel_mm),
        _window(center[0], 87.0, pixel_mm),
    )
    pitch, roll, yaw = np.deg2rad(np.clip(rng.normal(0.0, (4.0, 2.5, 4.0)), -9.0, 9.0))
    rotation = _rotation(float(pitch), float(roll), float(yaw))
    thin = THICKNESS_MM / SUBSLICES
    numbers = np.arange(slices * SUBSLICES, dtype=np.float64) - (SUBSLICES - 1) / 2
    planes = np.asarray(grid.origin_mm[2] + numbers * thin, np.float64)
    rows, columns = grid.axis_mm(grid.rows), grid.axis_mm(grid.columns)
    offsets = (
        (columns - center[0])[None, None, :],
        (rows - center[1])[None, :, None],
        (planes - center[2])[:, None, None],
    )
    x, y, z = (
        sum(
            np.float32(rotation[axis, head]) * offset.astype(np.float32)
            for axis, offset in enumerate(offsets)
        )
        for head in range(3)
    )
    return grid, Frame(x, y, z, planes, rows, columns, rotation, center)


def _window(center_mm: float, reach_mm: float, pixel_mm: float) -> slice:
    """Return the even window of the image within ``reach_mm`` of the center."""
    edges = (MATRIX / 2 + (center_mm + np.array([-reach_mm, reach_mm])) / pixel_mm) // 2 * 2
    low, high = np.clip(edges, 0, MATRIX).astype(int)
    return slice(int(low), int(high))


def _rotation(pitch: float, roll: float, yaw: float) -> NDArray[np.float64]:
    cos, sin = np.cos, np.sin
    about_x = [[1, 0, 0], [0, cos(pitch), -sin(pitch)], [0, sin(pitch), cos(pitch)]]
    about_y = [[cos(roll), 0, sin(roll)], [0, 1, 0], [-sin(roll), 0, cos(roll)]]
    about_z = [[cos(yaw), -sin(yaw), 0], [sin(yaw), cos(yaw), 0], [0, 0, 1]]
    turned: NDArray[np.float64] = np.array(about_z) @ np.array(about_y) @ np.array(about_x)
    return turned


def slab_means(field: Field) -> Field:
    """Average the planes of each slice: (Z, r, c) to (S, r, c), the partial volume."""
    planes, rows, columns = field.shape
    means: Field = field.reshape(planes // SUBSLICES, SUBSLICES, rows, columns).mean(1)
    return means


def refine(field: Field) -> Field:
    """Interpolate rows and columns to twice as many: (S, r, c) to (S, 2r, 2c)."""
    return _double(_double(field, 1), 2)


def _double(field: Field, axis: int) -> Field:
    """Linear interpolation at 1/4 and 3/4 of the way between voxel centers."""
    moved = np.moveaxis(field, axis, -1)
    before = np.concatenate([moved[..., :1], moved[..., :-1]], -1)
    after = np.concatenate([moved[..., 1:], moved[..., -1:]], -1)
    quarter, most = np.float32(0.25), np.float32(0.75)
    pair = np.stack([most * moved + quarter * before, most * moved + quarter * after], -1)
    return np.moveaxis(pair.reshape(*moved.shape[:-1], -1), -1, axis)


def expose(frame: Frame, grid: Grid, hu: Field, rng: np.random.Generator) -> NDArray[np.int16]:
    """Turn tissue on the working grid into an image with artifacts and noise.

    Parameters
    ----------
    frame
        The head frame.
    grid
        The image grid.
    hu
        float32 tissue, shape (Z, r, c) of the working grid.
    rng
        Source of noise and artifacts.

    Returns
    -------
    ndarray of int16
        HU, shape (S, 512, 512).
    """
    _harden_beam(frame, hu, rng.uniform(0.5, 1.5))
    head = refine(slab_means(hu))
    image = np.full((grid.slices, MATRIX, MATRIX), AIR_HU, np.float32)
    if rng.random() < 0.6:
        image += _head_holder(grid, rng)
    image[:, grid.rows, grid.columns] = np.maximum(head, image[:, grid.rows, grid.columns])
    low = np.clip((40.0 - np.arange(grid.slices) * THICKNESS_MM) / 60.0, 0.0, 1.0)
    deviation = rng.uniform(2.8, 3.8) * (1.0 + 0.5 * low)
    image += _noise(image.shape, rng) * deviation[:, None, None].astype(np.float32)
    return np.clip(np.rint(image), -1024, 3071).astype(np.int16)


def _harden_beam(frame: Frame, hu: Field, strength: float) -> None:
    """Add the dark band between the petrous bones and the cupping under the skull, in place."""
    box = frame.box((0, 14, -42), 48.0)
    x, y, z = frame.x[box], frame.y[box], frame.z[box]
    ripple = 1.0 + 0.8 * np.cos(y * 0.7)
    band = np.exp(-(((y - 14.0) / 9.0) ** 2) - ((z + 42.0) / 9.0) ** 2 - (x / 30.0) ** 4) * ripple
    hu[box] -= np.float32(6.0 * strength) * band.astype(np.float32) * (hu[box] < 100.0)


def _head_holder(grid: Grid, rng: np.random.Generator) -> Field:
    """Return the HU above air of the U-shaped holder behind the head, shape (1, 512, 512)."""
    at = (np.arange(MATRIX) - (MATRIX - 1) / 2) * grid.pixel_mm
    x, y = at[None, :].astype(np.float32), at[:, None].astype(np.float32)
    radius = np.sqrt(x**2 + (y + 4.0) ** 2)
    shell = soft(np.abs(radius - rng.uniform(105.0, 110.0)) - 1.0) * soft(18.0 - y, 2.0)
    return (shell * np.float32(rng.uniform(820.0, 960.0)))[None]


def _noise(shape: tuple[int, ...], rng: np.random.Generator) -> Field:
    """Return noise of deviation 1 with the grain of a smooth kernel, in plane only."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    for axis in (1, 2):
        noise = noise + np.float32(0.6) * (np.roll(noise, 1, axis) + np.roll(noise, -1, axis))
    return noise / np.float32(1.0 + 2 * 0.6**2)
