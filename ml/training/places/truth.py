"""The true places of a bleed, from the label maps of its head."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.anatomy import side_in
from ml.training.places.labels import COMPARTMENTS
from preread.regions import COMPARTMENTS_OF_TYPE, FINE_REGIONS
from preread.terms import Compartment, HemorrhageType, Laterality, Region

# Falx and tentorium are folds of the inner dura, so blood outside of the dura is not along them
# but under the skull over what lies there.
_SKULL_OVER: Final = {
    Region.FRONTAL_LOBE: Region.FRONTAL_CONVEXITY,
    Region.PARIETAL_LOBE: Region.PARIETAL_CONVEXITY,
    Region.TEMPORAL_LOBE: Region.TEMPORAL_CONVEXITY,
    Region.OCCIPITAL_LOBE: Region.OCCIPITAL_CONVEXITY,
    Region.CEREBELLAR_HEMISPHERE: Region.POSTERIOR_FOSSA,
    Region.VERMIS: Region.POSTERIOR_FOSSA,
}
_FOLDS: Final = (Region.PARAFALCINE, Region.TENTORIAL)


@dataclass(frozen=True, slots=True)
class PlaceShare:
    """A place that a bleed truly has.

    Attributes
    ----------
    region, laterality
        Where, of the patient.
    share
        0..1 of the bleed's voxels that have a place.
    """

    region: Region
    laterality: Laterality
    share: float


def true_places(
    labels: NDArray[np.uint8],
    left_mm: NDArray[np.floating],
    mask: NDArray[np.bool_],
    kind: HemorrhageType,
) -> tuple[PlaceShare, ...]:
    """Return the places of a bleed, the greatest share first; none in a head without places.

    Parameters
    ----------
    labels
        (S, M, R, C) uint8: a head's rows of ``PlacedSet.labels``.
    left_mm
        (S, R, C): the same rows of ``PlacedSet.left_mm``.
    mask
        (S, R, C): the bleed's voxels.
    kind
        Its type, which tells the compartment.
    """
    (compartment,) = COMPARTMENTS_OF_TYPE[kind]
    numbers = labels[:, COMPARTMENTS.index(compartment)][mask]
    if kind is HemorrhageType.EDH:
        brain = labels[:, COMPARTMENTS.index(Compartment.PARENCHYMAL)][mask]
        numbers = _under_the_skull(numbers, brain)
    left = np.asarray(left_mm[mask], np.float64)
    known = numbers < len(FINE_REGIONS)
    shares = [
        PlaceShare(
            FINE_REGIONS[number],
            side_in(FINE_REGIONS[number], left[numbers == number]),
            float((numbers == number).sum() / known.sum()),
        )
        for number in np.unique(numbers[known])
    ]
    return tuple(sorted(shares, key=lambda place: place.share, reverse=True))


def _under_the_skull(numbers: NDArray[np.uint8], brain: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Name what seems to lie along a fold of the dura after the part of the brain beside it."""
    folds = np.isin(numbers, [FINE_REGIONS.index(region) for region in _FOLDS])
    moved = numbers.copy()
    for part, place in _SKULL_OVER.items():
        moved[folds & (brain == FINE_REGIONS.index(part))] = FINE_REGIONS.index(place)
    return moved
