"""One series to one volume in Hounsfield units, with the exact geometry of every slice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from preread.dicom.eligibility import volume_images
from preread.dicom.header import HeaderLimits, InstanceHeader, read_header
from preread.dicom.images import SliceImage, read_slices
from preread.dicom.stack import SliceStack, local_thickness_mm, stack_slices
from preread.dicom.turn import turn_of
from preread.errors import UnreadableVolume
from preread.reasons import ReasonCode

MAX_VOXELS: Final = 1 << 28  # 1 GiB of float32: 1024 slices of 512 x 512
MIN_SLICES: Final = 2  # fewer have no direction in which they are stacked
DEFAULT_LIMITS: Final = HeaderLimits()


@dataclass(frozen=True)
class Volume:
    """A CT series in Hounsfield units.

    Attributes
    ----------
    hu
        float32, shape (S, R, C), -1024..3071 HU: slices from feet to head, rows and columns
        as in the files, or as :func:`to_radiological` turned them.
    affine
        float64, shape (4, 4): takes (s, r, c, 1), voxel centers at whole numbers, to mm in
        the patient system (LPS: +x to the patient's left, +y to the back, +z to the head;
        PS3.3 C.7.6.2.1.1). The best fit where the spacing is uneven.
    positions_mm
        float64, shape (S, 3), LPS: center of the first voxel of each slice, exactly.
    pixel_spacing_mm
        Between rows, between columns.
    thickness_mm
        float64, shape (S,): the extent along the normal that each slice stands for.
    sop_instance_uids, instance_numbers
        One per slice, in the order of ``hu``.
    series_instance_uid
        (0020,000E).
    gantry_tilt_deg
        Angle between the slices' normal and the direction in which they are stacked.
    flags
        What is unusual, as :class:`preread.dicom.stack.QualityFlag`.
    """

    hu: NDArray[np.float32]
    affine: NDArray[np.float64]
    positions_mm: NDArray[np.float64]
    pixel_spacing_mm: tuple[float, float]
    thickness_mm: NDArray[np.float64]
    sop_instance_uids: tuple[str, ...]
    instance_numbers: tuple[int | None, ...]
    series_instance_uid: str
    gantry_tilt_deg: float
    flags: tuple[str, ...]

    @property
    def voxel_ml(self) -> NDArray[np.float64]:
        """Volume in ml that a voxel of each slice stands for, shape (S,)."""
        row_mm, column_mm = self.pixel_spacing_mm
        return self.thickness_mm * (row_mm * column_mm / 1000.0)

    @property
    def direction(self) -> NDArray[np.float64]:
        """LPS unit vectors, shape (3, 3): columns are the normal, the next row, the next column."""
        along = self.affine[:3, 1] / np.linalg.norm(self.affine[:3, 1])
        across = self.affine[:3, 2] / np.linalg.norm(self.affine[:3, 2])
        normal = np.cross(across, along)
        if normal @ self.affine[:3, 0] < 0:
            normal = -normal
        return np.stack([normal, along, across], axis=1)


def read_volume(files: Sequence[BinaryIO | Path], limits: HeaderLimits = DEFAULT_LIMITS) -> Volume:
    """Read the files of one series as a volume.

    Localizers, reformats and slices sent twice are left out. Whether the volume is fit for an
    assessment is not asked here but by :func:`preread.dicom.acceptance.choose_series`.

    Parameters
    ----------
    files
        Of one series, in any order; streams must be seekable.
    limits
        What each header may cost.

    Returns
    -------
    Volume
        Rows and columns as in the files.

    Raises
    ------
    UnreadableVolume
        If no volume can be made of them; its reason says why.
    UnreadableDicom
        If one of the files is no readable DICOM instance.
    ValueError
        If the files belong to several series.

    Examples
    --------
    >>> from io import BytesIO
    >>> from preread.dicom.phantom import make_head
    >>> from preread.dicom.phantom_files import encode_series
    >>> files = [BytesIO(content) for content in encode_series(make_head(1, slices=4))]
    >>> read_volume(files).hu.shape
    (4, 512, 512)
    """
    headers: dict[InstanceHeader, BinaryIO | Path] = {}
    for file in files:
        with _opened(file) as stream:
            headers.setdefault(read_header(stream, limits), file)
    return build_volume(headers)


def build_volume(files: Mapping[InstanceHeader, BinaryIO | Path]) -> Volume:
    """Read the files of one series, whose headers were read before, as a volume.

    Parameters
    ----------
    files
        By their headers, in any order.

    Raises
    ------
    UnreadableVolume
        If no volume can be made of them; its reason says why.
    ValueError
        If the files belong to several series.
    """
    if len({header.series_instance_uid for header in files}) > 1:
        raise ValueError("the files belong to several series")
    found = volume_images(tuple(files))
    if found.reason is not None:
        raise UnreadableVolume(found.reason)
    if sum(h.frames * (h.rows or 0) * (h.columns or 0) for h in found.images) > MAX_VOXELS:
        raise UnreadableVolume(ReasonCode.IMAGE_SIZE_OUT_OF_RANGE)
    slices: list[SliceImage] = []
    for header in found.images:
        with _opened(files[header]) as stream:
            slices += read_slices(stream, header)
    volume = _assemble(slices, found.images[0].series_instance_uid)
    return replace(volume, flags=tuple(dict.fromkeys((*found.flags, *volume.flags))))


@contextmanager
def _opened(file: BinaryIO | Path) -> Iterator[BinaryIO]:
    if isinstance(file, Path):
        with file.open("rb") as stream:
            yield stream
    else:
        file.seek(0)
        yield file


def _assemble(slices: Sequence[SliceImage], series_instance_uid: str) -> Volume:
    """Stack the slices from feet to head."""
    if len({(image.hu.shape, image.pixel_spacing_mm) for image in slices}) != 1:
        raise UnreadableVolume(ReasonCode.MISSING_GEOMETRY, "the slices differ in size")
    stack = stack_slices(
        [image.position_mm for image in slices],
        [image.orientation for image in slices],
        [image.thickness_mm for image in slices],
        [image.instance_number or 0 for image in slices],
    )
    if len(stack.order) < MIN_SLICES:
        raise UnreadableVolume(ReasonCode.TOO_FEW_SLICES)
    chosen = [slices[index] for index in stack.order]
    spacing = chosen[0].pixel_spacing_mm
    return Volume(
        hu=np.stack([image.hu for image in chosen]),
        affine=_fit_affine(stack, spacing),
        positions_mm=stack.positions_mm,
        pixel_spacing_mm=spacing,
        thickness_mm=local_thickness_mm(
            stack.distances_mm, [image.thickness_mm for image in chosen]
        ),
        sop_instance_uids=tuple(image.sop_instance_uid for image in chosen),
        instance_numbers=tuple(image.instance_number for image in chosen),
        series_instance_uid=series_instance_uid,
        gantry_tilt_deg=stack.tilt_deg,
        flags=tuple(stack.flags),
    )


def _fit_affine(stack: SliceStack, spacing: tuple[float, float]) -> NDArray[np.float64]:
    """Fit positions linear in the slice number; rows and columns are exact."""
    numbers = np.arange(len(stack.order), dtype=np.float64)
    step, start = np.polyfit(numbers, stack.positions_mm, 1)
    affine = np.eye(4)
    affine[:3, 0] = step
    affine[:3, 1] = stack.column_direction * spacing[0]
    affine[:3, 2] = stack.row_direction * spacing[1]
    affine[:3, 3] = start
    return affine


def to_radiological(volume: Volume) -> Volume:
    """Turn rows and columns so that an axial slice shows the patient as radiologists expect.

    Columns then run from the patient's right to the left (image left is patient right), rows
    from front to back, slices from feet to head, whatever way the patient lay.

    Parameters
    ----------
    volume
        Of roughly axial slices.

    Returns
    -------
    Volume
        The same voxels at the same places in the patient; arrays may be views.
    """
    turn = turn_of(volume.affine[:3, 2].tolist(), volume.affine[:3, 1].tolist())
    turned = _swap_rows_and_columns(volume) if turn.swap else volume
    if turn.flip_columns:
        turned = _flip(turned, 2)
    return _flip(turned, 1) if turn.flip_rows else turned


def _swap_rows_and_columns(volume: Volume) -> Volume:
    row_mm, column_mm = volume.pixel_spacing_mm
    return replace(
        volume,
        hu=volume.hu.swapaxes(1, 2),
        affine=volume.affine[:, [0, 2, 1, 3]],
        pixel_spacing_mm=(column_mm, row_mm),
    )


def _flip(volume: Volume, axis: int) -> Volume:
    """Reverse rows (1) or columns (2); the first voxel is then what was the last."""
    affine = volume.affine.copy()
    whole = affine[:3, axis] * (volume.hu.shape[axis] - 1)
    affine[:3, 3] += whole
    affine[:3, axis] *= -1
    return replace(
        volume,
        hu=np.flip(volume.hu, axis),
        affine=affine,
        positions_mm=volume.positions_mm + whole,
    )
