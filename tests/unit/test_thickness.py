"""Thickness of shells of blood between concentric ellipsoids, whose thickness is known."""

import numpy as np
import pytest

from ml.pipeline import read_bleeds
from ml.thickness import BESIDE_FALX, NOT_AT_TABLE, NOT_EXTRA_AXIAL, OPEN_SKULL
from preread.terms import KINDS, HemorrhageType
from tests.support.heads import (
    BLOOD_HU,
    HALF_AXES_MM,
    SKULL_HU,
    Ball,
    Head,
    bundle,
    head,
    seeing,
    volume_of,
)

IPH, SDH, EDH = HemorrhageType.IPH, HemorrhageType.SDH, HemorrhageType.EDH
BUNDLE = bundle()
SIZE, SPACING_MM = 200, 1.1


def shell(kind, deep_mm, *, slices=32, thickness_mm=5.0, toward=(0.2, -0.2, 1.0), spur=False):
    """A cap of blood of even thickness under the inner table; ``toward`` is up, back, left."""
    one = head(slices=slices, thickness_mm=thickness_mm, size=SIZE, spacing_mm=SPACING_MM)
    up = (np.arange(slices) - (slices - 1) / 2) * thickness_mm
    across = (np.arange(SIZE) - (SIZE - 1) / 2) * SPACING_MM
    grid = np.stack(np.meshgrid(up, across, across, indexing="ij"), axis=-1)
    inside = ((grid / HALF_AXES_MM) ** 2).sum(-1) <= 1
    core = ((grid / (HALF_AXES_MM - deep_mm)) ** 2).sum(-1) <= 1
    along = np.array(toward) / np.linalg.norm(toward)
    near = grid @ along / np.maximum(np.linalg.norm(grid, axis=-1), 1e-6) > np.cos(0.6)
    kinds = np.where(inside & ~core & near, 1 + KINDS.index(kind), 0).astype(np.uint8)
    if spur:  # one row of pixels that leads 20 mm deeper
        row = int(np.argmin(np.abs(across + 12.0)))
        last = int(np.flatnonzero(kinds[slices // 2, row])[0])
        kinds[slices // 2, row, last - 18 : last] = 1 + KINDS.index(kind)
    hu = one.volume.hu.copy()
    hu[kinds > 0] = BLOOD_HU
    return Head(volume_of(hu, SPACING_MM, np.full(slices, thickness_mm)), kinds)


def thickness(one, kind):
    findings = read_bleeds(one.volume, seeing(one, BUNDLE), BUNDLE).findings
    (finding,) = (finding for finding in findings if finding.kind is kind)
    return finding.max_thickness_mm, finding.max_thickness_mm_reason


@pytest.mark.parametrize("kind", [SDH, EDH])
@pytest.mark.parametrize("deep_mm", [5.0, 10.0, 20.0])
def test_an_even_shell_is_as_thick_as_it_is(kind, deep_mm):
    measured_mm, reason = thickness(shell(kind, deep_mm), kind)
    assert measured_mm == pytest.approx(deep_mm, abs=1.0, rel=0.1)
    assert reason is None


def test_near_the_vertex_an_oblique_cut_does_not_make_a_shell_thicker():
    # In the slices it looks 20 to 40 mm thick; a quarter too much is left.
    measured_mm, _ = thickness(shell(EDH, 10.0, toward=(1.0, 0.0, 0.9)), EDH)
    assert measured_mm == pytest.approx(10.0, abs=3.0)


def test_thin_slices_measure_what_thick_ones_do():
    measured_mm, _ = thickness(shell(SDH, 10.0, slices=128, thickness_mm=1.25), SDH)
    assert measured_mm == pytest.approx(10.0, abs=1.0)


def test_a_spur_of_the_outline_is_not_the_thickness():
    measured_mm, _ = thickness(shell(SDH, 8.0, spur=True), SDH)
    assert measured_mm == pytest.approx(8.0, abs=1.5)


@pytest.mark.parametrize(
    ("ball", "reason"),
    [
        pytest.param(Ball((10, 0, 25), 15, IPH), NOT_EXTRA_AXIAL, id="in the brain"),
        pytest.param(Ball((30, 0, 0), 9, SDH), BESIDE_FALX, id="at the falx"),
        pytest.param(Ball((10, 0, 28), 12, SDH), NOT_AT_TABLE, id="away from the skull"),
    ],
)
def test_where_thickness_means_nothing_there_is_a_reason_and_no_number(ball, reason):
    assert thickness(head(ball), ball.kind) == (None, reason)


def test_where_the_skull_is_open_there_is_a_reason_and_no_number():
    one = shell(SDH, 10.0)
    hu = one.volume.hu.copy()
    bleeding = (one.kinds > 0).any(axis=(1, 2))
    gap = np.zeros(hu.shape, bool)
    gap[bleeding, :, : SIZE // 2 - 20] = True  # the other side of the vault is gone
    hu[gap & (hu == SKULL_HU)] = 30.0
    opened = Head(volume_of(hu, SPACING_MM, np.full(len(hu), 5.0)), one.kinds)
    assert thickness(opened, SDH) == (None, OPEN_SKULL)
