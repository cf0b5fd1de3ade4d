"""Small ellipsoid heads with painted bleeds, and a predictor that sees exactly those."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ml.anatomy import HeadFrame, find_frame
from ml.bundle import (
    Bundle,
    CalibrationRule,
    Manifest,
    MaskRule,
    Member,
    OperatingRule,
    Rules,
)
from ml.intracranial import find_interior
from ml.model_slices import ModelSlices, to_model
from ml.places.upright import UprightHead, stand_upright
from ml.prediction import Prediction
from ml.scoring import Calibration, OperatingPoints
from ml.spec import NetworkSpec
from preread.dicom.volume import Volume, to_radiological
from preread.terms import KINDS, HemorrhageType

BRAIN_HU, BLOOD_HU, SKULL_HU, AIR_HU = 35.0, 65.0, 1000.0, -1000.0
# Half axes of the inside of the skull, in mm: slices, rows, columns.
HALF_AXES_MM = np.array([75.0, 85.0, 65.0])
SKULL_MM = 8.0


@dataclass(frozen=True)
class Ball:
    """A round bleed; center in mm from the middle of the head: up, back, left."""

    center_mm: tuple[float, float, float]
    radius_mm: float
    kind: HemorrhageType = HemorrhageType.IPH


@dataclass(frozen=True)
class Head:
    """A volume in radiological orientation and where its blood is."""

    volume: Volume
    kinds: NDArray[np.uint8]


def head(
    *balls: Ball,
    slices: int = 32,
    thickness_mm: float = 5.0,
    size: int = 160,
    spacing_mm: float = 1.4,
    turn_deg: float = 0.0,
    half_axes_mm: ArrayLike = HALF_AXES_MM,
) -> Head:
    """An ellipsoid head; bottom of the skull open as it would be at the foramen.

    A positive turn, about the vertical, takes the back of the head to the patient's left; bleeds
    turn with it.
    """
    up = (np.arange(slices) - (slices - 1) / 2) * thickness_mm
    across = (np.arange(size) - (size - 1) / 2) * spacing_mm
    height, back, left = np.meshgrid(up, across, across, indexing="ij", sparse=True)
    turn = np.deg2rad(turn_deg)
    along = back * np.cos(turn) + left * np.sin(turn)
    grid = (height, along, left * np.cos(turn) - back * np.sin(turn))

    def within(center_mm: ArrayLike, half_axes_mm: ArrayLike) -> NDArray[np.bool_]:
        half_axes = np.broadcast_to(half_axes_mm, 3)
        parts = zip(grid, np.asarray(center_mm), half_axes, strict=True)
        return sum(((at - center) / half) ** 2 for at, center, half in parts) <= 1

    inner = within((0, 0, 0), half_axes_mm)
    outer = within((0, 0, 0), np.asarray(half_axes_mm) + SKULL_MM)
    hu = np.where(inner, BRAIN_HU, np.where(outer, SKULL_HU, AIR_HU)).astype(np.float32)
    kinds = np.zeros(hu.shape, np.uint8)
    for ball in balls:
        kinds[within(ball.center_mm, ball.radius_mm) & inner] = 1 + KINDS.index(ball.kind)
    hu[kinds > 0] = BLOOD_HU
    return Head(volume_of(hu, spacing_mm, np.full(slices, thickness_mm)), kinds)


def with_sides_exchanged(one: UprightHead) -> UprightHead:
    """Mirror an upright head."""
    return UprightHead(one.hu[..., ::-1], one.depth_mm[..., ::-1], one.below_mm)


def standing(hu: NDArray[np.float32]) -> tuple[UprightHead, HeadFrame]:
    """Turn the HU of a :func:`head` upright, and return its axes too."""
    interior = find_interior(hu, 1.4)
    frame = find_frame(interior, np.arange(len(hu)) * 5.0, hu)
    assert frame is not None
    return stand_upright(hu, interior, frame), frame


def volume_of(
    hu: NDArray[np.float32], spacing_mm: float, thickness_mm: NDArray[np.float64]
) -> Volume:
    """A volume in radiological orientation; thickness is also the distance of the slices."""
    count = len(hu)
    heights = np.concatenate([[0.0], np.cumsum((thickness_mm[1:] + thickness_mm[:-1]) / 2)])
    positions = np.column_stack([np.zeros(count), np.zeros(count), heights])
    affine = np.zeros((4, 4))
    affine[:3, 0] = (0, 0, float(np.mean(np.diff(heights))))
    affine[:3, 1] = (0, spacing_mm, 0)
    affine[:3, 2] = (spacing_mm, 0, 0)
    affine[3, 3] = 1.0
    return Volume(
        hu=hu,
        affine=affine,
        positions_mm=positions,
        pixel_spacing_mm=(spacing_mm, spacing_mm),
        thickness_mm=thickness_mm,
        sop_instance_uids=tuple(f"1.2.{number}" for number in range(count)),
        instance_numbers=tuple(range(1, count + 1)),
        series_instance_uid="1.2",
        gantry_tilt_deg=0.0,
        flags=(),
    )


@dataclass(frozen=True)
class SeeingPredictor:
    """Says what was painted, with the certainty asked for."""

    kinds: NDArray[np.uint8]
    slices: ModelSlices
    certainty: float = 0.95
    device: str = "none"
    precision: str = "exact"

    def predict(self, slices: NDArray[np.float32]) -> Prediction:
        """Read the painted kinds on the model's grid."""
        grid = _on_grid(self.kinds, self.slices)
        shown = np.stack([(grid == 1 + k).any(axis=(1, 2)) for k in range(len(KINDS))], axis=1)
        kinds = np.where(shown, self.certainty, 0.01).astype(np.float32)
        maps = np.zeros((len(slices), len(KINDS), 32, 32), np.float32)
        step = grid.shape[-1] // 32
        cells = grid.reshape(len(grid), 32, step, 32, step).max(axis=(2, 4))
        for kind in range(len(KINDS)):
            maps[:, kind] = cells == 1 + kind
        return Prediction(kinds, (grid > 0).astype(np.float32), maps)


def seeing(one: Head, bundle: Bundle, certainty: float = 0.95) -> SeeingPredictor:
    """Build the predictor that sees the painted bleeds of a head."""
    slices = to_model(to_radiological(one.volume), bundle.manifest)
    return SeeingPredictor(one.kinds, slices, certainty)


def bundle(*, demonstrator: bool = False, size: int = 256) -> Bundle:
    """A bundle without weights, for a predictor that needs none."""
    path = Path("none.safetensors")
    return Bundle(manifest(demonstrator=demonstrator, size=size), (path,))


def manifest(*, demonstrator: bool = False, size: int = 256) -> Manifest:
    """A manifest whose probabilities are the scores themselves."""
    same = Calibration(0.0, (1.0,))
    slice_said = Calibration(0.0, (0.0, 1.0, 0.0, 0.0))
    rules = Rules(
        mask=MaskRule(threshold=0.5, least_ml=0.5),
        calibration=CalibrationRule(
            id="test",
            any=same,
            kinds=(same,) * len(KINDS),
            slice_any=slice_said,
            slice_kinds=(slice_said,) * len(KINDS),
        ),
        operating=OperatingRule(
            id="test",
            points=OperatingPoints(0.2, 0.5, 0.9, 30.0, (0.5,) * len(KINDS)),
            rule="by hand",
        ),
    )
    member = Member(
        file="none.safetensors", sha256="0" * 64, size_bytes=0, held_out_fold=None, rules=rules
    )
    return Manifest(
        schema_version="2.0",
        name="test",
        version="1",
        demonstrator=demonstrator,
        members=(member,),
        network=NetworkSpec(size=size, spacing_mm=230.4 / size),
        kinds=KINDS,
        channels=(),
        slab_mm=5.0,
        rules=rules,
        trained_on="nothing",
        training={},
        evaluation={},
        license="none",
        citations=(),
        code_version="0",
    )


def _on_grid(kinds: NDArray[np.uint8], slices: ModelSlices) -> NDArray[np.uint8]:
    """Nearest neighbor of the painted kinds at the model's pixel centers; no slabs."""
    grid = slices.placement.grid
    indices = []
    for axis in (0, 1):
        step = grid.spacing_mm / slices.placement.source_spacing_mm[axis]
        places = (
            slices.placement.center_rc[axis] + (np.arange(grid.size) - (grid.size - 1) / 2) * step
        )
        indices.append(np.rint(places).astype(int))
    first = slices.slabs.first
    inside = [(i >= 0) & (i < n) for i, n in zip(indices, kinds.shape[1:], strict=True)]
    rows, columns = (np.clip(i, 0, n - 1) for i, n in zip(indices, kinds.shape[1:], strict=True))
    picked = kinds[first][:, rows][:, :, columns]
    return np.where(inside[0][:, None] & inside[1][None, :], picked, 0).astype(np.uint8)
