"""One NIfTI file to slices in the patient's space: the traps of its axes, in one place."""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.nifti1 import Nifti1Image
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from preread.dicom.images import HIGHEST_HU, LOWEST_HU
from preread.errors import UnreadableStudy

# NIfTI's world is RAS: +x to the patient's right. DICOM's, and ours, is LPS.
LPS_FROM_RAS: Final = np.diag([-1.0, -1.0, 1.0, 1.0])
# Of an image and its mask: voxels may lie apart by this share of the smallest spacing.
SAME_PLACE: Final = 0.5
# Around every head there is air; values without any are a picture's gray levels, not HU.
SURELY_AIR_HU: Final = -500.0
_DIMENSIONS: Final = 3


@dataclass(frozen=True)
class Voxels:
    """What a NIfTI file holds.

    Attributes
    ----------
    values
        (S, R, C) float32: slices from feet to head, rows to the front, columns to the right,
        as nearly as the file's axes allow.
    affine
        (4, 4) float64: (s, r, c, 1), voxel centers at whole numbers, to LPS mm.
    """

    values: NDArray[np.float32]
    affine: NDArray[np.float64]

    def fits(self, other: "Voxels") -> bool:
        """Whether both are on the same grid: as many voxels, at the same places."""
        if self.values.shape != other.values.shape:
            return False
        corners = np.array(
            [[s, r, c] for s in (0, 1) for r in (0, 1) for c in (0, 1)], np.float64
        ) * (np.array(self.values.shape) - 1)
        apart = np.column_stack([corners, np.ones(8)]) @ (self.affine - other.affine).T
        spacing = np.linalg.norm(self.affine[:3, :3], axis=0).min()
        return bool(np.abs(apart).max() <= SAME_PLACE * spacing)


def read_voxels(path: Path) -> Voxels:
    """Read a NIfTI file, its axes put in order.

    Parameters
    ----------
    path
        ``.nii`` or ``.nii.gz``; values are scaled as its header says.

    Raises
    ------
    UnreadableStudy
        If it is broken, has not three dimensions or does not say how it lies in the patient.
    """
    try:
        image = nibabel.load(path)
        if not isinstance(image, Nifti1Image):
            message = f"{path.name} is no NIfTI file"
            raise UnreadableStudy(message)
        _refuse_odd(image, path.name)
        ordered = nibabel.as_closest_canonical(image)  # type: ignore[no-untyped-call]
        values = np.asarray(ordered.dataobj, np.float32)
    except (ImageFileError, HeaderDataError, OSError, EOFError, zlib.error) as error:
        message = f"{path.name} cannot be read: {type(error).__name__}"
        raise UnreadableStudy(message) from None
    if values.ndim == _DIMENSIONS + 1 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim != _DIMENSIONS:
        message = f"{path.name} has {values.ndim} dimensions"
        raise UnreadableStudy(message)
    affine: NDArray[np.float64] = LPS_FROM_RAS @ ordered.affine[:, [2, 1, 0, 3]]
    return Voxels(values.transpose(2, 1, 0), affine)


def hounsfield(voxels: Voxels) -> NDArray[np.float32]:
    """Return the values as HU, clipped to the range of :class:`preread.dicom.volume.Volume`.

    Raises
    ------
    UnreadableStudy
        If they cannot be HU.
    """
    if not np.isfinite(voxels.values).all():
        raise UnreadableStudy("the image holds values that are no numbers")
    if voxels.values.min() > SURELY_AIR_HU:
        raise UnreadableStudy("the image holds no value as low as air: these are no HU")
    return np.clip(voxels.values, LOWEST_HU, HIGHEST_HU)


def _refuse_odd(image: Nifti1Image, name: str) -> None:
    """Refuse colors, and a file of which nobody can tell left from right (NIfTI-1, method 1)."""
    stored: np.dtype[np.generic] = image.get_data_dtype()  # type: ignore[no-untyped-call]
    if stored.kind not in "iuf":
        message = f"{name} holds no plain numbers"
        raise UnreadableStudy(message)
    if int(image.header["qform_code"]) == 0 and int(image.header["sform_code"]) == 0:
        message = f"{name} does not say how it lies in the patient (qform and sform code are 0)"
        raise UnreadableStudy(message)
