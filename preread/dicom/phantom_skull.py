"""Everything of the synthetic head that is not brain: skin, skull, skull base and air."""

# ruff: noqa: PLR2004 - anatomy is drawn in mm and HU; names for each would hide it
from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from preread.dicom.phantom_shapes import (
    Field,
    Frame,
    Point,
    clamp,
    ellipsoid,
    mix,
    paint,
    paint_tube,
    smooth_noise,
    soft,
    tube,
)

AIR_HU: Final = -1000.0
FAT_HU: Final = -95.0
MUSCLE_HU: Final = 55.0
CORTICAL_HU: Final = 1500.0  # the tables of the skull
DIPLOE_HU: Final = 650.0
CELL_HU: Final = -600.0  # air cells of mastoid and ethmoid, smaller than a voxel is thick


@dataclass(frozen=True)
class HeadForm:
    """The shape of one head in mm; half axes are of the inner table."""

    width_mm: float
    length_mm: float
    height_mm: float
    squareness: float
    backward: float
    skew: float
    skull_mm: float
    scalp_mm: float


@dataclass(frozen=True)
class Shells:
    """Distances in mm that the tissues are laid out by; float32, shape (Z, R, C) each.

    ``depth`` is positive inside the inner table and negative outside it, ``vault`` the same
    for the smooth cranial vault without the base, ``skin`` positive inside the head.
    ``direction`` is (u, v), the equal-area map of the direction from the head's center, in mm.
    """

    depth: Field
    vault: Field
    skin: Field
    direction: tuple[Field, Field]


def draw_form(rng: np.random.Generator) -> HeadForm:
    """Draw an adult head; half axes after common CT measures (about 134 x 166 mm inside)."""
    scale = rng.uniform(0.95, 1.04)
    return HeadForm(
        width_mm=66.0 * scale * rng.uniform(0.97, 1.04),
        length_mm=82.0 * scale * rng.uniform(0.97, 1.03),
        height_mm=78.0 * scale,
        squareness=rng.uniform(0.2, 0.5),
        backward=rng.uniform(0.06, 0.14),
        skew=rng.uniform(-0.03, 0.03),
        skull_mm=rng.uniform(5.5, 8.0),
        scalp_mm=rng.uniform(4.0, 6.5),
    )


def lay_shells(frame: Frame, form: HeadForm) -> Shells:
    """Measure every voxel of the frame against the form of the head."""
    plane = _plane_norm(frame, form)
    vault = _distance(frame, plane, frame.z / np.float32(form.height_mm))
    depth, outline = vault.copy(), vault.copy()
    layer = frame.layer(-200.0, 0.0)
    low = frame.crop(layer)
    floor = np.minimum(_height_over_base(low), petrous_bone(low))
    np.minimum(depth[layer], floor, out=depth[layer])
    flat = np.where(low.z > 0, low.z, low.z / np.float32(2.6)) / np.float32(form.height_mm)
    outline[layer] = _distance(low, plane[layer], flat)
    cosine = np.maximum(1.0 + frame.z / frame.radius, 0.05)
    stretch = np.sqrt(2.0 / cosine) * (70.0 / frame.radius)
    return Shells(
        depth=depth,
        vault=vault,
        skin=outline + np.float32(form.skull_mm + form.scalp_mm),
        direction=(frame.x * stretch, frame.y * stretch),
    )


def _plane_norm(frame: Frame, form: HeadForm) -> Field:
    """Return the in-plane norm of each voxel, raised to 2; 1 is the inner table at the widest."""
    forward = frame.y / np.float32(form.length_mm)
    half_width = np.float32(form.width_mm) * (
        1.0 + np.float32(form.backward) * forward - 0.08 * forward * forward
    )
    across = frame.x / half_width
    across = across + np.float32(form.skew) * forward
    across, forward = across * across, forward * forward
    norm = across + forward
    plane: Field = norm - np.float32(form.squareness) * across * forward / (norm + np.float32(1e-3))
    return plane


def _distance(frame: Frame, plane: Field, up: Field) -> Field:
    """Turn the norm into mm along the ray from the center, with the slope roughly undone."""
    norm = np.sqrt(plane + up * up) + np.float32(1e-3)
    return (frame.radius / norm - frame.radius) * np.float32(0.95)


def _height_over_base(low: Frame) -> Field:
    """Return the height in mm over the floor of the three fossae."""
    x, y, z = low.x, low.y, low.z
    wide = np.abs(x)
    middle = _step(y + 27.0 + 0.25 * wide, 5.0)  # 1 behind the sphenoid wing
    posterior = _step(y - 11.0 + 0.30 * wide, 7.0)
    lateral = _step(wide - 17.0, 5.0)
    roof = -29.0 + 5.0 * soft(np.hypot(wide - 28.0, y + 55.0) - 14.0, 22.0)  # of the orbit
    roof = roof - 4.0 * soft(wide - 5.0, 4.0)  # cribriform plate
    bowl = -48.0 + 0.016 * (wide - 38.0) ** 2 + 0.012 * (y + 8.0) ** 2
    floor = roof + middle * ((1 - lateral) * -31.0 + lateral * bowl - roof)
    basin = -66.0 + 0.007 * wide**2 + 0.012 * (y - 40.0) ** 2
    floor = floor + posterior * (basin - floor)
    floor = np.minimum(floor, -22.0)
    hole = soft(np.hypot(x, y - 24.0) - 15.0, 4.0)  # foramen magnum
    return (z - floor + 60.0 * hole) * np.float32(0.85)


def _step(distance: Field, width_mm: float) -> Field:
    return clamp(0.5 + distance / np.float32(2 * width_mm))


def petrous_bone(frame: Frame) -> Field:
    """Return the distance in mm to the petrous ridges, sphenoid wings and clivus."""
    distance = np.full(frame.shape, 30.0, np.float32)
    for side in (-1.0, 1.0):
        ridge = [(side * 12, 0, -40, 4.5), (side * 30, 13, -40, 8.5), (side * 52, 27, -42, 9.5)]
        wing = [(side * 12, -23, -27, 2.0), (side * 34, -33, -27, 2.4), (side * 52, -32, -24, 1.6)]
        for path in (ridge, wing):
            distance = np.minimum(distance, tube(frame, path))
    clivus = [(0, 1, -29, 3.5), (0, 6, -45, 6.0), (0, 10, -64, 6.0)]
    return np.minimum(distance, tube(frame, clivus))


def paint_outside(frame: Frame, form: HeadForm, shells: Shells, rng: np.random.Generator) -> Field:
    """Return float32 HU, shape (Z, R, C): air, skin, scalp, skull, base and air spaces."""
    grain = smooth_noise(frame, 5.0, rng)
    hu = np.full(frame.shape, AIR_HU, np.float32)
    outer = shells.skin
    scalp = np.where(outer < 2.0, np.float32(30.0), np.float32(FAT_HU) + 12.0 * grain)
    _paint_low_tissue(frame, form, shells, scalp, grain)
    mix(hu, soft(-outer, 0.9), scalp)
    _paint_face(frame, hu, grain)
    _paint_vault(frame, form, shells, hu, grain)
    _paint_base(frame, hu, grain, rng)
    return hu


def _paint_low_tissue(
    frame: Frame, form: HeadForm, shells: Shells, scalp: Field, grain: Field
) -> None:
    """Paint the temporal muscles, the neck and the soft tissue of the face."""
    layer = frame.layer(-200.0, 30.0)
    low, tissue, outer = frame.crop(layer), scalp[layer], shells.skin[layer]
    muscle = soft(np.abs(shells.vault[layer] + form.skull_mm + 3.0) - 3.5, 2.0)
    muscle *= _step(np.abs(low.x) - 38.0, 8.0) * _step(28.0 - low.z, 8.0)
    neck = _step(-30.0 - low.z, 6.0) * _step(low.y + 30.0, 15.0) * _step(outer - 7.0, 3.0)
    mix(tissue, np.maximum(muscle, neck), np.float32(MUSCLE_HU) + 6.0 * grain[layer])
    face = _step(-34.0 - low.z, 5.0) * _step(-30.0 - low.y, 8.0) * _step(outer - 5.0, 3.0)
    mix(tissue, face * soft(-0.2 - grain[layer], 1.0), np.float32(40.0))


def _paint_vault(frame: Frame, form: HeadForm, shells: Shells, hu: Field, grain: Field) -> None:
    """Paint the skull: two tables and the diploe, thicker in front and behind."""
    u, v = shells.direction
    swell = 1.0 + 0.16 * np.cos(v / 22.0) + 0.10 * np.sin(u / 17.0 + 1.0)
    crest = np.maximum(0.0, 1.0 - np.abs(frame.x) / 14.0) * _step(np.abs(frame.y) - 55.0, 5.0)
    crest *= 0.3 * _step(10.0 - frame.z, 12.0)
    thick = np.float32(form.skull_mm) * (swell + crest)
    squama = soft(np.abs(frame.z + 14.0) - 16.0, 14.0) * soft(np.abs(frame.y + 5.0) - 28.0, 14.0)
    thick = thick.astype(np.float32) * (1.0 - 0.45 * squama.astype(np.float32))
    at_base = _step(shells.vault - shells.depth - 3.0, 3.0)
    thick *= 1.0 - 0.55 * at_base  # orbital roofs and the floor of the middle fossa are thin
    outside = -shells.depth
    table = np.maximum(soft(outside - 1.6, 1.2), soft(thick - 1.9 - outside, 1.2))
    bone = np.float32(DIPLOE_HU) + 130.0 * grain
    mix(bone, table, np.float32(CORTICAL_HU))
    inside_head = soft(-shells.skin + 2.0, 1.0)
    shell = soft(-outside, 0.9) * soft(outside - thick, 0.9) * inside_head
    layer = frame.layer(-200.0, -50.0)
    low = frame.crop(layer)
    shell[layer] *= (np.hypot(low.x, low.y - 24.0) > 15.0) | (low.z > -50.0)  # foramen magnum
    mix(hu, shell, bone)


def _paint_face(frame: Frame, hu: Field, grain: Field) -> None:
    """Paint orbits, globes, nasal and paranasal air below the anterior fossa."""
    for side in (-1.0, 1.0):
        orbit: Point = (side * 30, -60, -43)
        box, distance = ellipsoid(frame, orbit, (19, 27, 17))
        wall = soft(np.abs(distance - 0.8) - 0.8) * _step(frame.y[box] + 68.0, 5.0)
        mix(hu[box], wall, 600.0)
        mix(hu[box], soft(distance), FAT_HU)
        for path in (
            [(side * 14, -38, -43, 2.2), (side * 23, -62, -43, 2.0)],
            [(side * 16, -38, -43, 2.2), (side * 42, -66, -43, 2.2)],
            [(side * 13, -34, -43, 2.0), (side * 29, -62, -43, 2.2)],
        ):
            paint_tube(frame, hu, path, 45.0)
        paint(frame, hu, (side * 31, -72, -43), (12.2, 12.2, 12.2), 12.0)
        paint(frame, hu, (side * 32, -81, -43), (4.5, 2.2, 4.5), 90.0)
        box, distance = ellipsoid(frame, (side * 26, -58, -76), (16, 18, 15))
        mix(hu[box], soft(np.abs(distance) - 1.0), 500.0)
        mix(hu[box], soft(distance), AIR_HU)
    box, distance = ellipsoid(frame, (0, -60, -50), (11, 26, 18))
    cells = np.where(grain[box] > 0.6, np.float32(250.0), np.float32(-850.0))
    mix(hu[box], soft(distance, 3.0), cells)


def _paint_base(frame: Frame, hu: Field, grain: Field, rng: np.random.Generator) -> None:
    """Paint petrous bone, mastoid cells, clivus, sphenoid and frontal sinus, ear canals."""
    layer = frame.layer(-200.0, 0.0)
    dense = np.float32(1150.0) + 250.0 * grain[layer]
    mix(hu[layer], soft(petrous_bone(frame.crop(layer))), dense)
    for side in (-1.0, 1.0):
        box, distance = ellipsoid(frame, (side * 57, 32, -48), (13, 17, 19))
        honeycomb = np.where(grain[box] > 0.25, np.float32(700.0), np.float32(CELL_HU))
        mix(hu[box], soft(distance, 2.0), honeycomb)
        canal = [(side * 42, 13, -46, 3.5), (side * 82, 12, -46, 3.5)]
        paint_tube(frame, hu, canal, AIR_HU)
    box, distance = ellipsoid(frame, (0, -22, -45), (14, 11, 9))
    mix(hu[box], soft(np.abs(distance - 1.0) - 1.0), 600.0)
    mix(hu[box], soft(distance), AIR_HU)
    if rng.random() < 0.7:
        height = rng.uniform(7.0, 15.0)
        for side in (-1.0, 1.0):
            paint(frame, hu, (side * 9, -84.0, -24), (9, 3.5, height), AIR_HU)
