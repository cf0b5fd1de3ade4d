"""What looks like blood and is none: the hard negatives of a head CT.

Calcified choroid plexus, pineal, falx and basal ganglia; a dense venous sinus; an old
infarct; the wide fluid spaces of a shrunken brain; beam hardening between the petrous bones;
streaks from metal; motion.
"""

# ruff: noqa: PLR2004 - anatomy is drawn in mm and HU; names for each would hide it
from collections.abc import Callable
from typing import Final

import numpy as np
from scipy import ndimage

from ml.training.painting.head import Field, PaintedHead, noise


def paint_mimics(
    hu: Field, head: PaintedHead, random: np.random.Generator, mean: float = 1.6
) -> Field:
    """Paint some look-alikes.

    Parameters
    ----------
    hu
        (S, R, C) HU; is not changed.
    head
        The head before anything was painted.
    random
        Makes it repeatable.
    mean
        Of the number painted (Poisson); no kind twice.
    """
    count = min(int(random.poisson(mean)), len(_PAINTERS))
    for index in random.choice(len(_PAINTERS), count, replace=False):
        hu = _PAINTERS[int(index)](hu, head, random)
    return hu


def _ball(head: PaintedHead, center: Field, radius_mm: float) -> Field:
    squares = sum((axis - at) ** 2 for axis, at in zip(head.axes, center, strict=True))
    share = np.clip((radius_mm - np.sqrt(np.asarray(squares, np.float32))) / 1.5 + 0.5, 0, 1)
    return np.asarray(share * head.inside, np.float32)


def _mix(hu: Field, share: Field, target: float | Field) -> Field:
    return (hu + ndimage.gaussian_filter(share, (0, 0.6, 0.6)) * (target - hu)).astype(np.float32)


def _plexus(hu: Field, head: PaintedHead, random: np.random.Generator) -> Field:
    up, back, across = random.uniform(0, 12), random.uniform(18, 32), random.uniform(14, 24)
    dense = random.uniform(80.0, 260.0)
    for side in (-1, 1):
        center = np.array([up, back, side * across], np.float32) + random.uniform(-2, 2, 3)
        hu = _mix(hu, _ball(head, center.astype(np.float32), random.uniform(2.0, 5.5)), dense)
    return hu


def _pineal(hu: Field, head: PaintedHead, random: np.random.Generator) -> Field:
    center = np.array([random.uniform(-6, 6), random.uniform(5, 18), 0.0], np.float32)
    return _mix(hu, _ball(head, center, random.uniform(2.0, 4.5)), random.uniform(75.0, 220.0))


def _ganglia(hu: Field, head: PaintedHead, random: np.random.Generator) -> Field:
    dense = random.uniform(75.0, 140.0)
    for side in (-1, 1):
        center = np.array([2.0, random.uniform(-14, -4), side * random.uniform(17, 23)], np.float32)
        share = _ball(head, center, random.uniform(3.0, 7.0))
        spots = np.clip(0.6 + 0.5 * noise(hu.shape, head.spacing_mm, 2.5, random), 0, 1)
        hu = _mix(hu, share * spots, dense)
    return hu


def _falx(hu: Field, head: PaintedHead, random: np.random.Generator) -> Field:
    up, back, left = head.axes
    middle, length = random.uniform(-50, 30), random.uniform(10, 45)
    plate = (np.abs(left) < random.uniform(0.8, 1.8)) & (np.abs(back - middle) < length)
    plate = plate & (up > 10.0) & (head.depth > 0) & (head.depth < 40.0)
    # A dense but not calcified falx is the commonest false alarm.
    return _mix(hu, plate.astype(np.float32), random.choice([random.uniform(50, 75), 300.0]))


def _sinus(hu: Field, head: PaintedHead, random: np.random.Generator) -> Field:
    up, back, left = head.axes
    rough = 1 + 0.2 * noise(hu.shape, head.spacing_mm, 10.0, random)
    if random.random() < 0.5:  # superior sagittal
        near = (np.abs(left) < 6.0 * rough) & (back > 25.0) & (up > -10.0)
        share = near & (head.depth > 0) & (head.depth < 7.0 * rough - np.abs(left))
    else:  # transverse and sigmoid, on one side
        side = random.choice([-1.0, 1.0])
        near = (np.abs(up + random.uniform(25, 45)) < 7.0) & (back > 10.0) & (left * side > 12.0)
        share = near & (head.depth > 0) & (head.depth < 6.0 * rough)
    return _mix(hu, share.astype(np.float32), random.uniform(52.0, 72.0))


def _infarct(hu: Field, head: PaintedHead, random: np.random.Generator) -> Field:
    tissue = np.argwhere((head.depth > 4.0) & (head.depth < 30.0) & (head.fluid < 0.3))
    if not len(tissue):
        return hu
    at = tissue[int(random.integers(len(tissue)))]
    center = np.array([axis.ravel()[index] for axis, index in zip(head.axes, at, strict=True)])
    radius_mm = random.uniform(6.0, 30.0)
    squares = sum((axis - where) ** 2 for axis, where in zip(head.axes, center, strict=True))
    rough = 0.25 * radius_mm * noise(hu.shape, head.spacing_mm, 9.0, random)
    score = np.sqrt(np.asarray(squares, np.float32)) + rough
    share = np.clip((radius_mm - score) / 4.0 + 0.5, 0, 1) * head.inside * (hu < 60)
    return _mix(hu, share.astype(np.float32), random.uniform(6.0, 24.0))


def _wide_spaces(hu: Field, head: PaintedHead, random: np.random.Generator) -> Field:
    """Fluid, and no old blood, between brain and skull: of both sides, over the front."""
    up, back, left = head.axes
    sides = (random.uniform(2.0, 9.0), random.uniform(2.0, 9.0))
    wide_mm = np.where(left > 0, *sides) * np.clip((30.0 - back) / 40.0, 0, 1)
    wide_mm = wide_mm * np.clip((up + 10.0) / 15.0, 0, 1)
    wide_mm = wide_mm * (1 + 0.25 * noise(hu.shape, head.spacing_mm, 15.0, random))
    share = np.clip((wide_mm - head.depth) / 1.2 + 0.5, 0, 1) * (wide_mm > 1.0) * head.inside
    share = share * (hu < 60)
    return _mix(hu, share.astype(np.float32), random.uniform(2.0, 12.0))


def _beam_hardening(hu: Field, head: PaintedHead, random: np.random.Generator) -> Field:
    up, back, left = head.axes
    low = np.clip((-random.uniform(15, 30) - up) / 10.0, 0, 1)
    band = np.exp(-(((back - random.uniform(-5, 15)) / random.uniform(4, 9)) ** 2))
    stripes = np.cos(back / random.uniform(1.5, 4.0) + 0.05 * left)
    change = -random.uniform(8, 30) * band + random.uniform(1, 5) * stripes
    hardened: Field = (hu + low * change * head.inside * (hu < 120)).astype(np.float32)
    return hardened


def _streaks(hu: Field, head: PaintedHead, random: np.random.Generator) -> Field:
    _, back, left = head.axes
    turn = random.uniform(0, 2 * np.pi)
    source = 80.0 * np.array([np.sin(turn), np.cos(turn)])
    rows, columns = back[0] - source[0], left[0] - source[1]
    angle, far = np.arctan2(rows, columns), np.hypot(rows, columns) + 5.0
    rays = np.sin(random.uniform(15, 50) * angle + random.uniform(0, 6))
    amplitude = random.uniform(300, 1500) / far * rays * np.abs(np.sin(3 * angle + 1.0))
    first = int(random.integers(len(hu)))
    chosen = slice(first, first + int(random.integers(1, 5)))
    changed = hu.copy()
    changed[chosen] += (amplitude * (hu[chosen] > -300)).astype(np.float32)
    return changed


def _motion(hu: Field, head: PaintedHead, random: np.random.Generator) -> Field:
    del head
    changed = hu.copy()
    first = int(random.integers(len(hu)))
    for number in range(first, min(len(hu), first + int(random.integers(1, 6)))):
        way = random.uniform(-6, 6, 2)
        ghost = ndimage.shift(hu[number], way, order=1, mode="nearest")
        changed[number] += np.float32(random.uniform(0.15, 0.45)) * (ghost - hu[number])
    return changed


_PAINTERS: Final[tuple[Callable[[Field, PaintedHead, np.random.Generator], Field], ...]] = (
    _plexus,
    _pineal,
    _ganglia,
    _falx,
    _sinus,
    _infarct,
    _wide_spaces,
    _beam_hardening,
    _streaks,
    _motion,
)
