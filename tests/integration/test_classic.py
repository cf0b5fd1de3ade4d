"""The classic U-Net, the peer."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from ml.architectures import build_network
from ml.geometry import ModelGrid
from ml.predictor import TorchPredictor
from ml.spec import Architecture, NetworkSpec
from ml.training.batches import Batch
from ml.training.config import TrainingConfig
from ml.training.losses import losses, total
from ml.training.prepared import SliceRow, SourceSeries, write_prepared
from ml.training.train import RunPaths, train
from tests.support.heads import Ball, head

SPEC = NetworkSpec(
    size=64, spacing_mm=3.6, reduction=1, dropout=0.0, arch=Architecture.UNET_CLASSIC
)
SHIPPED = Path(__file__).parents[2] / "ml" / "training" / "configs" / "ctich-mbv2-02.json"


@pytest.fixture
def tiny_run(tmp_path):
    """One step on two slices, of a recipe that is otherwise the shipped one."""
    told = json.loads(SHIPPED.read_text()) | {
        "network": {"size": 64, "spacing_mm": 3.6, "reduction": 1, "dropout": 0.0},
        "steps": 1,
        "batch": {"real": {"slices": 2, "positive": 1}},
        "phases": [{"until": 1.0, "size": 64}],
    }
    one = head(Ball((10, 0, 0), 9), slices=8, size=80, spacing_mm=2.8)
    rows = tuple(
        SliceRow(
            study="study",
            patient="patient",
            fold=0,
            number=number,
            any=int(kinds.any()),
            labels=(int(kinds.any()), 0, 0, 0, 0),
            has_mask=True,
        )
        for number, kinds in enumerate(one.kinds, start=1)
    )
    folder = tmp_path / "set"
    series = SourceSeries(one.volume.hu, one.kinds, (2.8, 2.8), rows)
    write_prepared(folder, [series], ModelGrid(64, 3.6), reduction=1)
    return TrainingConfig.model_validate(told), {"real": folder}


def network():
    torch.manual_seed(0)
    return build_network(SPEC)


def test_it_has_the_31_million_parameters_of_the_paper():
    assert sum(one.numel() for one in network().parameters()) == pytest.approx(31.0e6, rel=0.01)


def test_it_reads_through_the_door_of_the_shipped_network():
    slices = np.random.default_rng(0).normal(40, 60, (3, 64, 64)).astype(np.float32)
    prediction = TorchPredictor([network()]).predict(slices)
    assert prediction.kind_probabilities.shape == (3, 5)
    assert prediction.mask_probabilities.shape == (3, 64, 64)
    assert prediction.kind_maps.shape == (3, 5, 8, 8)


@pytest.mark.slow
def test_a_step_lowers_every_part_of_the_loss_it_is_taken_on():
    net = network().train()
    hu = torch.full((2, 3, 64, 64), 35.0)
    hu[0, :, 20:40, 20:40] = 70.0
    share = (hu[:, 1:2] > 50).float()
    labels = torch.tensor([[1.0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    shown = Batch(hu, share, labels, labels.amax(dim=1), torch.tensor([True, True]))
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-4)
    before = losses(net.read(hu), shown, share, share)
    total(before).backward()
    optimizer.step()
    after = losses(net.read(hu), shown, share, share)
    assert {name for name in before if after[name] >= before[name]} == set()


def test_a_specification_that_names_no_network_means_the_shipped_family():
    adapter = TypeAdapter(NetworkSpec)
    assert adapter.validate_python({"size": 64}).arch is Architecture.MOBILENET_UNET
    assert adapter.validate_python({"arch": "unet-classic"}).arch is Architecture.UNET_CLASSIC


def test_one_recipe_serves_another_network_under_another_name(tiny_run):
    config, _ = tiny_run
    other = config.with_arch(Architecture.UNET_CLASSIC)
    assert other.name == f"{config.name}-unet-classic"
    assert other.network == SPEC
    assert other.batch == config.batch


def test_the_shipped_family_asks_for_its_imagenet_weights(tmp_path, tiny_run):
    config, sets = tiny_run
    with pytest.raises(ValueError, match="ImageNet"):
        train(config, RunPaths(sets, None, tmp_path / "run"), fold=-1)


@pytest.mark.slow
def test_the_training_loop_trains_it_from_scratch(tmp_path, tiny_run):
    config, sets = tiny_run
    classic = config.with_arch(Architecture.UNET_CLASSIC)
    weights = train(classic, RunPaths(sets, None, tmp_path / "run"), fold=-1)
    checkpoint = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert checkpoint["step"] == 1
    assert weights.stat().st_size == pytest.approx(2 * 31.0e6, rel=0.02)
    shutil.rmtree(tmp_path / "run")  # half a gigabyte
