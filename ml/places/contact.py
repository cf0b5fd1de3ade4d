"""How broadly a bleed lies against the skull: what tells a layer outside the brain from a clot in it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.places.blood import PlacedBlood
from ml.places.naming import FOLDS
from ml.places.upright import CELL_MM
from preread.regions import FINE_REGIONS

# Blood within so much of the inner table lies against it; half way beyond, half of it.
AGAINST_MM: Final = (2.6, 5.0)
# Contact that speaks neither for a layer nor against it, and what more or less still counts.
EVEN_CONTACT: Final = 1.0
LEAST_CONTACT: Final = 0.1
_FOLDS: Final = [FINE_REGIONS.index(region) for region in FOLDS]


def contact_evidence(
    blood: PlacedBlood, cell: NDArray[np.intp], weights_mm3: NDArray[np.float64]
) -> float:
    """Return how far the contact of one bleed speaks for a layer outside of the brain.

    Contact is the area against the inner table over the area of a face of the cube that holds
    the bleed: a lens or a crescent has more than 1, a clot of the cortex that reaches the skull
    less. Beside a fold of the dura the skull tells nothing.

    Parameters
    ----------
    blood
        Of the head.
    cell
        (V,) index of each voxel's cell in ``blood.cells``; at least one.
    weights_mm3
        (V,) volume of each voxel in this head.

    Returns
    -------
    float
        Logarithm, about -2.4 to 2; 0 where it speaks for neither.
    """
    weights = weights_mm3 * blood.frame.scale**3
    near, far = AGAINST_MM
    against = np.clip((far - blood.depth_mm[cell]) / (far - near), 0.0, 1.0)
    area = float(weights @ against) / CELL_MM
    contact = area / float(weights.sum()) ** (2 / 3)
    in_folds = float(weights @ blood.cells.regions[cell][:, _FOLDS].sum(axis=1) / weights.sum())
    told = np.log((contact + LEAST_CONTACT) / (EVEN_CONTACT + LEAST_CONTACT))
    return float(told) * (1.0 - in_folds)
