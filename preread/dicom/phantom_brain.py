"""The brain of the synthetic head: gray and white matter, dura and the fluid spaces."""

# ruff: noqa: PLR2004 - anatomy is drawn in mm and HU; names for each would hide it
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy import ndimage

from preread.dicom.phantom_shapes import (
    Field,
    Frame,
    Point,
    ellipsoid,
    mix,
    paint,
    smooth_noise,
    soft,
    tube,
)
from preread.dicom.phantom_skull import Shells

GRAY_HU: Final = 37.5
WHITE_HU: Final = 28.0
FLUID_HU: Final = 6.0
DURA_HU: Final = 52.0
SULCUS_SPACING_MM: Final = 11.0
MAP_STEP_MM: Final = 1.5
MAP_REACH_MM: Final = 150.0  # half side of the equal-area map of the brain's surface


@dataclass(frozen=True)
class Brain:
    """What the bleeds need to know of the brain; float32, shape (Z, R, C) each.

    ``ventricle`` is the distance in mm to the lateral ventricles (negative inside),
    ``midline_fluid`` the same for the third and fourth; ``fluid`` is the share (0..1) of
    subarachnoid fluid; ``hu`` is the tissue as if it filled all space.
    """

    hu: Field
    fluid: Field
    ventricle: Field
    midline_fluid: Field


def grow_brain(frame: Frame, shells: Shells, rng: np.random.Generator) -> Brain:
    """Grow a brain on ``frame``, whose coordinates a mass may have displaced.

    Parameters
    ----------
    frame
        The displaced head frame.
    shells
        Depth and direction on the same displaced frame.
    rng
        Source of age, pattern and calcification.
    """
    age = rng.uniform(0.0, 1.0)
    bends = [smooth_noise(frame, 15.0, rng) for _ in range(3)]
    frame = _bend(frame, bends)
    tent = _under_tentorium(frame)
    cerebrum = soft(tent, 2.0)
    sulci, cortex = _fold(shells, bends, age, rng)
    sylvian = _sylvian(frame, age)
    fluid = np.maximum(sulci * cerebrum, sylvian * soft(-shells.depth - 1.0, 2.0))
    fluid = np.maximum(fluid, _cisterns(frame))
    fluid = np.maximum(fluid, _interhemispheric(frame, shells.depth, age) * cerebrum)
    ventricle, midline = _ventricles(frame, age, rng)
    patchy = 0.8 * smooth_noise(frame, 12.0, rng)
    hu = np.float32(WHITE_HU) + patchy
    mix(hu, cortex, np.float32(GRAY_HU))
    mix(hu, soft(np.abs(sylvian - 0.35) - 0.3, 0.2) * 0.8, np.float32(GRAY_HU))
    _paint_deep_gray(frame, hu)
    _paint_posterior_fossa(frame, hu, 1.0 - cerebrum, rng)
    mix(hu, fluid, np.float32(FLUID_HU) + 2.0 * patchy)
    wet = np.minimum(ventricle, midline)
    mix(hu, soft(wet), np.float32(FLUID_HU))
    _paint_dura(frame, hu, shells.depth, tent)
    _paint_calcifications(frame, hu, rng)
    fluid = np.where(wet < 0.5, np.float32(0.0), fluid)
    return Brain(hu=hu, fluid=fluid, ventricle=ventricle, midline_fluid=midline)


def _bend(frame: Frame, bends: list[Field]) -> Frame:
    """Return the frame with the coordinates bent by a few mm, least across the midline."""
    aside = np.clip(np.abs(frame.x) / 20.0, 0.1, 1.0)
    return replace(
        frame,
        x=frame.x + 1.8 * bends[0] * aside,
        y=frame.y + 2.2 * bends[1],
        z=frame.z + 1.8 * bends[2],
    )


def _fold(
    shells: Shells, bends: list[Field], age: float, rng: np.random.Generator
) -> tuple[Field, Field]:
    """Return the shares of sulcal fluid and of cortex.

    Sulci are the zero lines of a band-limited pattern on the brain's surface, carried inwards
    with a depth that varies from place to place.
    """
    lines, reach = _sulcus_map(rng)
    depth = shells.depth
    near = (depth > -2.0) & (depth < 30.0)
    here = depth[near]
    bow = np.clip(here, 0.0, 30.0) * np.float32(0.30)
    spots = [
        (axis[near] + bow * bend[near] + MAP_REACH_MM) / MAP_STEP_MM
        for axis, bend in zip(shells.direction[::-1], bends, strict=False)
    ]
    distance = ndimage.map_coordinates(lines, spots, order=1, mode="nearest")
    deep = ndimage.map_coordinates(reach, spots, order=1, mode="nearest")
    base = np.clip((shells.vault[near] - here) / 6.0, 0.0, 1.0)
    deep = deep * (1.0 - 0.5 * base)
    taper = np.clip(1.0 - here / deep, 0.0, 1.0)
    half_width = np.float32(0.25 + 0.75 * age) + np.float32(0.9 * age + 0.4) * taper
    gap = soft(distance - half_width * (taper > 0), 1.2) * np.clip(4 * taper, 0.0, 1.0)
    film = soft(here - np.float32(0.2 + 1.4 * age), 1.0)
    ribbon = soft(distance - half_width - 2.6, 1.6) * soft(here - deep - 2.5, 3.0)
    ribbon = np.maximum(ribbon, soft(here - 3.4 - np.float32(age), 2.0))
    sulci = np.zeros(depth.shape, np.float32)
    cortex = np.zeros(depth.shape, np.float32)
    sulci[near] = np.maximum(gap, film)
    cortex[near] = ribbon
    return sulci, cortex


def _sulcus_map(rng: np.random.Generator) -> tuple[Field, Field]:
    """Return the distance in mm to the nearest sulcus and the sulcus depth, on the surface map."""
    side = int(2 * MAP_REACH_MM / MAP_STEP_MM)
    steps = np.fft.fftfreq(side, MAP_STEP_MM)
    cycles = np.hypot(*np.meshgrid(steps, steps))
    band = np.exp(-(((cycles - 0.5 / SULCUS_SPACING_MM) / 0.011) ** 2))
    slow = np.exp(-((cycles / 0.03) ** 2))
    waves = np.fft.fft2(rng.standard_normal((2, side, side)))
    pattern = np.fft.ifft2(waves[0] * band).real
    blend = np.fft.ifft2(waves[1] * slow).real
    sign = pattern > 0
    edge = (sign != np.roll(sign, 1, 0)) | (sign != np.roll(sign, 1, 1))
    edge &= blend > -0.9 * blend.std()  # sulci end; gyri connect
    lines = ndimage.distance_transform_edt(~edge).astype(np.float32) * MAP_STEP_MM
    reach = 13.0 + 4.0 * blend / blend.std()
    return lines, np.clip(reach, 6.0, 24.0).astype(np.float32)


def _sylvian(frame: Frame, age: float) -> Field:
    """Return the share of fluid of the Sylvian fissures and the insular cisterns."""
    share = np.zeros(frame.shape, np.float32)
    layer = frame.layer(-20.0, 20.0)
    x, y, z = frame.x[layer], frame.y[layer], frame.z[layer]
    wide = np.abs(x)
    thin = np.float32(0.7 + 1.2 * age)
    slope = (z - 1.0 - 0.5 * (y + 6.0)) * np.float32(0.87)
    opening = soft(np.abs(slope) - thin, 1.6) * soft(37.0 - wide, 2.0)
    opening *= soft(np.abs(y + 4.0) - 26.0, 6.0)
    insula = np.abs(wide - 38.0 - 0.05 * y + 0.004 * (y + 2.0) ** 2)
    sheet = soft(insula - thin, 1.6) * soft(np.abs(y + 4.0) - 19.0, 4.0)
    sheet *= soft(np.abs(z - 5.0) - 12.0, 4.0)
    stem = soft(np.abs(z + 15.0 + 0.1 * (wide - 25.0)) - thin - 0.8, 1.6)
    stem *= soft(np.abs(wide - 25.0) - 13.0, 3.0) * soft(np.abs(y + 16.0 + 0.1 * wide) - 3.5, 3.0)
    share[layer] = np.maximum(np.maximum(opening, sheet), stem)
    return share


def _interhemispheric(frame: Frame, depth: Field, age: float) -> Field:
    """Return the share of fluid between the hemispheres, around the falx."""
    share = np.zeros(frame.shape, np.float32)
    box = frame.midline()
    half = np.float32(0.8 + 1.3 * age) * np.clip(1.25 - depth[box] / 45.0, 0.3, 1.0)
    cleft = soft(np.abs(frame.x[box]) - half, 1.2)
    share[box] = cleft * _falx_reach(frame.crop(box), depth[box])
    return share


def _falx_reach(frame: Frame, depth: Field) -> Field:
    """Return where the midline is cleft: above the corpus callosum, before and behind it."""
    callosum = ((frame.y - 2.0) / 44.0) ** 2 + ((frame.z - 4.0) / 30.0) ** 2
    return soft((1.0 - callosum) * 25.0, 4.0) * soft(depth - 55.0, 4.0)


def _under_tentorium(frame: Frame) -> Field:
    """Return the distance in mm to the tentorium: negative above (-30 far above), positive below."""
    distance = np.full(frame.shape, -30.0, np.float32)
    layer = frame.layer(-200.0, 5.0)
    wide, y, z = np.abs(frame.x[layer]), frame.y[layer], frame.z[layer]
    tent = -2.0 - 0.36 * wide - 0.16 * np.maximum(y - 30.0, 0.0)
    distance[layer] = np.minimum((tent - z) * np.float32(0.9), y - 6.0 - 0.10 * wide)
    return distance


def _cisterns(frame: Frame) -> Field:
    """Return the share of fluid of the basal cisterns."""
    share = np.zeros(frame.shape, np.float32)
    pools: tuple[tuple[Point, Point], ...] = (
        ((0, -10, -21), (12, 8, 6)),
        ((-9, -3, -21), (9, 4, 5)),
        ((9, -3, -21), (9, 4, 5)),
        ((0, -20, -18), (2.5, 8, 6)),
        ((0, 4, -24), (7, 4, 6)),
        ((0, 6, -36), (12, 3, 12)),
        ((-20, 13, -38), (7, 5, 5)),
        ((20, 13, -38), (7, 5, 5)),
        ((0, 37, -9), (10, 4, 6)),
        ((0, 66, -54), (8, 6, 9)),
    )
    for center, radii in pools:
        box, distance = ellipsoid(frame, center, radii)
        share[box] = np.maximum(share[box], soft(distance, 1.5))
    box = frame.box((0, 16, -16), 30.0)
    x, y, z = frame.x[box], frame.y[box], frame.z[box]
    ring = np.sqrt((x / 17.0) ** 2 + ((y - 17.0) / 17.0) ** 2)
    ambient = soft(np.abs(ring - 1.0) * 17.0 - 0.8, 1.6) * soft(np.abs(z + 16) - 6.0, 4.0)
    ambient *= soft(8.0 - y, 8.0)
    share[box] = np.maximum(share[box], ambient)
    return share


def _ventricles(frame: Frame, age: float, rng: np.random.Generator) -> tuple[Field, Field]:
    """Return the distances in mm to the lateral, and to the third and fourth ventricles."""
    grow = float(0.65 + 0.55 * age + rng.uniform(0.0, 0.25))
    lateral = np.full(frame.shape, 30.0, np.float32)
    for side in (-1.0, 1.0):
        swell = grow * rng.uniform(0.92, 1.08)
        horn = [(13, -33, 4, 3.0), (8, -18, 10, 6.0), (9, 0, 20, 6.0), (14, 20, 20, 6.5)]
        body = [(14, 20, 20, 6.5), (25, 35, 8, 7.5), (24, 56, 4, 3.0)]
        temporal = [(25, 35, 8, 6.0), (33, 22, -10, 3.0), (31, 2, -18, 2.2)]
        for path in (horn, body, temporal):
            scaled = [(side * x, y, z, r * swell) for x, y, z, r in path]
            lateral = np.minimum(lateral, tube(frame, scaled))
    lateral = np.maximum(lateral, 0.8 - np.abs(frame.x))  # septum pellucidum
    thin = float(1.2 + 1.6 * age)
    midline = tube(frame, [(0, 34, -34, 3.5), (0, 31, -44, 5.5 * grow + 2), (0, 34, -52, 2.5)])
    for center, radii in (((0.0, 10.0, -2.0), (thin, 14.0, 11.0)),):
        box, distance = ellipsoid(frame, center, radii)
        midline[box] = np.minimum(midline[box], distance)
    midline = np.minimum(midline, tube(frame, [(0, 26, -6, 1.0), (0, 32, -32, 1.2)]))
    return lateral, midline


def _paint_deep_gray(frame: Frame, hu: Field) -> None:
    """Paint caudate, lentiform nucleus, thalamus and insular cortex."""
    for side in (-1.0, 1.0):
        paint(frame, hu, (side * 14, -17, 9), (6, 10, 10), GRAY_HU, width_mm=3.0)
        paint(frame, hu, (side * 25, -2, 4), (7, 18, 11), GRAY_HU - 0.5, width_mm=3.0)
        paint(frame, hu, (side * 11, 13, 8), (9, 14, 10), GRAY_HU - 1.5, width_mm=4.0)


def _paint_posterior_fossa(frame: Frame, hu: Field, below: Field, rng: np.random.Generator) -> None:
    """Paint cerebellum with folia and the brainstem."""
    folia = 2.5 * np.sin(frame.z * 1.9 + 0.12 * np.abs(frame.x) * 2.0 + rng.uniform(0.0, 6.0))
    cerebellum = np.float32(34.0) + folia.astype(np.float32)
    mix(cerebellum, soft(np.abs(np.abs(frame.x) - 17.0) - 8.0, 6.0) * 0.5, np.float32(WHITE_HU))
    mix(hu, below, cerebellum)
    stem = tube(
        frame, [(0, 16, -12, 14.0), (0, 18, -36, 14.5), (0, 23, -60, 8.0), (0, 24, -80, 7.0)]
    )
    mix(hu, soft(stem, 2.0), 31.0)


def _paint_dura(frame: Frame, hu: Field, depth: Field, tent: Field) -> None:
    """Paint falx, tentorium and the venous sinuses, slightly dense."""
    box = frame.midline()
    middle, deep = frame.crop(box), depth[box]
    wide = np.abs(middle.x)
    falx = soft(wide - 0.7, 1.0) * _falx_reach(middle, deep) * soft(deep - 42.0, 6.0) * 0.8
    falx *= soft(-middle.z + 2.0, 6.0) * soft(tent[box], 2.0)
    mix(hu[box], falx, DURA_HU)
    sagittal = soft(wide + 0.45 * deep - 4.5, 1.5) * soft(-middle.z - 0.3 * middle.y, 10.0)
    mix(hu[box], sagittal * soft(deep - 9.0), DURA_HU + 2.0)
    layer = frame.layer(-40.0, 5.0)
    sheet, behind = tent[layer], frame.y[layer]
    mix(hu[layer], soft(np.abs(sheet) - 0.6, 1.4) * soft(24.0 - behind, 8.0) * 0.7, DURA_HU)
    transverse = soft(np.abs(sheet - 2.0) - 3.0, 2.0) * soft(depth[layer] - 4.5, 1.5)
    mix(hu[layer], transverse * soft(30.0 - behind, 8.0), DURA_HU + 2.0)


def _paint_calcifications(frame: Frame, hu: Field, rng: np.random.Generator) -> None:
    """Paint the calcified pineal gland and choroid plexus that many adults have."""
    if rng.random() < 0.7:
        radius = rng.uniform(1.6, 3.0)
        paint(frame, hu, (0, 31, 3), (radius, radius, radius * 1.3), 180.0)
    for side in (-1.0, 1.0):
        if rng.random() < 0.6:
            radius = rng.uniform(1.5, 3.2)
            paint(frame, hu, (side * 24, 37, 9), (radius, radius * 1.4, radius), 150.0)
