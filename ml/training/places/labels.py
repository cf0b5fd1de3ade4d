"""Label maps of a registered head: for every voxel its place in each compartment.

Where a voxel lies, blood in the brain, in fluid or under the dura has different names, so
there are four maps, and each names the nearest place: a lesion anywhere gets one once its
type is known.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.geometry import mean_of_blocks
from ml.regions import dura
from ml.regions.shapes import Points
from ml.training.painting.head import PaintedHead
from ml.training.places.head import Head
from ml.training.places.reference import Reference, numbered
from preread.terms import Compartment

COMPARTMENTS: Final = tuple(Compartment)
"""Index m of every array axis M is the compartment ``COMPARTMENTS[m]``."""

# As far outside of the inner table extra-axial blood may seem to lie.
RIM_MM: Final = 9.0


def label_head(head: Head, to_mni: NDArray[np.float64], reference: Reference) -> NDArray[np.uint8]:
    """Name every voxel of a head.

    Parameters
    ----------
    head
        In radiological orientation, of even numbers of rows and columns.
    to_mni
        (4, 4): slice, row, column to MNI mm.
    reference
        Regions in MNI space.

    Returns
    -------
    ndarray of uint8
        (S, M, R, C): indices into ``FINE_REGIONS``, in the order of :data:`COMPARTMENTS`.
    """
    shape = head.hu.shape
    maps = np.empty((len(COMPARTMENTS), *shape), np.uint8)
    for number, compartment in enumerate(COMPARTMENTS):
        maps[number] = _sampled(reference.maps[compartment], to_mni, reference.affine, shape)
    depth = _depth(head)
    outside = ndimage.distance_transform_edt(depth == 0, sampling=head.spacing_mm)
    near = np.nonzero(outside < RIM_MM)
    points = Points.of((to_mni[:3, :3] @ np.array(near) + to_mni[:3, 3:]).T)
    part = _sampled(reference.parts, to_mni, reference.affine, shape)[near]
    # The head's own inner table tells what lies along it and what along the falx.
    names = dura.extra_axial(points, part, depth[near])
    maps[COMPARTMENTS.index(Compartment.EXTRA_AXIAL)][near] = numbered(names)
    return np.ascontiguousarray(maps.transpose(1, 0, 2, 3))


def left_mm_of(head: Head, to_mni: NDArray[np.float64]) -> NDArray[np.float16]:
    """Return (S, R, C): the head's own mm to the left of the template's midsagittal plane."""
    right = to_mni[0, :3]
    steepness = np.linalg.norm(right / np.array(head.spacing_mm))
    axes = np.ogrid[tuple(slice(0, count) for count in head.hu.shape)]
    left = -(sum(step * axis for step, axis in zip(right, axes, strict=True)) + to_mni[0, 3])
    return np.asarray(left / steepness, np.float16)


def _depth(head: Head) -> NDArray[np.float32]:
    """Return (S, R, C) mm below the inner table, 0 outside; as fine as pairs of pixels."""
    up, back, left = head.spacing_mm
    coarse = PaintedHead(mean_of_blocks(head.hu, 2), (up, 2 * back, 2 * left)).depth
    return coarse.repeat(2, axis=1).repeat(2, axis=2)


def _sampled(
    values: NDArray[np.uint8],
    to_mni: NDArray[np.float64],
    affine: NDArray[np.float64],
    shape: tuple[int, ...],
) -> NDArray[np.uint8]:
    """Take the nearest value at each voxel of a head."""
    into = np.linalg.inv(affine) @ to_mni
    sampled: NDArray[np.uint8] = ndimage.affine_transform(
        values, into[:3, :3], into[:3, 3], output_shape=shape, order=0, mode="nearest"
    )
    return sampled
