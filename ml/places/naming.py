"""From cells to words: the regions of a finding, each with side, share and probability."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.anatomy import MIDLINE_MM, side_in
from ml.assessment import Place
from ml.places.reading import CellPlaces
from ml.scoring import Calibration
from preread.regions import ASIDE, COMPARTMENTS_OF_TYPE, FINE_REGIONS, REGION, coarse_region
from preread.terms import HemorrhageType, Laterality, Region

# A region with less of the finding is not named, and does not count as one of its places.
LEAST_SHARE: Final = 0.1
# The groups that lobes are counted in, and each region's.
GROUPS: Final = tuple(dict.fromkeys(coarse_region(region) for region in FINE_REGIONS))
GROUP_OF_REGION: Final = np.array([GROUPS.index(coarse_region(one)) for one in FINE_REGIONS])
# Folds of the inner dura: no blood outside of the dura lies along them.
FOLDS: Final = (Region.PARAFALCINE, Region.TENTORIAL)
# Which regions never reach the midline.
IS_ASIDE: Final = np.array([region in ASIDE for region in FINE_REGIONS])
# Of a cell near the midline: with less for regions that reach it, its regions stay as they were read.
LEAST_REACHING: Final = 0.05
# Log-odds beyond this are no more certain.
MOST_LOG_ODDS: Final = 9.0


class PlacedVoxels(NamedTuple):
    """V voxels of blood.

    Attributes
    ----------
    cell
        (V,) index into the cells that were read.
    left_mm
        (V,) from the midline, positive to the patient's left.
    weights
        (V,) ml.
    """

    cell: NDArray[np.intp]
    left_mm: NDArray[np.float64]
    weights: NDArray[np.float64]


def name_places(
    kind: HemorrhageType,
    voxels: PlacedVoxels,
    cells: CellPlaces,
    calibration: Calibration | None,
    contradicting: NDArray[np.bool_] | None = None,
) -> tuple[Place, ...]:
    """Name the regions of one finding: the group that holds most first, in it the greatest share.

    A bleed that fills several nuclei is a deep one, though a lobe has more of it than any nucleus.

    Parameters
    ----------
    kind
        Decides between brain, ventricle, subarachnoid and extra-axial space.
    voxels
        At least one.
    cells
        What was read.
    calibration
        From the log-odds of a share to the probability that at least ``LEAST_SHARE`` of the
        finding lies in the region; None leaves probabilities out.
    contradicting
        (V,) which voxels cannot be of this kind where they lie, and so are in none of its regions.

    Returns
    -------
    tuple of Place
        Shares are of the whole finding and sum to at most 1. None if nearly all of it contradicts.
    """
    whole_ml = voxels.weights.sum()
    if contradicting is not None:
        voxels = voxels._replace(weights=np.where(contradicting, 0.0, voxels.weights))
    if voxels.weights.sum() < LEAST_SHARE * whole_ml:
        return ()
    told = _told(kind, cells)
    shares = _shares(voxels, told) * (voxels.weights.sum() / whole_ml)
    named = np.flatnonzero(shares >= LEAST_SHARE)
    if len(named) == 0:
        named = np.array([int(shares.argmax())])
    of_group = np.bincount(GROUP_OF_REGION, shares)[GROUP_OF_REGION]
    named = named[np.lexsort((-shares[named], -of_group[named]))]
    places = []
    for number in named:
        here = voxels.weights * told[voxels.cell, number]
        side = side_in(FINE_REGIONS[number], voxels.left_mm, here if here.sum() > 0 else None)
        places.append(_place(int(number), side, float(shares[number]), calibration))
    return tuple(places)


def region_shares(
    kind: HemorrhageType, voxels: PlacedVoxels, cells: CellPlaces
) -> NDArray[np.float64]:
    """Return (R,) how much of a finding lies in each region; 0 where its kind cannot lie."""
    return _shares(voxels, _told(kind, cells))


def log_odds_of(shares: NDArray[np.floating] | Sequence[float]) -> NDArray[np.float64]:
    """Return the log-odds of shares, bounded."""
    bounded = np.clip(np.asarray(shares, np.float64), 1e-6, 1 - 1e-6)
    return np.clip(np.log(bounded / (1 - bounded)), -MOST_LOG_ODDS, MOST_LOG_ODDS)


def _shares(voxels: PlacedVoxels, told: NDArray[np.float64]) -> NDArray[np.float64]:
    shares = np.bincount(voxels.cell, voxels.weights, minlength=len(told)) @ told
    normalized: NDArray[np.float64] = shares / max(float(shares.sum()), 1e-12)
    return normalized


def _told(kind: HemorrhageType, cells: CellPlaces) -> NDArray[np.float64]:
    """Return (C, R) how far each cell speaks for each region that a kind can lie in.

    A cell at the midline speaks for no region that never reaches it: what the nearest ventricle
    is there, the third or either atrium, is told by no more than a hair.
    """
    told = np.where(_possible(kind), cells.regions.astype(np.float64), 0.0)
    reaching = np.where(IS_ASIDE, 0.0, told)
    left, whole = (array.sum(axis=1, keepdims=True) for array in (reaching, told))
    barred = (np.abs(cells.left_mm) < MIDLINE_MM)[:, None] & (left > LEAST_REACHING * whole)
    spoken: NDArray[np.float64] = np.where(
        barred, reaching * whole / np.where(barred, left, 1.0), told
    )
    return spoken


def _possible(kind: HemorrhageType) -> NDArray[np.bool_]:
    own = COMPARTMENTS_OF_TYPE[kind]
    barred = FOLDS if kind is HemorrhageType.EDH else ()
    return np.array(
        [REGION[region].compartment in own and region not in barred for region in FINE_REGIONS]
    )


def _place(number: int, side: Laterality, share: float, calibration: Calibration | None) -> Place:
    probability = None
    if calibration is not None:
        probability = round(calibration.probability(log_odds_of([share])), 4)
    return Place(FINE_REGIONS[number], side, round(share, 3), probability)
