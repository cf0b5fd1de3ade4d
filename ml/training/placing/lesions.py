"""Lesions of upright heads whose type is known, and what a reader says of their places."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.anatomy import laterality
from ml.lesions import NEIGHBORS
from ml.places.naming import GROUP_OF_REGION, PlacedVoxels, region_shares
from ml.places.reading import PlaceReader
from ml.places.upright import CELL_MM
from ml.slabs import TARGET_MM
from ml.training.places.truth import true_places
from ml.training.placing.batches import COMPARTMENT_OF_KIND
from ml.training.placing.heads import LEAST_BLOOD, UNKNOWN_KIND, UNLABELED, LabeledHead
from preread.regions import FINE_REGIONS
from preread.terms import KINDS, Compartment, Laterality

# Smaller ones are left out, as by the pipeline; ml in the head's own size.
LEAST_ML: Final = 0.5
# Of the blood whose kind is known so much is of the lesion's kind, ...
PURE: Final = 0.9
# ... and so much of all its blood is: the rest is its rim, or lies on slices with several kinds.
LEAST_KNOWN: Final = 0.5
# Of a lesion's blood so much has a known place.
PLACED: Final = 0.9


@dataclass(frozen=True)
class ReadLesion:
    """One lesion of one kind: the truth, and what was said of it.

    Attributes
    ----------
    patient, kind, volume_ml
        Whose, which, how large.
    true_shares, said_shares
        (R,) of the regions; the truth's by the registered atlas.
    true_side, said_side
        By the registered midsagittal plane and by what was read.
    said_compartments
        (4,) mean over the lesion.
    """

    patient: str
    kind: int
    volume_ml: float
    true_shares: NDArray[np.float64]
    said_shares: NDArray[np.float64]
    true_side: Laterality
    said_side: Laterality
    said_compartments: NDArray[np.float64]

    @property
    def compartment(self) -> Compartment:
        """Where its kind lies."""
        return tuple(Compartment)[COMPARTMENT_OF_KIND[self.kind]]


def coarse_shares(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (len(GROUPS),) shares of the groups of regions."""
    return np.bincount(GROUP_OF_REGION, weights=shares).astype(np.float64)


def read_lesions(one: LabeledHead, reader: PlaceReader) -> Iterator[ReadLesion]:
    """Read every lesion of a head that is of one known kind and has a known place."""
    blood = one.blood > LEAST_BLOOD
    if not blood.any():
        return
    cells = np.argwhere(blood)
    read = reader.read(one.head, cells, one.blood[blood].astype(np.float32))
    numbers = np.full(blood.shape, -1, np.intp)
    numbers[blood] = np.arange(len(cells))
    cell_ml = (CELL_MM / one.frame.scale) ** 2 * TARGET_MM / 1000
    found, count = ndimage.label(blood, NEIGHBORS)
    for lesion in range(1, count + 1):
        at = tuple(np.argwhere(found == lesion).T)
        weights = one.blood[at].astype(np.float64)
        kind = _kind(one.kinds[at], weights)
        if kind is None or weights.sum() * cell_ml < LEAST_ML:
            continue
        known = one.labels[at[0], COMPARTMENT_OF_KIND[kind], at[1], at[2]] != UNLABELED
        known &= np.isfinite(one.left_mm[at])
        if weights[known].sum() < PLACED * weights.sum():
            continue
        left_mm = read.left_mm[numbers[at]].astype(np.float64)
        voxels = PlacedVoxels(numbers[at], left_mm, weights)
        truth = np.zeros(len(FINE_REGIONS))
        for place in true_places(one.labels, one.left_mm, found == lesion, KINDS[kind]):
            truth[FINE_REGIONS.index(place.region)] = place.share
        yield ReadLesion(
            patient=one.patient,
            kind=kind,
            volume_ml=float(weights.sum() * cell_ml),
            true_shares=truth,
            said_shares=region_shares(KINDS[kind], voxels, read),
            true_side=laterality(one.left_mm[at][known].astype(np.float64), weights[known]),
            said_side=laterality(left_mm, weights),
            said_compartments=np.average(
                read.compartments[numbers[at]], axis=0, weights=weights
            ).astype(np.float64),
        )


def _kind(kinds: NDArray[np.uint8], weights: NDArray[np.float64]) -> int | None:
    """Return the index of the kind that nearly all of a lesion is of; None without one."""
    known = (kinds > 0) & (kinds != UNKNOWN_KIND)
    of_kind = np.bincount(kinds[known], weights[known], minlength=1 + len(KINDS))
    most = int(of_kind.argmax())
    pure = of_kind[most] >= PURE * of_kind.sum()
    enough = of_kind[most] >= LEAST_KNOWN * weights.sum() > 0
    return most - 1 if pure and enough else None
