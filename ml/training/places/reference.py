"""The atlas and the analytic model in one: every compartment's regions in MNI space.

The atlas knows where sulci lie and the tentorium runs, so lobes and cerebellum are its own. It
draws deep nuclei wide, with the white matter around them, and has neither fluid spaces but the
ventricles nor dura: those are the analytic model's.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.regions import brain, dura, fluid
from ml.regions.shapes import Points
from ml.training.places.template import Atlas
from preread.errors import InvalidSource
from preread.regions import FINE_REGIONS
from preread.terms import Compartment, Region

STEP: Final = 2
"""Of the atlas's voxels, one in so many along each axis; registration is no finer."""

# What the atlas's names hold, after ``brain.PARTS``.
_PART_NAMES: Final = (
    ("FrontalLobe", brain.FRONTAL),
    ("BasalForebrain", brain.FRONTAL),
    ("ParietalLobe", brain.PARIETAL),
    ("TemporalLobe", brain.TEMPORAL),
    ("Hippocampus", brain.TEMPORAL),
    ("OccipitalLobe", brain.OCCIPITAL),
    ("Cerebellum", brain.POSTERIOR),
)
UNKNOWN: Final = 255


@dataclass(frozen=True)
class Reference:
    """Regions in MNI space.

    Attributes
    ----------
    maps
        Of each compartment, (X, Y, Z) uint8 indices into ``FINE_REGIONS``; defined everywhere.
    parts
        (X, Y, Z) uint8 indices into ``ml.regions.brain.PARTS``.
    affine
        (4, 4) voxel to MNI mm.
    """

    maps: dict[Compartment, NDArray[np.uint8]]
    parts: NDArray[np.uint8]
    affine: NDArray[np.float64]


def build_reference(atlas: Atlas) -> Reference:
    """Build the regions of all compartments from an atlas.

    Raises
    ------
    InvalidSource
        If the atlas names no lobe.
    """
    labels = atlas.labels[::STEP, ::STEP, ::STEP]
    affine = atlas.affine @ np.diag([STEP, STEP, STEP, 1.0])
    voxels = np.indices(labels.shape, np.float32).reshape(3, -1)
    points = Points.of((affine[:3, :3] @ voxels + affine[:3, 3:]).T)
    parts = _parts(labels, atlas.names, points)
    part = parts.ravel()
    named = {
        Compartment.PARENCHYMAL: brain.parenchyma(points, part),
        Compartment.VENTRICULAR: fluid.ventricles(points),
        Compartment.SUBARACHNOID: fluid.subarachnoid(points, part),
        Compartment.EXTRA_AXIAL: dura.extra_axial(points, part),
    }
    maps = {space: numbered(names).reshape(labels.shape) for space, names in named.items()}
    return Reference(maps, parts, affine)


def numbered(names: NDArray[np.str_]) -> NDArray[np.uint8]:
    """Return indices into ``FINE_REGIONS`` of values of ``Region``."""
    found, inverse = np.unique(names, return_inverse=True)
    numbers = [FINE_REGIONS.index(Region(name)) for name in found]
    return np.array(numbers, np.uint8)[inverse]


def _parts(labels: NDArray[np.uint8], names: dict[int, str], points: Points) -> NDArray[np.uint8]:
    """Return lobes and cerebellum of the atlas; what it names otherwise takes the nearest."""
    table = np.full(256, UNKNOWN, np.uint8)
    for number, name in names.items():
        for word, part in _PART_NAMES:
            if word in name:
                table[number] = part
    known = table[labels]
    if (known == UNKNOWN).all():
        message = "the atlas names no lobe"
        raise InvalidSource(message)
    nearest = ndimage.distance_transform_edt(
        known == UNKNOWN, return_distances=False, return_indices=True
    )
    filled: NDArray[np.uint8] = known[tuple(nearest)]
    stem = np.isin(labels, [number for number, name in names.items() if name == "BrainStem"])
    below = brain.in_posterior_fossa(points).reshape(labels.shape)
    filled[stem & below] = brain.POSTERIOR
    return filled
