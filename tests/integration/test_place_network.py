"""The network that names places: mirrored heads, training, and its way into a bundle."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ml.bundle import load_bundle, sha256_of
from ml.evaluation.estimates import Bootstrap
from ml.places.blood import ANALYTIC
from ml.places.network import PlaceNetwork
from ml.places.pose import STRAIGHT
from ml.places.reader import MOST_MOVED_MM, TorchPlaceReader, load_namer
from ml.places.upright import CELL_MM, COLUMNS, cells_of
from ml.places.views import MIDDLE_BELOW_MM
from ml.training.placing.attach import attach_places
from ml.training.placing.batches import SlabPool, draw_batches
from ml.training.placing.figures import figures_of, pose_figures
from ml.training.placing.heads import LabeledHead
from ml.training.placing.learn import Plan, loss_of, train_places
from ml.training.placing.lesions import read_lesions
from preread.errors import InvalidBundle
from preread.regions import FINE_REGIONS
from preread.terms import KINDS, Compartment, HemorrhageType, Laterality, Region
from tests.support.heads import Ball, head, manifest, standing, with_sides_exchanged


@pytest.fixture(scope="module")
def labeled():
    """A head with a bleed on its left, whose truth is one region in front and one behind."""
    one = head(Ball((10, -20, 30), 14, HemorrhageType.IPH))
    upright, frame = standing(one.volume.hu)
    blood = np.zeros(upright.hu.shape, np.float32)
    blood[tuple(cells_of(frame, np.argwhere(one.kinds > 0).astype(np.float64)).T)] = 1.0
    labels = np.zeros((len(blood), len(Compartment), *blood.shape[1:]), np.uint8)
    for number, (front, behind) in enumerate(
        [
            (Region.FRONTAL_LOBE, Region.OCCIPITAL_LOBE),
            (Region.FRONTAL_HORN, Region.OCCIPITAL_HORN),
            (Region.FRONTAL_SULCI, Region.OCCIPITAL_SULCI),
            (Region.FRONTAL_CONVEXITY, Region.OCCIPITAL_CONVEXITY),
        ]
    ):
        labels[:, number] = FINE_REGIONS.index(behind)
        labels[:, number, :40] = FINE_REGIONS.index(front)
    left = np.broadcast_to((np.arange(COLUMNS) - 31.5) * 2.4, blood.shape).astype(np.float32)
    kinds = (blood > 0).astype(np.uint8) * (1 + KINDS.index(HemorrhageType.IPH))
    straight = np.array(STRAIGHT)
    return LabeledHead("1", "1", 1, 0, frame, upright, blood, kinds, labels, left, straight)


@pytest.fixture(scope="module")
def reader():
    torch.manual_seed(0)
    return TorchPlaceReader([PlaceNetwork(), PlaceNetwork()])


def test_a_mirrored_head_has_the_same_regions_at_mirrored_cells(labeled, reader):
    cells = np.argwhere(labeled.blood > 0)
    blood = labeled.blood[labeled.blood > 0]
    one = reader.read(labeled.head, cells, blood)
    flipped = cells * [1, 1, -1] + [0, 0, COLUMNS - 1]
    other = reader.read(with_sides_exchanged(labeled.head), flipped, blood)
    np.testing.assert_allclose(one.regions, other.regions, atol=1e-6)
    np.testing.assert_allclose(one.compartments, other.compartments, atol=1e-6)
    np.testing.assert_allclose(one.left_mm, -other.left_mm, atol=1e-4)


class Leaning(TorchPlaceReader):
    """Holds every head for one that leans: so many mm to the left for each mm below the middle."""

    lean = 0.1

    def poses(self, head):
        del head
        held = np.array(STRAIGHT, np.float32)
        held[0] = (1.0, 0.0, self.lean, 2.0)
        return (held,) * 2


@pytest.mark.parametrize("lean", [0.1, -0.05, 1.0])
def test_a_side_is_that_in_the_head_held_straight_but_no_pose_moves_it_far(labeled, lean):
    cells = np.argwhere(labeled.blood > 0)
    reader = Leaning([PlaceNetwork(), PlaceNetwork()])
    reader.lean = lean
    read = reader.read(labeled.head, cells, labeled.blood[labeled.blood > 0])
    by_axes = (cells[:, 2] - (COLUMNS - 1) / 2) * CELL_MM
    leant = 2.0 + lean * (labeled.head.below_mm[cells[:, 0]] - MIDDLE_BELOW_MM)
    assert (np.abs(leant) > MOST_MOVED_MM).any() == (lean == 1.0)
    moved = np.clip(leant, -MOST_MOVED_MM, MOST_MOVED_MM)
    np.testing.assert_allclose(read.left_mm, by_axes + moved, atol=1e-3)


def test_probabilities_sum_to_one_within_each_compartment(labeled, reader):
    cells = np.argwhere(labeled.blood > 0)
    read = reader.read(labeled.head, cells, labeled.blood[labeled.blood > 0])
    assert read.regions.min() >= 0
    assert read.regions.sum(axis=1) == pytest.approx(np.full(len(cells), len(Compartment)))
    assert read.compartments.sum(axis=1) == pytest.approx(np.ones(len(cells)))


def test_a_lesion_has_its_side_and_its_true_shares(labeled):
    (lesion,) = read_lesions(labeled, ANALYTIC.reader)
    assert lesion.true_side is lesion.said_side is Laterality.LEFT
    assert lesion.true_shares[FINE_REGIONS.index(Region.FRONTAL_LOBE)] == pytest.approx(
        1.0, abs=0.1
    )
    assert lesion.said_shares.sum() == pytest.approx(1.0)


def shares_of(**shares):
    return np.array([shares.get(region.value, 0.0) for region in FINE_REGIONS])


def test_close_calls_of_the_truth_are_told_apart(labeled):
    (known,) = read_lesions(labeled, ANALYTIC.reader)
    occipital = shares_of(occipital_lobe=0.9, frontal_lobe=0.1)
    close = replace(
        known, true_shares=shares_of(frontal_lobe=0.55, occipital_lobe=0.45), said_shares=occipital
    )
    clear = replace(known, true_shares=shares_of(frontal_lobe=0.8, occipital_lobe=0.2),
                    said_shares=shares_of(frontal_lobe=0.7, occipital_lobe=0.3))  # fmt: skip
    figures = figures_of([close, clear], Bootstrap(rounds=20))
    assert figures["lobe_top1"]["count"] == "1/2"
    assert figures["lobe_clear"]["count"] == "1/1"


def test_a_pose_is_judged_against_the_registered_one(labeled, reader):
    unknown = replace(labeled, pose=None)
    figures = pose_figures([labeled, unknown], {1: reader}, Bootstrap(rounds=20))
    assert figures["heads"] == 1
    assert figures["by_axes_mm"]["value"] == 0.0
    assert 0.0 < figures["by_pose_mm"]["value"] < 15.0


def test_a_few_steps_teach_front_from_behind(labeled):
    untrained = PlaceNetwork()
    trained = train_places([labeled], [labeled], Plan(steps=20, slabs=3, pose_steps=3, seed=1))
    pool = SlabPool.of([labeled])
    batch = next(draw_batches(pool, pool, 6, np.random.default_rng(0)))
    with torch.no_grad():
        assert loss_of(trained, batch) < 0.7 * loss_of(untrained.eval(), batch)


def test_networks_are_attached_by_fold_and_held_out_with_it(tmp_path):
    networks, bundle = tmp_path / "networks", tmp_path / "bundle"
    networks.mkdir()
    bundle.mkdir()
    for fold in (1, 2):
        save_file(PlaceNetwork().state_dict(), networks / f"places-{fold}.safetensors")
    curve = {"calibration": {"intercept": 0.1, "slopes": [1.2]}}
    (networks / "places.json").write_text(json.dumps(curve))
    (bundle / "none.safetensors").write_bytes(b"x")
    described = json.loads(manifest().model_dump_json())
    digest = {"sha256": sha256_of(bundle / "none.safetensors"), "held_out_fold": 2}
    described["members"] = [described["members"][0] | digest]
    (bundle / "manifest.json").write_text(json.dumps(described))
    before = load_bundle(bundle).manifest.identity
    attach_places(networks, bundle)
    whole = load_bundle(bundle)
    assert whole.manifest.identity != before
    assert [path.name for path in whole.place_paths] == [
        "places-1.safetensors",
        "places-2.safetensors",
    ]
    assert [path.name for path in whole.held_out(2).place_paths] == ["places-2.safetensors"]
    assert load_namer(whole).calibration.intercept == 0.1
    (bundle / "places-1.safetensors").write_bytes(b"other")
    with pytest.raises(InvalidBundle, match="sha256"):
        load_bundle(bundle)
