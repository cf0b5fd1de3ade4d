"""The recipe, at the size of a test."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from ml.bundle import load_bundle
from ml.classifier import Classifier
from ml.training.calibrate import calibrate, read_rules, write_rules
from ml.training.compare import compare
from ml.training.config import TrainingConfig, read_config
from ml.training.curves import draw_curves
from ml.training.evidence import MASK_THRESHOLDS, gather
from ml.training.export import FoldNetwork, export_bundle, readers
from ml.training.predict import predict_fold
from ml.training.prepare import draw_bleeds, prepare_phantoms
from ml.training.train import RunPaths, train
from tests.support.small_training import CONFIGS

pytestmark = pytest.mark.slow  # together more than ten seconds, and only who trains needs them

MASK = "segmenter.mask.weight"


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


def test_of_each_fold_one_network_reads_however_many_there_are():
    folds = (1, 1, 1, 2, 3, 3)
    named = {f"{turn}": FoldNetwork(fold, Path()) for turn, fold in enumerate(folds)}
    assert [named[name].fold for name in readers(named)] == [1, 2, 3]


def test_networks_of_two_recipes_are_judged_by_the_fold_that_neither_saw(
    config, patients, runs, tmp_path
):
    rules = calibrate(patients, config.name)
    networks = [FoldNetwork(n, runs / str(n) / "weights.safetensors") for n in (0, 1, 2, 0, 1, 2)]
    export_bundle(networks, tmp_path / "bundle", config=config, rules=rules, training={})
    opened = load_bundle(tmp_path / "bundle")
    manifest = opened.manifest
    # One of each fold reads new patients, of the recipes in turn, and the first two screen.
    assert [member.file for member in manifest.members] == [
        "fold-0.safetensors",
        "fold-1-2.safetensors",
        "fold-2.safetensors",
    ]
    assert sorted(member.file for member in manifest.held_back) == [
        "fold-0-2.safetensors",
        "fold-1.safetensors",
        "fold-2-2.safetensors",
    ]
    assert manifest.cascade.screeners == 2
    held_out = opened.held_out(1)
    assert [path.name for path in held_out.weights_paths] == [
        "fold-1-2.safetensors",
        "fold-1.safetensors",
    ]
    assert held_out.manifest.rules == rules.members[1]


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


def test_a_second_leg_starts_from_the_weights_of_the_first(config, prepared, runs, tmp_path):
    start = runs / "0" / "checkpoint.pt"
    paths = RunPaths({"real": prepared}, None, tmp_path, start)  # and needs no other
    train(config.model_copy(update={"steps": 0}), paths, fold=0)
    begun = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    earlier = torch.load(start, weights_only=True)
    assert begun["step"] == 0
    assert torch.equal(begun["average"][MASK], earlier["average"][MASK])


def test_a_recipe_that_goes_a_part_of_the_way_needs_an_earlier_run(
    config, prepared, imagenet, tmp_path
):
    part = config.model_copy(update={"learned": 0.5})
    with pytest.raises(ValueError, match="earlier run; none was given"):
        train(part, RunPaths({"real": prepared}, imagenet, tmp_path), fold=0)


def test_windows_are_drawn_by_their_shares_and_no_larger_than_what_is_shown(config):
    recipe = json.loads(config.model_dump_json()) | {
        "windows": [
            {"rows": 32, "columns": 64, "share": 3},
            {"rows": 64, "columns": 64, "share": 1},
        ]
    }
    windowed = TrainingConfig.model_validate(recipe)
    random = np.random.default_rng(0)
    drawn = Counter(windowed.draw_window(random) for _ in range(400))
    assert set(drawn) == {(32, 64), (64, 64)}
    assert drawn[32, 64] / 400 == pytest.approx(0.75, abs=0.08)
    assert config.draw_window(random) is None
    for wrong in ({"rows": 96}, {"rows": 0}, {"columns": 40}, {"share": 0}):
        window = {"rows": 32, "columns": 32, "share": 1} | wrong
        with pytest.raises(ValidationError):
            TrainingConfig.model_validate(recipe | {"windows": [window]})


def test_a_second_leg_goes_as_much_of_the_way_as_it_is_told(config, prepared, runs, tmp_path):
    start = runs / "0" / "weights.safetensors"
    kept = {}
    for learned in (0.25, 1.0):
        paths = RunPaths({"real": prepared}, None, tmp_path / str(learned), start)
        weights = train(config.model_copy(update={"learned": learned}), paths, fold=0)
        kept[learned] = load_file(weights)
    begun = load_file(start)[MASK].float()
    way, part = (kept[learned][MASK].float() - begun for learned in (1.0, 0.25))
    assert way.abs().max() > 1e-3
    assert torch.allclose(part, 0.25 * way, atol=1e-3)


def test_a_recipe_with_teachers_learns_from_them_and_only_it_does(
    config, prepared, imagenet, runs, tmp_path, monkeypatch
):
    monkeypatch.setattr("ml.training.train.LOG_EVERY_STEPS", 2)
    taught = config.model_copy(update={"taught": 1.0, "steps": 2})
    weights = (runs / "0" / "weights.safetensors",)
    sets = {"real": prepared}
    train(taught, RunPaths(sets, imagenet, tmp_path / "a", teachers=weights), fold=0)
    line = json.loads((tmp_path / "a" / "log.jsonl").read_text().splitlines()[-1])
    assert {"kinds", "taught_kinds", "taught_mask", "taught_places"} <= set(line)
    with pytest.raises(ValueError, match="learns from teachers"):
        train(taught, RunPaths(sets, imagenet, tmp_path / "b"), fold=0)
    with pytest.raises(ValueError, match="learns from no teachers"):
        train(config, RunPaths(sets, imagenet, tmp_path / "c", teachers=weights), fold=0)
