"""Bleeds of the synthetic head: a growth order for each type, cut where the volume is reached.

Every bleed is a *score*: the lower, the earlier the blood gets there. Sorting the voxels of
the finished image by score and taking as many as the wanted volume needs gives masks whose
volume is right by construction.
"""

# ruff: noqa: PLR2004 - anatomy is drawn in mm and HU; names for each would hide it
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from preread.dicom.phantom_brain import Brain
from preread.dicom.phantom_scanner import refine, slab_means
from preread.dicom.phantom_shapes import (
    Field,
    Frame,
    Point,
    clamp,
    mix,
    smooth_noise,
    soft,
)
from preread.dicom.phantom_skull import Shells
from preread.terms import HemorrhageType, Laterality, Region

NEVER: Final = 1000.0  # a score that no bleed reaches
EXTRA_AXIAL: Final = (HemorrhageType.SDH, HemorrhageType.EDH)


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


# Where clots and films begin: to the side, back and up, mm.
_CLOTS: Final[tuple[tuple[Point, Region], ...]] = (
    ((26, -2, 5), Region.DEEP_HEMISPHERE),
    ((26, 4, 6), Region.DEEP_HEMISPHERE),
    ((15, 14, 9), Region.DEEP_HEMISPHERE),
    ((36, -42, 18), Region.FRONTAL_LOBE),
    ((40, 38, 26), Region.PARIETAL_LOBE),
    ((44, 8, -16), Region.TEMPORAL_LOBE),
    ((26, -30, 38), Region.FRONTAL_LOBE),
    ((22, 50, -38), Region.CEREBELLUM),
)
_FILMS: Final[tuple[tuple[Point, Region], ...]] = (
    ((40, -8, -2), Region.SYLVIAN_FISSURE),
    ((40, -8, -2), Region.SYLVIAN_FISSURE),
    ((14, -10, -20), Region.BASAL_CISTERNS),
    ((48, 20, 40), Region.PARIETAL_SULCI),
)


def grow_outside(bleed: Bleed, frame: Frame, shells: Shells, rng: np.random.Generator) -> Growth:
    """Return the growth of a subdural crescent or an epidural lens."""
    side = _sign(bleed.side)
    under = shells.depth + _bony(shells)
    if bleed.kind is HemorrhageType.EDH:
        shape, blood_hu = _lens(bleed, frame, shells, side, rng), rng.uniform(62.0, 74.0)
    elif side == 0:
        return _along_falx(frame, shells, rng)
    else:
        shape, blood_hu = _crescent(bleed, frame, side, rng), rng.uniform(58.0, 70.0)
    score = np.where(shape > 0.02, under / np.maximum(shape, 0.02), np.float32(NEVER))
    return Growth(np.minimum(score, np.float32(NEVER)), 1.0, blood_hu, reach=shape)


def _crescent(bleed: Bleed, frame: Frame, side: int, rng: np.random.Generator) -> Field:
    """Thickness over a convexity: wide, tapering, never across the midline."""
    toward = np.array([side * 0.85, rng.uniform(-0.45, 0.35), rng.uniform(0.35, 0.6)])
    toward = (toward / np.linalg.norm(toward)).astype(np.float32)
    cosine = (frame.x * toward[0] + frame.y * toward[1] + frame.z * toward[2]) / frame.radius
    widest = np.deg2rad(np.clip(26.0 + 3.6 * np.sqrt(bleed.volume_ml), 32.0, 70.0))
    angle = np.arccos(np.clip(cosine, -1.0, 1.0).astype(np.float32))
    angle = angle + 0.09 * smooth_noise(frame, 24.0, rng)
    shape = clamp(1.0 - (angle / np.float32(widest)) ** 2) ** np.float32(0.6)
    return shape * clamp((frame.x * side - 1.0) / 4.0) * _above_base(frame)


def _lens(bleed: Bleed, frame: Frame, shells: Shells, side: int, rng: np.random.Generator) -> Field:
    """Thickness of a biconvex lens: deep and narrow, stopped by the sutures."""
    across = side * 1.0 if side else 0.1
    height = rng.uniform(0.05, 0.35) if side else 0.9
    toward = np.array([across, rng.uniform(-0.5, 0.4), height])
    toward /= np.linalg.norm(toward)
    surface = np.argwhere((shells.depth > 0.0) & (shells.depth < 2.0) & (frame.z > -18.0))
    at = tuple(surface.T)
    points = np.stack([frame.x[at], frame.y[at], frame.z[at]], axis=1)
    aim = points @ toward / (np.linalg.norm(points, axis=1) + 1.0)
    center = points[int(np.argmax(aim))]
    lens_mm = (bleed.volume_ml * 1000.0 / 0.80) ** (1 / 3)  # V = pi r^2 h / 2 with h = r / 2
    squares = (frame.x - center[0]) ** 2 + (frame.y - center[1]) ** 2 + (frame.z - center[2]) ** 2
    wobble = 1.0 + 0.06 * smooth_noise(frame, 16.0, rng)
    return clamp(1.0 - squares / np.float32(lens_mm**2) * wobble)


def _bony(shells: Shells) -> Field:
    """Return a penalty for voxels that are partly bone: their HU would not be blood's."""
    return clamp(0.8 - shells.depth, high=NEVER) * np.float32(40.0)


def _above_base(frame: Frame) -> Field:
    return clamp((frame.z + 32.0) / 16.0)


def _along_falx(frame: Frame, shells: Shells, rng: np.random.Generator) -> Growth:
    """Return the growth of a subdural bleed beside the falx, that is in the midline."""
    behind = np.clip((frame.y + 20.0) / 30.0, 0.05, 1.0) * np.clip((45.0 - shells.depth) / 15, 0, 1)
    above = np.clip((frame.z - 4.0) / 8.0, 0.0, 1.0)
    shape = behind * above * np.clip(1.0 + 0.3 * smooth_noise(frame, 20.0, rng), 0.2, 2.0)
    under = np.where(shells.depth > 0.5, np.abs(frame.x), np.float32(NEVER))
    score = np.where(shape > 0.02, under / np.maximum(shape, 0.02), np.float32(NEVER))
    blood_hu = rng.uniform(58.0, 68.0)
    kept = np.minimum(score, np.float32(NEVER))
    return Growth(kept, 1.0, blood_hu, region=Region.PARAFALCINE)


def displace(frame: Frame, shells: Shells, growth: Growth, cut: float, side: Laterality) -> Frame:
    """Return the frame as the brain sees it that a bleed of thickness ``cut`` pushed inwards."""
    if growth.reach is None:
        return frame
    thick = np.minimum(np.float32(cut) * growth.reach, 28.0)
    depth = np.maximum(shells.depth, 0.0)
    below = np.clip((depth - thick) / np.maximum(60.0 - thick, 1.0), 0.0, 1.0) * 60.0
    push = np.where(depth < 60.0, depth - below, 0.0) * np.clip(frame.radius / 30.0 - 0.3, 0.0, 1.0)
    push = np.maximum(push, 0.0) / np.maximum(frame.radius, 1.0)
    around = np.exp(-((frame.x / 38.0) ** 2) - ((frame.y / 55.0) ** 2) - ((frame.z / 45.0) ** 2))
    shift = np.float32(0.3 * _sign(side) * min(cut, 25.0)) * around
    return replace(
        frame,
        x=frame.x * (1.0 + push) + shift,
        y=frame.y * (1.0 + push),
        z=frame.z * (1.0 + push),
    )


def grow_inside(
    bleed: Bleed, frame: Frame, shells: Shells, brain: Brain, rng: np.random.Generator
) -> Growth:
    """Return the growth of blood in the brain, its ventricles or its fluid spaces."""
    grow = _INSIDE[bleed.kind]
    growth = grow(bleed, frame, shells, brain, rng)
    score = np.minimum(growth.score + _bony(shells) + _across(frame, bleed.side), np.float32(NEVER))
    return replace(growth, score=score.astype(np.float32))


def _across(frame: Frame, side: Laterality) -> Field:
    """Return a penalty for the other side of the midline."""
    sign = _sign(side)
    if sign == 0:
        return np.zeros((), np.float32)
    return clamp(1.0 - sign * frame.x, high=NEVER) * np.float32(4.0)


def _clot(
    bleed: Bleed, frame: Frame, shells: Shells, brain: Brain, rng: np.random.Generator
) -> Growth:
    """Intraparenchymal: an irregular ellipsoid, deep or lobar, with an edema rim."""
    center, region = _clot_center(bleed.side, rng)
    radius = (bleed.volume_ml * 1000.0 * 0.239) ** (1 / 3)  # of the sphere of this volume
    stretch = np.array([rng.uniform(0.75, 0.95), rng.uniform(1.1, 1.4), rng.uniform(0.85, 1.1)])
    squares = sum(
        ((axis - np.float32(middle)) / np.float32(factor)) ** 2
        for axis, middle, factor in zip((frame.x, frame.y, frame.z), center, stretch, strict=True)
    )
    score = np.sqrt(np.asarray(squares, np.float32))
    rough = 0.10 * smooth_noise(frame, 9.0, rng) + 0.05 * smooth_noise(frame, 4.0, rng)
    score = score + np.float32(min(radius, 14.0)) * rough
    score = score + 3.0 * np.maximum(4.0 - shells.depth, 0.0)
    score = score + 2.0 * np.maximum(1.0 - np.minimum(brain.ventricle, brain.midline_fluid), 0.0)
    blood_hu, edema_mm = rng.uniform(58.0, 72.0), rng.uniform(2.5, 6.0)
    return Growth(score, 1.6, blood_hu, edema_mm=edema_mm, region=region)


def _clot_center(side: Laterality, rng: np.random.Generator) -> tuple[Point, Region]:
    (across, back, up), region = _CLOTS[int(rng.integers(len(_CLOTS)))]
    if side is Laterality.MIDLINE:
        (across, back, up), region = (0.0, 15.0, -36.0), Region.BRAIN_STEM  # pons
    spread = rng.uniform(-3.0, 3.0, 3)
    sign = _sign(side)
    return (sign * across + sign * spread[0], back + spread[1], up + spread[2]), region


def _cast(
    bleed: Bleed, frame: Frame, shells: Shells, brain: Brain, rng: np.random.Generator
) -> Growth:
    """Intraventricular: sinks to the back, where a level forms, then fills the rest."""
    del shells
    midline = bleed.side is Laterality.MIDLINE
    distance = brain.midline_fluid if midline else brain.ventricle
    level = (60.0 - frame.y) / 10.0 + 0.12 * smooth_noise(frame, 6.0, rng)
    score = level + 3.0 * np.maximum(distance + 0.3, 0.0)
    # In the midline it is the third ventricle that fills, with the aqueduct and what lies below.
    region = Region.THIRD_VENTRICLE if midline else Region.LATERAL_VENTRICLE
    return Growth(score, 0.8, rng.uniform(56.0, 68.0), region=region)


def _film(
    bleed: Bleed, frame: Frame, shells: Shells, brain: Brain, rng: np.random.Generator
) -> Growth:
    """Subarachnoid: takes the place of fluid, from a cistern outwards."""
    sign = _sign(bleed.side)
    (across, back, up), region = _FILMS[int(rng.integers(len(_FILMS)))]
    if sign == 0:
        (across, back, up), region = (0.0, -6.0, -20.0), Region.BASAL_CISTERNS
    squares = (
        (frame.x - sign * across) ** 2 + ((frame.y - back) / 1.2) ** 2 + ((frame.z - up) / 1.1) ** 2
    )
    far = np.sqrt(squares) / 16.0 + 0.5 * smooth_noise(frame, 15.0, rng)
    dry = np.clip(1.0 - 1.6 * brain.fluid, 0.0, 1.0)
    deep = np.maximum(shells.depth - 30.0, 0.0) * (frame.z > 5.0) * 0.3
    return Growth(far + 7.0 * dry + deep, 3.0, rng.uniform(52.0, 64.0), region=region)


_INSIDE: Final[Mapping[HemorrhageType, Callable[..., Growth]]] = {
    HemorrhageType.IPH: _clot,
    HemorrhageType.IVH: _cast,
    HemorrhageType.SAH: _film,
}


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


def _sign(side: Laterality) -> int:
    return {Laterality.LEFT: 1, Laterality.RIGHT: -1}.get(side, 0)
