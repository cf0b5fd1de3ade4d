"""A synthetic head CT with bleeds of known type, side and volume: for tests and the demo only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from preread.dicom.phantom_bleeds import Bleed, Growth, cut_at_volume, paint_blood
from preread.dicom.phantom_brain import Brain, grow_brain
from preread.dicom.phantom_inside import grow_inside
from preread.dicom.phantom_outside import EXTRA_AXIAL, displace, grow_outside
from preread.dicom.phantom_scanner import MATRIX, THICKNESS_MM, Grid, expose, place_head
from preread.dicom.phantom_shapes import Frame, mix, soft
from preread.dicom.phantom_skull import Shells, draw_form, lay_shells, paint_outside
from preread.terms import KINDS, Laterality, Region

__all__ = ["Bleed", "Phantom", "make_head"]


@dataclass(frozen=True)
class Pose:
    """The head's own axes in patient coordinates.

    Attributes
    ----------
    rotation
        float64, shape (3, 3): head axes to patient axes.
    center_mm
        float64, shape (3,): the head's origin, between the foramina of Monro.
    """

    rotation: NDArray[np.float64]
    center_mm: NDArray[np.float64]


@dataclass(frozen=True)
class Phantom:
    """A synthetic head CT.

    Attributes
    ----------
    hu
        int16, shape (S, 512, 512), HU: slices feet to head, rows front to back, columns
        from the patient's right to left.
    mask
        uint8, same shape: 0, or 1 + the index in ``KINDS`` of the bleed there.
    thickness_mm, row_mm, column_mm
        Spacing of slices, rows and columns.
    origin_mm
        LPS position of the center of the first voxel of the lowest slice.
    bleeds
        As wanted, in the same order, with the volume measured on ``mask``.
    seed
        What the head was drawn from.
    regions
        For each bleed the groups of regions where its parts begin; empty over the convexity.
    pose
        How the head lies; None where nobody drew it.
    """

    hu: NDArray[np.int16]
    mask: NDArray[np.uint8]
    thickness_mm: float
    row_mm: float
    column_mm: float
    origin_mm: tuple[float, float, float]
    bleeds: tuple[Bleed, ...]
    seed: int
    regions: tuple[frozenset[Region], ...] = ()
    pose: Pose | None = None

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in ml."""
        return self.thickness_mm * self.row_mm * self.column_mm / 1000.0

    def head_mm(self, voxels: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return (V, 3) mm left, back and up in the head's own axes of (V, 3) slice, row, column.

        Raises
        ------
        ValueError
            If nobody knows how the head lies.
        """
        if self.pose is None:
            raise ValueError("this head was not drawn: its axes are unknown")
        spacing_mm = np.array([self.column_mm, self.row_mm, self.thickness_mm])
        patient_mm = np.asarray(self.origin_mm) + voxels[:, ::-1] * spacing_mm
        placed: NDArray[np.float64] = (patient_mm - self.pose.center_mm) @ self.pose.rotation
        return placed


def make_head(seed: int, bleeds: Sequence[Bleed] = (), slices: int = 32) -> Phantom:
    """Make a synthetic head CT; the same arguments give the same voxels.

    Parameters
    ----------
    seed
        Draws size, form, pose, age, pattern of sulci, noise. The head is the same with and
        without bleeds, but for what the bleeds displace.
    bleeds
        Any number; one of both sides is drawn as two of half the volume.
    slices
        Number of 5 mm slices, around the middle of the head.

    Raises
    ------
    ValueError
        If the head has no room for a bleed.

    Examples
    --------
    >>> from preread.terms import HemorrhageType
    >>> head = make_head(7, [Bleed(HemorrhageType.IPH, Laterality.LEFT, 20.0)], slices=12)
    >>> head.hu.shape, round(head.bleeds[0].volume_ml)
    ((12, 512, 512), 20)
    """
    shape_rng, brain_rng, blood_rng, noise_rng = np.random.default_rng(seed).spawn(4)
    form = draw_form(shape_rng)
    grid, frame = place_head(shape_rng, slices)
    shells = lay_shells(frame, form)
    canvas = _Canvas(frame, grid, blood_rng, np.zeros((slices, MATRIX, MATRIX), np.uint8))
    parts = _split(bleeds)
    outside = _grow_outside(canvas, parts, shells)
    pushed = _displace(canvas, parts, outside, shells)
    seen = shells if pushed is frame else lay_shells(pushed, form)
    brain = grow_brain(pushed, seen, brain_rng)
    hu = paint_outside(frame, form, shells, shape_rng)
    mix(hu, soft(-shells.depth), brain.hu)
    grown = _grow_inside(canvas, parts, outside, shells, brain)
    for growth, cut, _ in grown.values():
        paint_blood(hu, growth, cut, frame, blood_rng)
    image = expose(frame, grid, hu, noise_rng)
    return Phantom(
        hu=image,
        mask=canvas.mask,
        thickness_mm=THICKNESS_MM,
        row_mm=grid.pixel_mm,
        column_mm=grid.pixel_mm,
        origin_mm=grid.origin_mm,
        bleeds=_measured(bleeds, parts, grown),
        seed=seed,
        regions=_regions(bleeds, parts, grown),
        pose=Pose(frame.rotation, frame.center_mm),
    )


@dataclass(frozen=True)
class _Canvas:
    """What every bleed is drawn on; ``mask`` fills up."""

    frame: Frame
    grid: Grid
    rng: np.random.Generator
    mask: NDArray[np.uint8]

    def cut(self, growth: Growth, part: Bleed) -> tuple[Growth, float, float]:
        """Let the bleed grow to its volume; return it with its cut and measured ml."""
        window = self.mask[:, self.grid.rows, self.grid.columns]
        cut, grown = cut_at_volume(growth, part.volume_ml, self.grid.voxel_ml, window)
        window[grown] = 1 + KINDS.index(part.kind)
        return growth, cut, float(np.count_nonzero(grown)) * self.grid.voxel_ml


_Parts: TypeAlias = list[tuple[int, Bleed]]
_Grown: TypeAlias = dict[int, tuple[Growth, float, float]]


def _split(bleeds: Sequence[Bleed]) -> _Parts:
    """Return one-sided parts, each with the number of the bleed it belongs to."""
    parts: _Parts = []
    for number, bleed in enumerate(bleeds):
        if bleed.side is Laterality.BILATERAL:
            half = bleed.volume_ml / 2
            sides = (Laterality.LEFT, Laterality.RIGHT)
            parts += [(number, Bleed(bleed.kind, side, half)) for side in sides]
        else:
            parts.append((number, bleed))
    return parts


def _grow_outside(canvas: _Canvas, parts: _Parts, shells: Shells) -> _Grown:
    """Grow the bleeds between skull and brain: they come first, for they displace the brain."""
    grown: _Grown = {}
    for index, (_, part) in enumerate(parts):
        if part.kind in EXTRA_AXIAL:
            growth = grow_outside(part, canvas.frame, shells, canvas.rng)
            grown[index] = canvas.cut(growth, part)
    return grown


def _displace(canvas: _Canvas, parts: _Parts, outside: _Grown, shells: Shells) -> Frame:
    """Return the frame as the brain sees it in what room the bleeds outside it leave."""
    frame = canvas.frame
    for index, (growth, cut, _) in outside.items():
        frame = displace(frame, shells, growth, cut, parts[index][1].side)
    return frame


def _grow_inside(
    canvas: _Canvas, parts: _Parts, outside: _Grown, shells: Shells, brain: Brain
) -> _Grown:
    """Grow the bleeds in the brain and add them to those outside it."""
    grown = dict(outside)
    for index, (_, part) in enumerate(parts):
        if part.kind not in EXTRA_AXIAL:
            growth = grow_inside(part, canvas.frame, shells, brain, canvas.rng)
            grown[index] = canvas.cut(growth, part)
    return grown


def _regions(
    bleeds: Sequence[Bleed], parts: _Parts, grown: _Grown
) -> tuple[frozenset[Region], ...]:
    """Return where the parts of each wanted bleed begin."""
    begun: list[set[Region]] = [set() for _ in bleeds]
    for index, (number, _) in enumerate(parts):
        region = grown[index][0].region
        if region is not None:
            begun[number].add(region)
    return tuple(frozenset(one) for one in begun)


def _measured(bleeds: Sequence[Bleed], parts: _Parts, grown: _Grown) -> tuple[Bleed, ...]:
    """Return the wanted bleeds with the volumes that the mask has."""
    volumes = [0.0] * len(bleeds)
    for index, (number, _) in enumerate(parts):
        volumes[number] += grown[index][2]
    return tuple(
        replace(bleed, volume_ml=round(volume, 3))
        for bleed, volume in zip(bleeds, volumes, strict=True)
    )
