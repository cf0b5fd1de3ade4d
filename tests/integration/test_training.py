"""The recipe, at the size of a test."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ml.bundle import load_bundle
from ml.classifier import Classifier
from ml.geometry import ModelGrid
from ml.network import Reading
from ml.training.augment import Augmentation, augment
from ml.training.batches import Batch, Sampler
from ml.training.calibrate import calibrate, read_rules, write_rules
from ml.training.compare import compare
from ml.training.config import TrainingConfig, read_config
from ml.training.curves import draw_curves
from ml.training.evidence import MASK_THRESHOLDS, gather
from ml.training.export import FoldNetwork, export_bundle
from ml.training.losses import _dice_loss, any_kind_loss, losses, total
from ml.training.predict import predict_fold
from ml.training.prepare import draw_bleeds, prepare_phantoms
from ml.training.prepared import SliceRow, SourceSeries, open_prepared, open_reduced, write_prepared
from ml.training.train import RunPaths, train
from tests.support.heads import Ball, head

CONFIGS = Path(__file__).parents[2] / "ml" / "training" / "configs"


@pytest.fixture(scope="module")
def config():
    shipped = json.loads((CONFIGS / "ctich-mbv2-02.json").read_text())
    shipped["network"] |= {"size": 128, "spacing_mm": 1.8}
    shipped["steps"] = 4
    shipped["batch"] = {"real": {"slices": 4, "positive": 2}}
    shipped["phases"] = [{"until": 1.0, "size": 64}]
    shipped["checkpoint_every_s"] = 0.0
    return TrainingConfig.model_validate(shipped)


@pytest.fixture(scope="module")
def prepared(config, tmp_path_factory):
    """Six small heads in three folds, every other one with a bleed."""
    folder = tmp_path_factory.mktemp("prepared") / "set"
    grid = ModelGrid(config.network.size, config.network.spacing_mm)
    write_prepared(folder, (series(n) for n in range(6)), grid, reduction=2)
    return folder


def series(number):
    one = head(
        *([Ball((0, 10 * number, 25), 20)] if number % 2 else []), slices=8, size=80, spacing_mm=2.8
    )
    bleeds = (one.kinds > 0).any(axis=(1, 2))
    rows = tuple(
        SliceRow(
            study=f"study {number}",
            patient=f"patient {number}",
            fold=number // 2,
            number=1 + index,
            any=int(bleed),
            labels=(int(bleed), 0, 0, 0, 0),
            has_mask=True,
        )
        for index, bleed in enumerate(bleeds)
    )
    return SourceSeries(one.volume.hu, one.kinds, (2.8, 2.8), rows)


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "start.safetensors"
    save_file(
        {name: value.contiguous() for name, value in Classifier(3, 1000, 0.2).state_dict().items()},
        path,
    )
    return path


@pytest.fixture(scope="module")
def runs(config, prepared, imagenet, tmp_path_factory):
    """A folder with one short run per fold."""
    folder = tmp_path_factory.mktemp("runs")
    for fold in (0, 1, 2):
        train(config, RunPaths({"real": prepared}, imagenet, folder / str(fold)), fold=fold)
    return folder


@pytest.fixture(scope="module")
def patients(config, prepared, runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("predictions")
    for fold in (0, 1, 2):
        weights = runs / str(fold) / "weights.safetensors"
        predict_fold(prepared, [weights], folder, spec=config.network, fold=fold)
    return gather(prepared, folder, config.network.spacing_mm)


def test_a_prepared_set_keeps_labels_blood_and_hu(prepared):
    opened = open_prepared(prepared)
    labels = np.array([row.labels for row in opened.rows])
    assert ((opened.mask.sum(axis=(1, 2)) > 0) == labels.any(axis=1)).all()
    assert opened.hu[opened.mask > 0].mean() == pytest.approx(65, abs=2)
    # Each reduced pixel is 2×2 pixels.
    reduced = open_reduced(prepared)
    assert reduced.mask.sum() / 255 * 4 == pytest.approx(opened.mask.sum(), rel=0.05)
    assert set(np.unique(reduced.kind)) == {0, 1}


def test_a_cut_run_goes_on_where_it_was_to_the_last_step(config, prepared, imagenet, tmp_path):
    paths = RunPaths({"real": prepared}, imagenet, tmp_path)
    train(config, paths, fold=0, minutes=0)  # one step
    first = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert first["step"] == 1
    train(config, paths, fold=0)
    second = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert second["step"] == config.steps
    assert second["cpu_s"] > first["cpu_s"] > 0


def test_a_finished_run_trains_no_more(config, prepared, imagenet, runs):
    path = runs / "1" / "weights.safetensors"
    before = load_file(path)
    train(config, RunPaths({"real": prepared}, imagenet, runs / "1"), fold=1)
    after = load_file(path)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_curves_of_a_run_are_drawn_from_its_log(tmp_path):
    assert draw_curves(tmp_path) is None
    lines = [
        {"step": 20 * n, "share": n / 5, "size": 64 * (1 + n // 3), "cpu_s": n, "mask": 1 / (1 + n)}
        for n in range(5)
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    picture = draw_curves(tmp_path).read_text()
    assert picture.lstrip().startswith("<?xml")
    assert "<!-- mask -->" in picture
    assert "<!--  128 px -->" in picture


def test_a_source_that_was_not_given_is_named(config, prepared, imagenet, tmp_path):
    asked = config.model_copy(update={"batch": {"painted": config.batch["real"]}})
    with pytest.raises(ValueError, match="painted"):
        train(asked, RunPaths({"real": prepared}, imagenet, tmp_path), fold=0)


def test_a_fold_that_the_set_does_not_have_is_refused(config, prepared, imagenet, tmp_path):
    with pytest.raises(ValueError, match="no fold 7"):
        train(config, RunPaths({"real": prepared}, imagenet, tmp_path), fold=7)


def test_weights_are_half_precision_and_finite(runs):
    weights = load_file(runs / "0" / "weights.safetensors")
    floats = [value for value in weights.values() if value.is_floating_point()]
    assert {value.dtype for value in floats} == {torch.float16}
    assert all(torch.isfinite(value).all() for value in floats)


def test_a_batch_is_half_bleeding_and_knows_its_neighbors(prepared):
    opened = open_reduced(prepared)
    chosen = [index for index, row in enumerate(opened.rows) if row.fold != 0]
    batch = Sampler(opened, chosen, np.random.default_rng(0)).draw(6, 3)
    assert batch.labels[:3].amax(dim=1).tolist() == [1, 1, 1]
    assert batch.labels[3:].sum() == 0
    assert batch.hu.shape == (6, 3, 64, 64)
    assert (batch.maps[:3, 0].amax(dim=(1, 2)) > 0.5).all()


def test_nothing_of_a_held_out_fold_is_drawn(prepared):
    opened = open_reduced(prepared)
    chosen = [index for index, row in enumerate(opened.rows) if row.fold == 1]
    shifted = replace(opened, hu=np.full_like(opened.hu, -77))
    shifted.hu[chosen] = 11
    batch = Sampler(shifted, chosen, np.random.default_rng(0)).draw(8, 4)
    assert set(batch.hu.unique().tolist()) == {11.0}


def test_image_and_mask_move_together():
    how = Augmentation(hu_shift=0, hu_scale=0, noise_hu=0, blur=0, sharpen=0, thick=0)
    hu = torch.full((8, 3, 64, 64), -1000.0)
    hu[:, :, 20:40, 10:30] = 60.0
    mask = (hu[:, :1] > 0).float()
    moved, maps = augment(hu, mask, 48, how, torch.Generator().manual_seed(0))
    assert moved.shape == (8, 3, 48, 48)
    assert ((moved[:, :1] + 1000) / 1060 - maps).abs().max() < 1e-4
    assert not torch.allclose(maps[0], maps[1])


def test_neighbors_change_places_or_give_way_but_the_slice_stays():
    hu = torch.tensor([10.0, 20.0, 30.0]).view(1, 3, 1, 1).expand(64, 3, 32, 32)
    how = Augmentation(
        rotation_deg=0, scale=0, shift=0, hu_shift=0, hu_scale=0, noise_hu=0, blur=0, sharpen=0,
        thick=0, swap=0.5, alone=0.3,
    )  # fmt: skip
    moved, _ = augment(hu, hu[:, :1] * 0, 32, how, torch.Generator().manual_seed(1))
    seen = {tuple(one[:, 16, 16].round().int().tolist()) for one in moved}
    assert seen == {(10, 20, 30), (30, 20, 10), (20, 20, 20)}


def test_dice_counts_each_bleeding_slice_and_the_batch():
    logits = torch.full((2, 1, 8, 8), -30.0)
    share = torch.zeros(2, 1, 8, 8)
    share[0, 0, :2] = 1.0  # 16 pixels
    logits[0, 0, 0] = 30.0  # half of them found
    # Slice and batch alike: 2·8 of 8 + 16, each smoothed by one pixel.
    assert float(_dice_loss(logits, share)) == pytest.approx(1 - 17 / 25, abs=1e-5)
    logits[1, 0, :2] = 30.0  # 16 pixels where there are none count in the batch only
    wanted = 0.5 * (1 - 17 / 25) + 0.5 * (1 - 17 / 41)
    assert float(_dice_loss(logits, share)) == pytest.approx(wanted, abs=1e-5)


def test_certain_and_right_costs_little_certain_and_wrong_much():
    labels = torch.tensor([1.0, 0.0])
    right = torch.tensor([[9.0, -9, -9, -9, -9], [-9, -9, -9, -9, -9]])
    assert any_kind_loss(right, labels) < 0.01
    assert any_kind_loss(-right, labels) > 4
    assert torch.isfinite(any_kind_loss(torch.full((2, 5), -80.0), labels))


def test_evidence_counts_blood_and_volume(patients):
    bleeding = [one for one in patients if one.labels.any()]
    assert len(bleeding) == 3
    for one in patients:
        assert one.overlap.shape == (len(MASK_THRESHOLDS), 8)
        assert (one.overlap <= one.truth).all()
        assert (np.diff(one.predicted.sum(axis=1)) <= 0).all()


def test_fitted_rules_lead_to_a_bundle_that_opens(config, patients, runs, tmp_path):
    write_rules(calibrate(patients, config.name), tmp_path / "rules.json")
    rules = read_rules(tmp_path / "rules.json")
    networks = [FoldNetwork(fold, runs / str(fold) / "weights.safetensors") for fold in (0, 1, 2)]
    written = export_bundle(networks, tmp_path / "bundle", config=config, rules=rules, training={})
    opened = load_bundle(tmp_path / "bundle")
    assert opened.manifest == written
    assert opened.manifest.rules == rules.ensemble
    assert all(one.rules.mask.border is not None for one in opened.manifest.members)
    assert sorted(member.held_out_fold for member in opened.manifest.members) == [0, 1, 2]
    assert opened.manifest.demonstrator  # nothing has judged it yet


def test_networks_of_two_recipes_are_judged_by_the_fold_that_neither_saw(
    config, patients, runs, tmp_path
):
    rules = calibrate(patients, config.name)
    networks = [FoldNetwork(n, runs / str(n) / "weights.safetensors") for n in (0, 1, 2, 0, 1, 2)]
    export_bundle(networks, tmp_path / "bundle", config=config, rules=rules, training={})
    opened = load_bundle(tmp_path / "bundle")
    names = [member.file for member in opened.manifest.members]
    assert names[:2] == ["fold-0-2.safetensors", "fold-1.safetensors"]  # the screeners
    assert sorted(names) == sorted(
        f"fold-{n}{more}.safetensors" for n in (0, 1, 2) for more in ("", "-2")
    )
    assert opened.manifest.cascade.screeners == 2
    held_out = opened.held_out(1)
    assert [path.name for path in held_out.weights_paths] == [
        "fold-1.safetensors",
        "fold-1-2.safetensors",
    ]
    assert held_out.manifest.rules == rules.members[1]


def test_a_head_changes_its_shape_smoothly_if_asked_to():
    hu, mask = torch.zeros(2, 3, 64, 64), torch.zeros(2, 1, 64, 64)
    hu[:, :, 24:40, 24:40] = 50.0
    mask[:, :, 24:40, 24:40] = 1.0
    still = Augmentation(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    kept, _ = augment(hu, mask, 64, still, torch.Generator().manual_seed(0))
    how = replace(still, elastic=0.03)
    moved, maps = augment(hu, mask, 64, how, torch.Generator().manual_seed(0))
    assert (moved - kept).abs().max() > 10
    assert maps.sum() == pytest.approx(float(mask.sum()), rel=0.35)
    # Image and outline move together.
    assert moved[:, 1:2][maps > 0.99].min() > 45


def test_a_members_rules_do_not_depend_on_the_fold_that_it_is_judged_on(config, patients):
    flipped = [replace(one, labels=~one.labels) if one.fold == 0 else one for one in patients]
    before, after = calibrate(patients, config.name), calibrate(flipped, config.name)
    assert before.members[0] == after.members[0]
    assert before.members[1] != after.members[1]
    assert before.ensemble != after.ensemble


def test_a_recipe_differs_from_itself_by_nothing(patients):
    found = compare(patients, patients)
    assert found["patients"] == 6
    assert {row["difference"] for row in found["figures"].values()} <= {0.0, None}


def test_a_better_outline_shows_in_the_comparison(patients):
    perfect = [
        replace(one, overlap=np.array([one.truth] * 5), predicted=np.array([one.truth] * 5))
        for one in patients
    ]
    row = compare(patients, perfect)["figures"]["Dice on slices with blood, threshold 0.1"]
    assert row["with"] == 1.0
    assert row["difference"] > 0
    with pytest.raises(ValueError, match="no patient in common"):
        compare(patients[:3], perfect[3:])


def test_heads_of_tests_and_demo_never_train(config, tmp_path):
    with pytest.raises(ValueError, match="seeds below"):
        prepare_phantoms(tmp_path, config.network, [999])


def test_phantom_bleeds_are_of_different_kinds():
    for seed in range(50):
        kinds = [bleed.kind for bleed in draw_bleeds(np.random.default_rng(seed))]
        assert len(kinds) == len(set(kinds)) <= 3


def test_the_shipped_configuration_is_valid():
    for path in CONFIGS.glob("*.json"):
        assert read_config(path).name == path.stem


def test_what_is_unknown_costs_nothing():
    logits = torch.tensor([[3.0, -2, 0, 1, -1], [9.0, 9, 9, 9, 9]])
    assert any_kind_loss(logits, torch.tensor([1.0, -1])) == any_kind_loss(
        logits[:1], torch.tensor([1.0])
    )
    assert any_kind_loss(logits, torch.tensor([-1.0, -1])) == 0


def test_only_outlined_slices_train_the_mask_and_known_labels_the_kinds():
    torch.manual_seed(0)
    reading = Reading(torch.randn(3, 5), torch.randn(3, 1, 16, 16), torch.randn(3, 5, 4, 4))
    for logits in reading:
        logits.requires_grad_()
    labels = torch.tensor([[1.0, 0, 0, 0, 0], [-1] * 5, [1, 0, -1, -1, -1]])
    outlined = torch.tensor([True, False, False])
    batch = Batch(
        torch.zeros(3, 3, 16, 16), torch.zeros(3, 6, 16, 16), labels, torch.ones(3), outlined
    )
    share = torch.zeros(3, 1, 16, 16)
    share[0, 0, 4:8, 4:8] = 1
    total(losses(reading, batch, share, share)).backward()
    touched = [
        logits.grad.abs().flatten(1).sum(dim=1) > 0 for logits in (reading.mask, reading.kind_maps)
    ]
    assert [one.tolist() for one in touched] == [[True, False, False]] * 2
    # «Any» is known of all three, so every kind learns a little; without it only known kinds do.
    reading.kinds.grad = None
    unknown = replace(batch, any=torch.full((3,), -1.0))
    total(losses(reading, unknown, share, share)).backward()
    assert (reading.kinds.grad != 0).tolist() == (labels != -1).tolist()


def test_a_batch_without_any_outline_still_trains_the_kinds():
    reading = Reading(
        torch.zeros(2, 5, requires_grad=True),
        torch.zeros(2, 1, 16, 16, requires_grad=True),
        torch.zeros(2, 5, 4, 4, requires_grad=True),
    )
    labels = torch.tensor([[1.0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    nothing = torch.zeros(2, dtype=torch.bool)
    batch = Batch(
        torch.zeros(2, 3, 16, 16), torch.zeros(2, 6, 16, 16), labels, labels[:, 0], nothing
    )
    terms = losses(reading, batch, torch.zeros(2, 1, 16, 16), torch.zeros(2, 1, 16, 16))
    total(terms).backward()
    assert terms["mask"] == terms["dice"] == 0
    assert torch.isfinite(reading.kinds.grad).all()
    assert reading.kinds.grad.abs().sum() > 0
    assert reading.mask.grad.abs().sum() == 0


def test_slices_of_unknown_truth_are_not_drawn_and_nameless_blood_is(prepared):
    opened = open_reduced(prepared)
    bleeding = [index for index, row in enumerate(opened.rows) if row.any == 1]
    clean = [index for index, row in enumerate(opened.rows) if row.any == 0]
    rows = list(opened.rows)
    for index in bleeding[1:] + clean[1:]:
        rows[index] = replace(rows[index], any=-1, labels=(-1,) * 5)
    rows[bleeding[0]] = replace(rows[bleeding[0]], labels=(-1,) * 5, has_mask=False)
    sampler = Sampler(
        replace(opened, rows=tuple(rows)), list(range(len(rows))), np.random.default_rng(0)
    )
    batch = sampler.draw(4, 2)
    assert batch.any.tolist() == [1, 1, 0, 0]
    assert batch.has_mask.tolist() == [False, False, True, True]
    assert (
        batch.hu[:, 1]
        == torch.from_numpy(opened.hu[[bleeding[0]] * 2 + [clean[0]] * 2].astype(np.float32))
    ).all()


def test_nothing_to_draw_is_said(prepared):
    opened = open_reduced(prepared)
    clean = [index for index, row in enumerate(opened.rows) if row.any == 0]
    with pytest.raises(ValueError, match="no slice to draw"):
        Sampler(opened, clean, np.random.default_rng(0)).draw(2, 1)


def test_unknown_kinds_are_no_evidence(config, prepared, runs, tmp_path):
    weights = [runs / "0" / "weights.safetensors"]
    predict_fold(prepared, weights, tmp_path, spec=config.network, fold=0)
    copy = tmp_path / "set"
    copy.mkdir()
    for path in prepared.iterdir():
        (copy / path.name).symlink_to(path)
    rows = json.loads((prepared / "slices.json").read_text())
    rows[0]["labels"][2] = -1
    (copy / "slices.json").unlink()
    (copy / "slices.json").write_text(json.dumps(rows))
    with pytest.raises(ValueError, match=r"study 0.*cannot be judged"):
        gather(copy, tmp_path, config.network.spacing_mm)


def test_a_second_leg_starts_from_the_weights_of_the_first(
    config, prepared, imagenet, runs, tmp_path
):
    start = runs / "0" / "checkpoint.pt"
    paths = RunPaths({"real": prepared}, imagenet, tmp_path, start)
    train(config.model_copy(update={"steps": 0}), paths, fold=0)
    begun = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    earlier = torch.load(start, weights_only=True)
    name = "segmenter.mask.weight"
    assert begun["step"] == 0
    assert torch.equal(begun["average"][name], earlier["average"][name])


def test_a_recipe_with_teachers_learns_from_them_and_only_it_does(
    config, prepared, imagenet, runs, tmp_path
):
    taught = config.model_copy(update={"taught": 1.0, "steps": 20})
    weights = (runs / "0" / "weights.safetensors",)
    sets = {"real": prepared}
    train(taught, RunPaths(sets, imagenet, tmp_path / "a", teachers=weights), fold=0)
    line = json.loads((tmp_path / "a" / "log.jsonl").read_text().splitlines()[-1])
    assert {"kinds", "taught_kinds", "taught_mask", "taught_places"} <= set(line)
    with pytest.raises(ValueError, match="learns from teachers"):
        train(taught, RunPaths(sets, imagenet, tmp_path / "b"), fold=0)
    with pytest.raises(ValueError, match="learns from no teachers"):
        train(config, RunPaths(sets, imagenet, tmp_path / "c", teachers=weights), fold=0)
