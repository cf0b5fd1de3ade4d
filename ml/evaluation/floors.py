"""What any network has to clear: figures of methods that learned nothing about hemorrhage."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.bundle import Manifest
from ml.geometry import from_grid
from ml.model_slices import interior_of, to_model
from preread.dicom.volume import Volume

# Study AUC on CT-ICH by the folds of the card: logistic regression on ImageNet features of an
# untrained network, and on features of a random one.
IMAGENET_FLOOR: Final = 0.749
RANDOM_FLOOR: Final = 0.518
# The outline without a network: blood is what lies between these HU inside the skull.
FLOOR_HU: Final = (52.0, 95.0)


def hu_floor(source: Volume, manifest: Manifest) -> NDArray[np.bool_]:
    """Call blood what has the density of blood inside the skull.

    Parameters
    ----------
    source
        In radiological orientation.
    manifest
        Says the grid and the slabs, so that the floor sees what the network sees.

    Returns
    -------
    ndarray of bool
        (S, R, C) on the grid of ``source``.
    """
    slices = to_model(source, manifest)
    interior = interior_of(slices.hu, manifest.network.spacing_mm)
    step = slices.hu.shape[-1] // interior.inside.shape[-1]
    inside = interior.inside.repeat(step, axis=1).repeat(step, axis=2)
    low, high = FLOOR_HU
    dense = (inside & (slices.hu > low) & (slices.hu < high)).astype(np.float32)
    floor: NDArray[np.bool_] = (from_grid(dense, slices.placement) > 1 / 2)[
        slices.slabs.of_slices()
    ]
    return floor
