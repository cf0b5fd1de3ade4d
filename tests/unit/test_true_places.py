"""Label maps of a head, and the true places of a bleed that follow from them."""

import numpy as np
import pytest

from ml.regions import brain
from ml.regions.shapes import Points
from ml.training.places.gates import gates_of
from ml.training.places.head import Head
from ml.training.places.labels import COMPARTMENTS, label_head, left_mm_of
from ml.training.places.placed import NO_PLACE
from ml.training.places.reference import build_reference
from ml.training.places.template import Atlas
from ml.training.places.truth import true_places
from preread.regions import FINE_REGIONS, regions_of
from preread.terms import HemorrhageType, Laterality, Region
from tests.support.heads import head as painted_head

IPH, SDH, IVH, SAH, EDH = (HemorrhageType(name) for name in ("IPH", "SDH", "IVH", "SAH", "EDH"))
NAMES = ("", "FrontalLobe", "ParietalLobe", "TemporalLobe", "OccipitalLobe", "Cerebellum")


@pytest.fixture(scope="module")
def reference():
    """Regions by an atlas whose lobes are those of the analytic model."""
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = (-92.0, -128.0, -72.0)
    voxels = np.indices((47, 57, 43)).reshape(3, -1)
    points = Points.of((affine[:3, :3] @ voxels + affine[:3, 3:]).T)
    labels = (brain.parts(points) + 1).reshape(47, 57, 43)
    return build_reference(Atlas(labels, affine, dict(enumerate(NAMES))))


@pytest.fixture(scope="module")
def placed(reference):
    """A straight ellipsoid head around (0, −18, 8) with its labels."""
    one = Head(painted_head(size=80, spacing_mm=2.8).volume.hu, (5.0, 2.8, 2.8))
    to_mni = one.affine.copy()
    to_mni[:3, 3] += (0.0, -18.0, 8.0 - 15.5 * 5.0)
    return one, to_mni, label_head(one, to_mni, reference), left_mm_of(one, to_mni)


def bleed(placed, center_mm, radius_mm=7.0):
    """A ball around an MNI place."""
    one, to_mni, _, _ = placed
    voxels = np.indices(one.hu.shape).reshape(3, -1)
    apart = (to_mni[:3, :3] @ voxels + to_mni[:3, 3:]).T - np.array(center_mm)
    return (np.linalg.norm(apart, axis=1) < radius_mm).reshape(one.hu.shape)


@pytest.mark.parametrize(
    ("kind", "center_mm", "region", "side"),
    [
        pytest.param(IPH, (-27, 0, 4), Region.PUTAMEN, Laterality.LEFT, id="putamen"),
        pytest.param(IPH, (40, 34, 30), Region.FRONTAL_LOBE, Laterality.RIGHT, id="lobe"),
        pytest.param(IPH, (0, -25, -32), Region.PONS, Laterality.MIDLINE, id="pons"),
        pytest.param(IVH, (14, 26, 4), Region.FRONTAL_HORN, Laterality.RIGHT, id="horn"),
        pytest.param(SAH, (0, 2, -16), Region.SUPRASELLAR_CISTERN, Laterality.MIDLINE, id="star"),
        pytest.param(
            SDH, (-60, -50, 36), Region.PARIETAL_CONVEXITY, Laterality.LEFT, id="crescent"
        ),
        pytest.param(SDH, (-8, -20, 56), Region.PARAFALCINE, Laterality.LEFT, id="falx"),
        pytest.param(EDH, (-8, -4, 56), Region.FRONTAL_CONVEXITY, Laterality.LEFT, id="no falx"),
    ],
)
def test_a_bleed_has_the_place_that_its_type_can_have(placed, kind, center_mm, region, side):
    _, _, labels, left = placed
    first = true_places(labels, left, bleed(placed, center_mm), kind)[0]
    assert (first.region, first.laterality) == (region, side)


def test_shares_of_a_bleed_across_the_sulcus_are_shares_of_its_volume(placed):
    _, _, labels, left = placed
    found = true_places(labels, left, bleed(placed, (-40, -22, 54), 14.0), SDH)
    assert {place.region for place in found} >= {
        Region.FRONTAL_CONVEXITY,
        Region.PARIETAL_CONVEXITY,
    }
    assert sum(place.share for place in found) == pytest.approx(1)
    assert [place.share for place in found] == sorted(
        (place.share for place in found), reverse=True
    )


def test_a_bleed_in_a_head_that_was_not_registered_has_no_place(placed):
    _, _, labels, left = placed
    unknown = np.full_like(labels, NO_PLACE)
    assert true_places(unknown, left, bleed(placed, (0, 0, 0)), IPH) == ()


def test_each_map_holds_the_regions_of_its_compartment(placed):
    labels = placed[2]
    for number, compartment in enumerate(COMPARTMENTS):
        assert {FINE_REGIONS[k] for k in np.unique(labels[:, number])} <= set(
            regions_of(compartment)
        )


def test_the_labels_of_a_mirrored_head_are_mirrored(placed, reference):
    one, to_mni, labels, left = placed
    mirror = np.diag([1.0, 1.0, -1.0, 1.0])
    mirror[2, 3] = one.hu.shape[2] - 1
    flipped = Head(np.ascontiguousarray(one.hu[..., ::-1]), one.spacing_mm)
    mirrored_to_mni = np.diag([-1.0, 1.0, 1.0, 1.0]) @ to_mni @ mirror
    assert (label_head(flipped, mirrored_to_mni, reference) == labels[..., ::-1]).mean() > 0.995
    np.testing.assert_allclose(left_mm_of(flipped, mirrored_to_mni), -left[..., ::-1], atol=0.1)


def test_the_gate_of_a_fold_does_not_know_its_own_heads():
    good = {f"{fold}-{n}": (fold, -0.8 + 0.01 * n) for fold in (1, 2) for n in range(5)}
    spoiled = {**good, **{f"1-{n}": (1, 0.0) for n in range(5)}}
    assert gates_of(spoiled)[1] == gates_of(good)[1]
    assert gates_of(spoiled)[2] > gates_of(good)[2]
