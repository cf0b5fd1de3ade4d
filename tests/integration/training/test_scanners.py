"""Held-out patients once more, as other scanners might have shown them."""

import json
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ml.network import HemorrhageNetwork
from ml.training.__main__ import main
from ml.training.evidence import gather
from ml.training.predict import images_of, predict_fold, prediction_path, read_prediction
from ml.training.prepared import open_prepared
from ml.training.scanners.changes import CHANGES, change_images
from ml.training.scanners.judge import judge

pytestmark = pytest.mark.slow  # together more than ten seconds, and only who trains needs them


@pytest.fixture(scope="module")
def runs(config, tmp_path_factory):
    """Folds' networks that learned nothing: enough to be judged."""
    folder = tmp_path_factory.mktemp("runs")
    for fold in (0, 1, 2):
        torch.manual_seed(fold)
        (folder / str(fold)).mkdir()
        state = HemorrhageNetwork(config.network).state_dict()
        save_file(state, folder / str(fold) / "weights.safetensors")
    return folder


@pytest.fixture
def hu():
    image = np.full((3, 64, 64), -1000.0, np.float32)
    image[:, 16:48, 16:48] = 35.0
    image[:, 30:34, 30:34] = 65.0
    return image


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_repeatable_keeps_the_air_and_leaves_the_image_alone(hu, name):
    before = hu.copy()
    changed = change_images(hu, name, 3)
    assert (hu == before).all()
    assert changed.dtype == np.float32
    assert (change_images(hu, name, 3) == changed).all()
    assert np.abs(changed - hu).max() > 3
    assert changed[:, :8, :8] == pytest.approx(-1000.0)


def test_a_bleed_stays_denser_than_brain_under_every_change(hu):
    for name in CHANGES:
        changed = change_images(hu, name, 0)
        assert changed[:, 30:34, 30:34].mean() > changed[:, 20:26, 20:26].mean() + 15


def test_studies_that_did_not_change_are_judged_as_they_are(config, prepared, runs, tmp_path):
    folder = tmp_path / "predictions"
    for fold in (0, 1, 2):
        weights = [runs / str(fold) / "weights.safetensors"]
        predict_fold(prepared, weights, folder, spec=config.network, fold=fold)
    home = gather(prepared, folder, config.network.spacing_mm)
    found = judge(home, home)
    assert set(found) == {"study_auc", "interval", "slice_auc", "dice", "found", "false_alarms"}
    low, high = found["interval"]
    assert low <= found["study_auc"] <= high
    assert found["found"].endswith("/3")
    assert found["false_alarms"].endswith("/3")


def test_the_step_reads_changed_images_and_writes_what_it_found(
    config, prepared, runs, tmp_path, monkeypatch
):
    source = open_prepared(prepared)
    rows = np.arange(8)
    name = "a sharp kernel"
    assert (images_of(source, rows, name) != images_of(source, rows)).any()
    recipe = tmp_path / "recipe.json"
    recipe.write_text(config.model_dump_json())
    for fold in (0, 1, 2):
        weights = [runs / str(fold) / "weights.safetensors"]
        predict_fold(prepared, weights, tmp_path / "home", spec=config.network, fold=fold)
    words = [
        *("scanners", "--config", recipe, "--prepared", prepared, "--runs", runs),
        *("--predictions", tmp_path / "home", "--work", tmp_path / "work"),
        *("--out", tmp_path / "out.json"),
    ]
    monkeypatch.setattr(sys, "argv", ["ml.training", *map(str, words)])
    main()
    found = json.loads((tmp_path / "out.json").read_text())
    assert list(found) == ["as they are", *CHANGES]
    said = [
        read_prediction(prediction_path(folder, "study 1")).mask_probabilities
        for folder in (tmp_path / "home", tmp_path / "work" / name)
    ]
    assert (said[0] != said[1]).any()
