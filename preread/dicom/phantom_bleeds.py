"""Bleeds of the synthetic head: a growth order for each, cut where the volume is reached.

Every bleed is a *score*: the lower, the earlier the blood gets there. Sorting the voxels of
the finished image by score and taking as many as the wanted volume needs gives masks whose
volume is right by construction. How each type grows is in :mod:`preread.dicom.phantom_outside`
and :mod:`preread.dicom.phantom_inside`.
"""

# ruff: noqa: PLR2004 - anatomy is drawn in mm and HU; names for each would hide it
from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from preread.dicom.phantom_scanner import refine, slab_means
from preread.dicom.phantom_shapes import Field, Frame, clamp, mix, smooth_noise, soft
from preread.dicom.phantom_skull import Shells
from preread.terms import HemorrhageType, Laterality, Region

NEVER: Final = 1000.0  # a score that no bleed reaches


@dataclass(frozen=True, slots=True)
class Bleed:
    """One bleed: type, side of the patient and volume.

    Examples
    --------
    >>> Bleed(HemorrhageType.SDH, Laterality.LEFT, 32.0).volume_ml
    32.0
    """

    kind: HemorrhageType
    side: Laterality
    volume_ml: float

    def __post_init__(self) -> None:
        if not 0.0 < self.volume_ml <= 200.0:
            message = "volume_ml must be above 0 and at most 200"
            raise ValueError(message)


@dataclass(frozen=True)
class Growth:
    """How one bleed grows: float32 score, shape (Z, R, C), and its look.

    ``reach`` is for bleeds outside the brain: thickness per unit of score, 0..1.
    ``edge`` is the score range over which the border is soft. ``region`` is the group of regions
    where the blood begins; None over the convexity, as this head has no borders of lobes.
    """

    score: Field
    edge: float
    blood_hu: float
    reach: Field | None = None
    edema_mm: float = 0.0
    region: Region | None = None


def bone_penalty(shells: Shells) -> Field:
    """Return a penalty for voxels that are partly bone: their HU would not be blood's."""
    return clamp(0.8 - shells.depth, high=NEVER) * np.float32(40.0)


def sign_of(side: Laterality) -> int:
    """Return 1 for the patient's left, -1 for the right, 0 for the midline."""
    return {Laterality.LEFT: 1, Laterality.RIGHT: -1}.get(side, 0)


def cut_at_volume(
    growth: Growth, volume_ml: float, voxel_ml: float, taken: NDArray[np.uint8]
) -> tuple[float, NDArray[np.bool_]]:
    """Find the score at which the bleed has its volume on the finished image grid.

    Parameters
    ----------
    growth
        The bleed.
    volume_ml
        Wanted volume.
    voxel_ml
        Of one voxel of the finished image.
    taken
        uint8, shape (S, 2r, 2c): the part of the finished image that the working grid covers,
        not 0 where another bleed already is.

    Returns
    -------
    cut : float
        Score at the border of the bleed.
    mask : ndarray of bool
        Shape (S, 2r, 2c).

    Raises
    ------
    ValueError
        If the head has no room for a bleed of this volume.
    """
    score = refine(slab_means(growth.score))
    score[taken > 0] = NEVER
    wanted = max(1, round(volume_ml / voxel_ml))
    low = score[score < NEVER / 2]
    if low.size <= wanted:
        message = "the head has no room for a bleed of this volume"
        raise ValueError(message)
    cut = float(np.partition(low, wanted)[wanted])
    return cut, score < cut


def paint_blood(
    hu: Field, growth: Growth, cut: float, frame: Frame, rng: np.random.Generator
) -> None:
    """Mix blood, and the edema around it, into float32 HU (Z, R, C), in place."""
    over = growth.score - np.float32(cut)
    if growth.edema_mm:
        rim = soft(over - growth.edema_mm, 3.0) * 0.75
        mix(hu, rim * (hu < 45.0), np.float32(19.0))
    texture = 2.2 * smooth_noise(frame, 4.0, rng) + 2.5 * smooth_noise(frame, 10.0, rng)
    mix(hu, soft(over, growth.edge), np.float32(growth.blood_hu) + texture)
