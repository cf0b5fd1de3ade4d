"""A recipe and a prepared set at the size of a test."""

import json

import pytest

from ml.geometry import ModelGrid
from ml.training.config import TrainingConfig
from ml.training.prepared import write_prepared
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
