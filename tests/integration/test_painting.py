"""Bleeds and look-alikes painted into a head: where they lie, and what they leave alone."""

import json

import numpy as np
import pytest

from ml.geometry import ModelGrid
from ml.training.painting.bleeds import paint_bleed
from ml.training.painting.head import PaintedHead
from ml.training.painting.mimics import paint_mimics
from ml.training.painting.paint import paint_head, paint_set
from ml.training.painting.sites import SITES, draw_site, voxels_at
from ml.training.prepared import SliceRow, SourceSeries, open_reduced, write_prepared
from preread.dicom.phantom import make_head
from preread.terms import KINDS, HemorrhageType

pytestmark = pytest.mark.slow  # together more than ten seconds, and only who trains needs them

SPACING_MM = (5.0, 1.8, 1.8)
SEEDS = range(4)


@pytest.fixture(scope="module")
def head():
    """A phantom without blood, with sulci and ventricles, on coarse pixels."""
    made = make_head(7, (), 32)
    step = max(1, round(1.8 / made.row_mm))
    rows, columns = (n // step * step for n in made.hu.shape[1:])
    blocks = made.hu[:, :rows, :columns].reshape(32, rows // step, step, columns // step, step)
    spacing = (5.0, made.row_mm * step, made.column_mm * step)
    return PaintedHead(blocks.mean(axis=(2, 4)).astype(np.float32), spacing)


def painted(head, kind):
    """Copies in which the bleed found room."""
    made = [paint_bleed(head.hu, head, kind, np.random.default_rng(seed)) for seed in SEEDS]
    return [(hu, share) for hu, share in made if share.any()]


def density_hu(hu, share):
    return float(np.median(hu[share > 0.9])) if (share > 0.9).any() else np.inf


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_blood_lies_inside_the_skull(head, kind):
    for _, share in painted(head, kind):
        # The scanner's blur carries a trace over the inner table.
        assert share[~head.inside].sum() < 0.1 * share.sum()
        assert share.min() >= 0
        assert share.max() <= 1


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_fresh_blood_is_brighter_than_what_was_there(head, kind):
    fresh = [(hu, share) for hu, share in painted(head, kind) if density_hu(hu, share) > 47]
    assert len(fresh) >= 2
    for hu, share in fresh:
        soft = (share > 0.5) & (head.hu < 45)  # beside the inner table a voxel is partly bone
        assert (hu[soft] > head.hu[soft] + 4).mean() > 0.95
        assert (hu - head.hu)[soft].mean() > 10


def test_some_subdural_collections_are_old_and_their_outline_is_whole_all_the_same(head):
    copies = [
        paint_bleed(head.hu, head, HemorrhageType.SDH, np.random.default_rng(seed))
        for seed in range(16)
    ]
    old = [(hu, share) for hu, share in copies if density_hu(hu, share) < 32]
    assert 1 <= len(old) <= 8
    for hu, share in old:
        assert 12 < density_hu(hu, share) < 32
        assert (share > 0.5).sum() * head.voxel_ml > 1


@pytest.mark.parametrize("site", SITES, ids=lambda site: str(site.center_mm))
def test_every_site_of_bleeds_is_brain_on_one_side_or_in_the_middle(head, site):
    random = np.random.default_rng(3)
    voxels = voxels_at(site, head, head.fluid < 0.3, random)
    assert len(voxels) > 20
    assert head.inside[tuple(voxels.T)].mean() > 0.9
    aside_mm = head.axes[2].ravel()[voxels[:, 2]].mean()
    assert abs(aside_mm) == pytest.approx(site.center_mm[2], abs=4.0)


def test_sites_are_drawn_by_their_shares():
    random = np.random.default_rng(5)
    drawn = [draw_site(random) for _ in range(400)]
    for site in SITES:
        assert drawn.count(site) / 400 == pytest.approx(site.share, abs=0.08)
    assert sum(site.share for site in SITES) == pytest.approx(1.0)


def test_many_bleeds_of_the_brain_begin_below_the_middle_of_the_head(head):
    up = np.broadcast_to(head.axes[0], head.hu.shape)
    centers = []
    for seed in range(24):
        _, share = paint_bleed(head.hu, head, HemorrhageType.IPH, np.random.default_rng(seed))
        if share.any():
            centers.append(float(np.average(up, weights=share)))
    low = np.mean(np.array(centers) < -30)
    assert 0.08 <= low <= 0.5


@pytest.mark.parametrize("kind", [HemorrhageType.SDH, HemorrhageType.EDH], ids=str)
def test_extra_axial_blood_hugs_the_inner_table_or_the_falx(head, kind):
    left = np.abs(np.broadcast_to(head.axes[2], head.hu.shape))
    for _, share in painted(head, kind):
        blood = share > 0.5
        shallow = head.depth[blood] < 30
        assert (shallow | (left[blood] < 12)).mean() > 0.98


def test_an_epidural_lens_is_deeper_for_its_width_than_a_subdural_crescent(head):
    def slenderness(kind):
        values = []
        for _, share in painted(head, kind):
            blood = share > 0.5
            if np.abs(np.broadcast_to(head.axes[2], blood.shape)[blood]).mean() > 12:  # no falx
                values.append(head.depth[blood].max() ** 3 / (blood.sum() * head.voxel_ml * 1000))
        return np.median(values)

    assert slenderness(HemorrhageType.EDH) > slenderness(HemorrhageType.SDH)


def test_intraventricular_blood_takes_the_place_of_ventricular_fluid(head):
    for _, share in painted(head, HemorrhageType.IVH):
        assert head.ventricles[share > 0.5].min() > 0


def test_subarachnoid_blood_takes_the_place_of_fluid_outside_the_ventricles(head):
    for _, share in painted(head, HemorrhageType.SAH):
        assert head.fluid[share > 0.5].mean() > 0.3
        assert head.ventricles[share > 0.5].max() < 0.5


def test_an_empty_head_has_no_room_and_says_so():
    empty = PaintedHead(np.full((6, 32, 32), -1000, np.float32), SPACING_MM)
    hu, share = paint_bleed(empty.hu, empty, HemorrhageType.IVH, np.random.default_rng(0))
    assert not share.any()
    assert (hu == empty.hu).all()


def test_mimics_change_the_picture_and_label_nothing(head):
    changed = paint_mimics(head.hu, head, np.random.default_rng(3), mean=9.0)
    assert changed.shape == head.hu.shape
    assert np.isfinite(changed).all()
    assert (np.abs(changed - head.hu) > 1).any()


def test_a_copy_is_repeatable_and_its_labels_are_where_its_blood_is(head):
    first = paint_head(head, np.random.default_rng(5))
    second = paint_head(head, np.random.default_rng(5))
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one, other)
    _, kinds, share = first
    assert (share[kinds > 0] > 0.5).all()


def test_only_heads_without_blood_are_painted_and_copies_keep_the_fold(head, tmp_path):
    grid = ModelGrid(128, 1.8)
    rows = [
        tuple(
            SliceRow(
                study=str(number),
                patient=str(number),
                fold=number + 1,
                number=index,
                any=int(number == 0 and index == 9),
                labels=(int(number == 0 and index == 9), 0, 0, 0, 0),
                has_mask=True,
            )
            for index in range(len(head.hu))
        )
        for number in (0, 1)
    ]
    series = [
        SourceSeries(head.hu, np.zeros(head.hu.shape, np.uint8), head.spacing_mm[1:], one)
        for one in rows
    ]
    write_prepared(tmp_path / "real", iter(series), grid, reduction=2)
    assert paint_set(tmp_path / "real", tmp_path / "painted", 3.6, 2) == 2 * len(head.hu)
    opened = open_reduced(tmp_path / "painted")
    assert {row.fold for row in opened.rows} == {2}
    assert {row.study for row in opened.rows} == {"1 painted 1", "1 painted 2"}
    assert {row.patient for row in opened.rows} == {"1"}
    for row, kinds in zip(opened.rows, opened.kind, strict=True):
        assert not kinds.any() or any(row.labels) or (kinds > 0).sum() < 4
    assert json.loads((tmp_path / "painted" / "slices.json").read_text())
