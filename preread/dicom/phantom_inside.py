"""How a bleed of the synthetic head grows in the brain, its ventricles and its fluid spaces."""

# ruff: noqa: PLR2004 - anatomy is drawn in mm and HU; names for each would hide it
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from preread.dicom.phantom_bleeds import NEVER, Bleed, Growth, bone_penalty, sign_of
from preread.dicom.phantom_brain import Brain
from preread.dicom.phantom_shapes import Field, Frame, Point, clamp, smooth_noise
from preread.dicom.phantom_skull import Shells
from preread.terms import HemorrhageType, Laterality, Region

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


def grow_inside(
    bleed: Bleed, frame: Frame, shells: Shells, brain: Brain, rng: np.random.Generator
) -> Growth:
    """Return the growth of blood in the brain, its ventricles or its fluid spaces."""
    grow = _INSIDE[bleed.kind]
    growth = grow(bleed, frame, shells, brain, rng)
    score = np.minimum(
        growth.score + bone_penalty(shells) + _across(frame, bleed.side), np.float32(NEVER)
    )
    return replace(growth, score=score.astype(np.float32))


def _across(frame: Frame, side: Laterality) -> Field:
    """Return a penalty for the other side of the midline."""
    sign = sign_of(side)
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
    sign = sign_of(side)
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
    sign = sign_of(bleed.side)
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
