"""The CT template and the atlas that training heads are registered to; read, never shipped.

Both are NIfTI files in MNI space. Axes are brought to x right, y front, z up.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import nibabel
import numpy as np
from numpy.typing import NDArray

from ml.training.places.head import Head
from preread.errors import InvalidSource

# Cormack units (Rorden 2012, NeuroImage 61:957) spread the HU of −100..100 elevenfold, so that
# soft tissue keeps its contrast in bytes.
CORMACK_BELOW: Final = 900.0
CORMACK_SPREAD: Final = 2200.0
CORMACK_FACTOR: Final = 11.0
CORMACK_OFFSET_HU: Final = 1024.0


@dataclass(frozen=True)
class Template:
    """A head CT in MNI space.

    Attributes
    ----------
    hu
        (X, Y, Z) float32 HU: right, front, up.
    affine
        (4, 4) voxel to MNI mm; its axes are MNI's.
    """

    hu: NDArray[np.float32]
    affine: NDArray[np.float64]

    def as_head(self) -> tuple[Head, NDArray[np.float64]]:
        """Return it in a head's axes, and (4, 4) from slice, row and column to MNI mm."""
        hu = np.ascontiguousarray(self.hu[::-1, ::-1].transpose(2, 1, 0))
        across, along, _ = self.hu.shape
        reorder = np.array(
            [[0, 0, -1, across - 1], [0, -1, 0, along - 1], [1, 0, 0, 0], [0, 0, 0, 1]], np.float64
        )
        right, front, up = np.abs(np.diag(self.affine)[:3])
        return Head(hu, (up, front, right)), self.affine @ reorder


@dataclass(frozen=True)
class Atlas:
    """Labeled regions in MNI space.

    Attributes
    ----------
    labels
        (X, Y, Z) uint8: right, front, up.
    affine
        (4, 4) voxel to MNI mm.
    names
        Of each label number.
    """

    labels: NDArray[np.uint8]
    affine: NDArray[np.float64]
    names: dict[int, str]


def hounsfield_of_cormack(cormack: NDArray[np.float32]) -> NDArray[np.float32]:
    """Undo the Cormack scale.

    Examples
    --------
    >>> hounsfield_of_cormack(np.array([0, 900, 2264, 3100, 3700], np.float32)).tolist()
    [-1024.0, -124.0, 0.0, 76.0, 676.0]
    """
    over = cormack - CORMACK_BELOW
    spread = np.where(over > CORMACK_SPREAD, over - 2000.0, over / CORMACK_FACTOR)
    hu = np.where(over > 0, spread, over) + CORMACK_BELOW - CORMACK_OFFSET_HU
    return hu.astype(np.float32)


def read_template(path: Path) -> Template:
    """Read a template in Cormack units."""
    values, affine = _read(path)
    return Template(hounsfield_of_cormack(values.astype(np.float32)), affine)


def read_atlas(labels: Path, names: Path) -> Atlas:
    """Read an atlas and the table of its names (``ROIIndex,ROIName``).

    Raises
    ------
    InvalidSource
        If the atlas holds a number that the table does not name.
    """
    values, affine = _read(labels)
    with names.open(newline="") as table:
        named = {int(row["ROIIndex"]): row["ROIName"] for row in csv.DictReader(table)}
    numbers = values.astype(np.uint8)
    strange = set(np.unique(numbers).tolist()) - set(named) - {0}
    if strange:
        message = f"{names.name} does not name label {min(strange)}"
        raise InvalidSource(message)
    return Atlas(numbers, affine, named)


def _read(path: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    image = nibabel.as_closest_canonical(nibabel.load(path))  # type: ignore[no-untyped-call]
    return np.asarray(image.dataobj), np.asarray(image.affine, np.float64)
