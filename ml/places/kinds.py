"""What the place of blood says of its kind: blood in a ventricle is hardly epidural, and the other way round."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from preread.regions import COMPARTMENTS_OF_TYPE
from preread.terms import KINDS, Compartment, HemorrhageType

COMPARTMENTS: Final = tuple(Compartment)
# What place says of the type is not trusted farther than this.
LEAST_SUPPORT: Final = 0.05
# Up to the first below the skull, blood in the brain, around it and outside of it lies side by
# side, and place hardly tells them apart; from the second on it is deep, and place tells.
DEEP_MM: Final = (8.0, 15.0)
# One of four compartments holds a quarter by chance: a deep bleed of which less is said contradicts its kind.
LEAST_AGREEING: Final = 0.25


class PlaceEvidence(NamedTuple):
    """Logarithms of what places say for each kind, each (V, K); in sum what they say.

    Attributes
    ----------
    near_skull, deep
        Of places near the skull, and of those deep below it; in between a part of each.
    """

    near_skull: NDArray[np.float64]
    deep: NDArray[np.float64]


def place_evidence(
    compartments: NDArray[np.floating], nearest_mm: NDArray[np.floating]
) -> PlaceEvidence:
    """Return how far the place of each voxel speaks for each kind; 0 where for all alike.

    Parameters
    ----------
    compartments
        (V, 4) probabilities in the order of ``Compartment``.
    nearest_mm
        (V,) to the inner table, in the plane or above.

    Examples
    --------
    >>> alike = place_evidence(np.full((1, 4), 0.25), np.full(1, 40.0))
    >>> alike.near_skull.tolist() == alike.deep.tolist() == [[0.0] * 5]
    True
    """
    support = np.stack([_share_of(kind, compartments) for kind in KINDS], axis=1)
    told = np.log(np.maximum(support.astype(np.float64), LEAST_SUPPORT) * len(COMPARTMENTS))
    near, deep = DEEP_MM
    depth = np.clip((nearest_mm[:, None] - near) / (deep - near), 0.0, 1.0)
    return PlaceEvidence((1.0 - depth) * told, depth * told)


def contradicts(
    kind: HemorrhageType, compartments: NDArray[np.floating], nearest_mm: NDArray[np.floating]
) -> bool:
    """Tell whether V voxels of one bleed lie deep in another compartment than a kind.

    Which region of the kind's compartment such blood lies in is no question: it lies in none.
    Parameters as of :func:`place_evidence`.

    Examples
    --------
    >>> in_ventricle = np.array([[0.1, 0.8, 0.06, 0.04]])
    >>> [contradicts(HemorrhageType.IPH, in_ventricle, np.array([mm])) for mm in (5, 30)]
    [False, True]
    """
    is_deep = float(np.median(nearest_mm)) >= DEEP_MM[1]
    return is_deep and float(_share_of(kind, compartments).mean()) < LEAST_AGREEING


def _share_of(kind: HemorrhageType, compartments: NDArray[np.floating]) -> NDArray[np.floating]:
    own = [COMPARTMENTS.index(one) for one in COMPARTMENTS_OF_TYPE[kind]]
    share: NDArray[np.floating] = compartments[:, own].sum(axis=1)
    return share
