"""A map of blood becomes lesions: connected voxels with millilitres, slices and density."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.assessment import Density, SliceSpan

# Neighbors: the eight around a voxel in its slice, and the one straight below and above.
# Diagonals between slices of 5 mm would join bleeds that lie a centimetre apart.
NEIGHBORS: Final = np.zeros((3, 3, 3), np.bool_)
NEIGHBORS[1] = True
NEIGHBORS[:, 1, 1] = True


@dataclass(frozen=True)
class Lesion:
    """One connected bleed on the source's grid.

    Attributes
    ----------
    voxels
        (N, 3) intp: slice, row, column.
    volume_ml
        Sum over the voxels, each with the thickness of its slice.
    slices
        Where it begins, ends and is largest.
    density
        HU inside.
    """

    voxels: NDArray[np.intp]
    volume_ml: float
    slices: SliceSpan
    density: Density


def find_lesions(
    mask: NDArray[np.bool_],
    hu: NDArray[np.float32],
    voxel_ml: NDArray[np.float64],
    *,
    least_ml: float,
) -> tuple[Lesion, ...]:
    """Find connected bleeds.

    Parameters
    ----------
    mask
        (S, R, C) blood.
    hu
        (S, R, C), the same grid.
    voxel_ml
        (S,) volume of one voxel of each slice: rows × columns × local thickness, so that
        uneven spacing and tilt are in it.
    least_ml
        Smaller ones are left out.

    Returns
    -------
    tuple of Lesion
        Greatest first; any number.

    Examples
    --------
    >>> blood = np.zeros((2, 4, 4), bool)
    >>> blood[:, 1:3, 1:3] = True
    >>> (one,) = find_lesions(blood, np.full((2, 4, 4), 60, np.float32), np.array([0.1, 0.2]), least_ml=0)
    >>> round(one.volume_ml, 3), one.slices.peak
    (1.2, 1)
    """
    found = (
        measure_lesion(voxels, hu, voxel_ml)
        for voxels in connected_voxels(mask)
        if voxel_ml[voxels[:, 0]].sum() >= least_ml
    )
    return greatest_first(found)


def connected_voxels(mask: NDArray[np.bool_]) -> Iterator[NDArray[np.intp]]:
    """Yield the (N, 3) voxels of each connected part of (S, R, C)."""
    labels, count = ndimage.label(mask, NEIGHBORS)
    for number, box in enumerate(ndimage.find_objects(labels, count), start=1):
        voxels = np.argwhere(labels[box] == number)
        voxels += [axis.start for axis in box]
        yield voxels


def measure_lesion(
    voxels: NDArray[np.intp], hu: NDArray[np.float32], voxel_ml: NDArray[np.float64]
) -> Lesion:
    """Measure (N, 3) voxels, at least one; the rest as in :func:`find_lesions`."""
    volume_ml = float(voxel_ml[voxels[:, 0]].sum())
    return Lesion(voxels, volume_ml, span_of(voxels, voxel_ml), density_of(hu[tuple(voxels.T)]))


def greatest_first(lesions: Iterable[Lesion]) -> tuple[Lesion, ...]:
    """Return lesions by falling volume."""
    return tuple(sorted(lesions, key=lambda lesion: lesion.volume_ml, reverse=True))


def span_of(voxels: NDArray[np.intp], voxel_ml: NDArray[np.float64]) -> SliceSpan:
    """Return the slices of (N, 3) voxels; the peak has the greatest volume."""
    per_slice = np.bincount(voxels[:, 0], minlength=len(voxel_ml)) * voxel_ml
    shown = np.flatnonzero(per_slice)
    return SliceSpan(int(shown[0]), int(shown[-1]), int(per_slice.argmax()))


def density_of(values: NDArray[np.float32]) -> Density:
    """Return mean and 95th percentile of HU values, at least one."""
    return Density(round(float(values.mean()), 1), round(float(np.percentile(values, 95)), 1))
