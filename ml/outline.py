"""Blood on the grid of a source: found where it may be, drawn to where it ends.

The threshold that finds lesions is low, or doubtful ones would not be seen; a sure one would be
measured too large by it. So the two are apart. What is found is drawn on the map of
``ml.border``: it ends where that falls to a share of the lesion's greatest on the slice, as
anything that a scanner has blurred ends at half of its height
(docs/decisions/0015-found-low-drawn-at-half.md).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.border import BorderRule, likelihood_of
from ml.bundle import MaskRule
from ml.crop import IN_PLANE
from ml.geometry import from_grid
from ml.intracranial import Interior, possible_on
from ml.lesions import Lesion, connected_voxels, find_lesions, greatest_first, measure_lesion
from ml.model_slices import ModelSlices
from ml.prediction import Prediction

# A lesion's greatest likelihood on a slice: not that of one pixel.
PEAK: Final = 0.95
# A lesion has no hole that is smaller than this on a slice, 20 mm² of 5 mm: nobody would draw one.
HOLE_ML: Final = 0.1


@dataclass(frozen=True)
class BloodMap:
    """What networks say of a volume, and the grid on which its lesions lie.

    Attributes
    ----------
    slices, interior, prediction
        Of the same slabs.
    hu, voxel_ml
        (S, R, C) and (S,) of the source, as in :func:`ml.lesions.find_lesions`.
    """

    slices: ModelSlices
    interior: Interior
    prediction: Prediction
    hu: NDArray[np.float32]
    voxel_ml: NDArray[np.float64]

    @cached_property
    def probability(self) -> NDArray[np.float32]:
        """(N, H, W) of blood, on the model's grid; 0 where none can be."""
        drawn = self.prediction.mask_probabilities
        kept: NDArray[np.float32] = drawn * possible_on(self.interior, drawn)
        return kept

    def find(self, rule: MaskRule, *, least_ml: float) -> tuple[Lesion, ...]:
        """Find what may be blood, the greatest first; smaller ones are left out."""
        blood = from_grid(self.probability, self.slices.placement) > rule.threshold
        thin = blood[self.slices.slabs.of_slices()]
        return find_lesions(thin, self.hu, self.voxel_ml, least_ml=least_ml)

    def draw(self, found: Sequence[Lesion], rule: MaskRule) -> tuple[Lesion, ...]:
        """Draw what was found to where it ends; as it is where the rule knows no border.

        Lesions that grow together become one.
        """
        if rule.border is None or not found:
            return tuple(found)
        likely = _Likely.of(self, rule.border, found)
        core = np.zeros(self.hu.shape, np.bool_)
        for lesion in found:
            core[tuple(lesion.voxels.T)] = True
        parts = (
            part
            for voxels in connected_voxels(core | likely.reached(rule.border.reach))
            if core[tuple(voxels.T)].any()
            for part in draw_voxels(
                voxels,
                likely.at(voxels),
                self.voxel_ml,
                peak_share=rule.border.peak_share,
                least_ml=rule.least_ml,
            )
        )
        return greatest_first(measure_lesion(part, self.hu, self.voxel_ml) for part in parts)


def draw_voxels(
    voxels: NDArray[np.intp],
    likely: NDArray[np.float32],
    voxel_ml: NDArray[np.float64],
    *,
    peak_share: float,
    least_ml: float,
) -> Iterator[NDArray[np.intp]]:
    """Yield the parts of a lesion that are kept, at least one.

    Parameters
    ----------
    voxels
        (N, 3) of one connected lesion.
    likely
        (N,) how likely each is blood.
    voxel_ml
        (S,) of the source's slices.
    peak_share
        As in :class:`ml.border.BorderRule`.
    least_ml
        What falls apart loses its smaller parts, but the greatest is kept in any case.
    """
    origin = voxels.min(axis=0)
    within = voxels - origin
    kept = np.zeros(within.max(axis=0) + 1, np.bool_)
    kept[tuple(within.T)] = _near_peak(voxels[:, 0], likely, peak_share)
    holes = _holes(kept, voxel_ml[origin[0] :])
    kept[tuple(within.T)] |= holes[tuple(within.T)]
    parts = [part + origin for part in connected_voxels(kept)]
    volumes_ml = [float(voxel_ml[part[:, 0]].sum()) for part in parts]
    greatest = int(np.argmax(volumes_ml))
    for number, part in enumerate(parts):
        if number == greatest or volumes_ml[number] >= least_ml:
            yield part


@dataclass(frozen=True)
class _Likely:
    """How likely the voxels of some slabs are blood, on the source's grid; the others stay out.

    Attributes
    ----------
    planes
        (P, R, C).
    plane_of_slice
        (S,) index of a plane, -1 for none.
    """

    planes: NDArray[np.float32]
    plane_of_slice: NDArray[np.intp]

    @classmethod
    def of(cls, blood: BloodMap, rule: BorderRule, found: Sequence[Lesion]) -> "_Likely":
        """Work out the slabs that hold what was found, and those beside them."""
        slab_of_slice = blood.slices.slabs.of_slices()
        near = np.zeros(len(blood.slices.hu) + 2, np.bool_)
        for lesion in found:
            held = slab_of_slice[lesion.voxels[:, 0]]
            near[held] = near[held + 1] = near[held + 2] = True
        slabs = np.flatnonzero(near[1:-1])
        likely = likelihood_of(
            blood.probability, blood.slices.hu, blood.interior, rule, planes=slabs
        )
        plane_of_slab = np.full(len(blood.slices.hu), -1, np.intp)
        plane_of_slab[slabs] = np.arange(len(slabs))
        return cls(from_grid(likely, blood.slices.placement), plane_of_slab[slab_of_slice])

    def reached(self, reach: float) -> NDArray[np.bool_]:
        """Return (S, R, C) which voxels are so likely."""
        reached = self.planes >= reach
        reached = reached[self.plane_of_slice]
        reached[self.plane_of_slice < 0] = False
        return reached

    def at(self, voxels: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return (N,) of (N, 3) voxels of the source, on slabs that were worked out."""
        slices, rows, columns = voxels.T
        there: NDArray[np.float32] = self.planes[self.plane_of_slice[slices], rows, columns]
        return there


def _holes(kept: NDArray[np.bool_], voxel_ml: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return (S, R, C) what small holes there are in (S, R, C) within its slices."""
    labels, count = ndimage.label(~np.pad(kept, ((0, 0), (1, 1), (1, 1))), IN_PLANE)
    if count == len(kept):  # what surrounds each slice, and nothing else
        return np.zeros_like(kept)
    slices = np.arange(len(kept)).repeat(labels[0].size)
    volumes_ml = np.bincount(labels.ravel(), voxel_ml[slices], minlength=count + 1)
    is_hole = volumes_ml < HOLE_ML
    is_hole[labels[:, 0, 0]] = False
    is_hole[0] = False  # the label of what is kept
    holes: NDArray[np.bool_] = is_hole[labels[:, 1:-1, 1:-1]]
    return holes


def _near_peak(
    slices: NDArray[np.intp], likely: NDArray[np.float32], peak_share: float
) -> NDArray[np.bool_]:
    """Return (N,) which voxels reach the share of the peak on their slice."""
    near = np.zeros(len(slices), np.bool_)
    for number in np.unique(slices):
        here = slices == number
        near[here] = likely[here] >= peak_share * np.quantile(likely[here], PEAK)
    return near
