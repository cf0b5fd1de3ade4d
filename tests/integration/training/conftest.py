"""A recipe and a prepared set at the size of a test."""

import json

import pytest
import torch
from safetensors.torch import save_file

from ml.classifier import Classifier
from ml.geometry import ModelGrid
from ml.training.config import TrainingConfig
from ml.training.prepared import write_prepared
from ml.training.train import RunPaths, train
from tests.support.small_training import CONFIGS, series


@pytest.fixture(scope="session")
def config():
    shipped = json.loads((CONFIGS / "ctich-mbv2-02.json").read_text())
    shipped["network"] |= {"size": 128, "spacing_mm": 1.8}
    shipped["steps"] = 4
    shipped["batch"] = {"real": {"slices": 4, "positive": 2}}
    shipped["phases"] = [{"until": 1.0, "size": 64}]
    shipped["checkpoint_every_s"] = 0.0
    return TrainingConfig.model_validate(shipped)


@pytest.fixture(scope="session")
def prepared(config, tmp_path_factory):
    """Six small heads in three folds, every other one with a bleed."""
    folder = tmp_path_factory.mktemp("prepared") / "set"
    grid = ModelGrid(config.network.size, config.network.spacing_mm)
    write_prepared(folder, (series(n) for n in range(6)), grid, reduction=2)
    return folder


@pytest.fixture(scope="session")
def imagenet(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "start.safetensors"
    save_file(
        {name: value.contiguous() for name, value in Classifier(3, 1000, 0.2).state_dict().items()},
        path,
    )
    return path


@pytest.fixture(scope="session")
def runs(config, prepared, imagenet, tmp_path_factory):
    """A folder with one short run per fold."""
    folder = tmp_path_factory.mktemp("runs")
    for fold in (0, 1, 2):
        train(config, RunPaths({"real": prepared}, imagenet, folder / str(fold)), fold=fold)
    return folder
