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
from preread.terms import KINDS, Compartment, HemorrhageType, Region

# A region with less of the finding is not named, and does not count as one of its places.
LEAST_SHARE: Final = 0.1
COMPARTMENTS: Final = tuple(Compartment)
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
# What place says of the type is not trusted farther than this.
LEAST_SUPPORT: Final = 0.05


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

    Returns
    -------
    tuple of Place
        At least one; shares sum to at most 1.
    """
    shares = region_shares(kind, voxels, cells)
    named = np.flatnonzero(shares >= LEAST_SHARE)
    if len(named) == 0:
        named = np.array([int(shares.argmax())])
    of_group = np.bincount(GROUP_OF_REGION, shares)[GROUP_OF_REGION]
    named = named[np.lexsort((-shares[named], -of_group[named]))]
    return tuple(_place(int(number), float(shares[number]), voxels, cells, calibration)
                 for number in named)  # fmt: skip


def region_shares(
    kind: HemorrhageType, voxels: PlacedVoxels, cells: CellPlaces
) -> NDArray[np.float64]:
    """Return (R,) how much of a finding lies in each region; 0 where its kind cannot lie.

    A voxel at the midline lies in no region that never reaches it: what the nearest ventricle is
    there, the third or either atrium, is told by no more than a hair.
    """
    told = np.where(_possible(kind), cells.regions, 0.0)
    reaching = np.where(IS_ASIDE, 0.0, told)
    left, whole = (array.sum(axis=1, keepdims=True) for array in (reaching, told))
    spared = left > LEAST_REACHING * whole
    at_midline = np.where(spared, reaching * whole / np.where(spared, left, 1.0), told)
    near = _is_near(voxels)
    shares = np.zeros(len(FINE_REGIONS))
    for at, spoken in ((near, at_midline), (~near, told)):
        shares += np.bincount(voxels.cell[at], voxels.weights[at], minlength=len(told)) @ spoken
    normalized: NDArray[np.float64] = shares / max(float(shares.sum()), 1e-12)
    return normalized


def kind_support(compartments: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (V, K): how far the place of each voxel speaks for each kind; 1 where for all alike.

    Examples
    --------
    >>> kind_support(np.full((1, 4), 0.25, np.float32)).tolist()
    [[1.0, 1.0, 1.0, 1.0, 1.0]]
    """
    columns = [[COMPARTMENTS.index(one) for one in COMPARTMENTS_OF_TYPE[kind]] for kind in KINDS]
    support = np.stack([compartments[:, own].sum(axis=1) for own in columns], axis=1)
    return np.maximum(support.astype(np.float64), LEAST_SUPPORT) * len(COMPARTMENTS)


def log_odds_of(shares: NDArray[np.floating] | Sequence[float]) -> NDArray[np.float64]:
    """Return the log-odds of shares, bounded."""
    bounded = np.clip(np.asarray(shares, np.float64), 1e-6, 1 - 1e-6)
    return np.clip(np.log(bounded / (1 - bounded)), -MOST_LOG_ODDS, MOST_LOG_ODDS)


def _is_near(voxels: PlacedVoxels) -> NDArray[np.bool_]:
    near: NDArray[np.bool_] = np.abs(voxels.left_mm) < MIDLINE_MM
    return near


def _possible(kind: HemorrhageType) -> NDArray[np.bool_]:
    own = COMPARTMENTS_OF_TYPE[kind]
    barred = FOLDS if kind is HemorrhageType.EDH else ()
    return np.array(
        [REGION[region].compartment in own and region not in barred for region in FINE_REGIONS]
    )


def _place(
    number: int,
    share: float,
    voxels: PlacedVoxels,
    cells: CellPlaces,
    calibration: Calibration | None,
) -> Place:
    region = FINE_REGIONS[number]
    here = voxels.weights * cells.regions[voxels.cell, number]
    if region in ASIDE:
        beside = np.where(_is_near(voxels), 0.0, here)
        here = beside if beside.any() else here
    side = side_in(region, voxels.left_mm, here if here.sum() > 0 else None)
    probability = None
    if calibration is not None:
        probability = round(calibration.probability(log_odds_of([share])), 4)
    return Place(region, side, round(share, 3), probability)
