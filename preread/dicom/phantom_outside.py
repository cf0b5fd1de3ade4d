"""How a bleed of the synthetic head grows between skull and brain, and pushes the brain aside."""

# ruff: noqa: PLR2004 - anatomy is drawn in mm and HU; names for each would hide it
from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from preread.dicom.phantom_bleeds import NEVER, Bleed, Growth, bone_penalty, sign_of
from preread.dicom.phantom_shapes import Field, Frame, clamp, smooth_noise
from preread.dicom.phantom_skull import Shells
from preread.terms import HemorrhageType, Laterality, Region

EXTRA_AXIAL: Final = (HemorrhageType.SDH, HemorrhageType.EDH)


def grow_outside(bleed: Bleed, frame: Frame, shells: Shells, rng: np.random.Generator) -> Growth:
    """Return the growth of a subdural crescent or an epidural lens."""
    side = sign_of(bleed.side)
    under = shells.depth + bone_penalty(shells)
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
    shift = np.float32(0.3 * sign_of(side) * min(cut, 25.0)) * around
    return replace(
        frame,
        x=frame.x * (1.0 + push) + shift,
        y=frame.y * (1.0 + push),
        z=frame.z * (1.0 + push),
    )
