"""The network behind its door of numpy."""

import io

import numpy as np
import pytest
import torch

from ml.bundle import load_bundle
from ml.classifier import Classifier, load_imagenet
from ml.folding import FoldedJoin, fold
from ml.network import HemorrhageNetwork, mean_of_blocks, to_channels
from ml.pipeline import read_bleeds
from ml.precision import has_bfloat16
from ml.predictor import TorchPredictor, _precision_for
from ml.spec import NetworkSpec
from ml.windows import CHANNELS
from preread.dicom.phantom import Bleed, make_head
from preread.dicom.phantom_files import encode_series
from preread.dicom.volume import read_volume
from preread.terms import HemorrhageType, Laterality, Level

SPEC = NetworkSpec(size=128, spacing_mm=1.8)


def network(seed=0):
    torch.manual_seed(seed)
    made = HemorrhageNetwork(SPEC)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 2)
    return made.eval()


def slices(count, seed=0):
    return np.random.default_rng(seed).normal(40, 60, (count, 128, 128)).astype(np.float32)


def test_the_shapes_are_those_of_the_door():
    prediction = TorchPredictor([network()]).predict(slices(5))
    assert prediction.kind_probabilities.shape == (5, 5)
    assert prediction.mask_probabilities.shape == (5, 128, 128)
    assert prediction.kind_maps.shape[:2] == (5, 5)
    assert prediction.kind_maps.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert all(part.dtype == np.float32 for part in prediction[:3])
    assert prediction.members is None


def test_several_networks_are_averaged_and_each_is_still_heard():
    one, other = (TorchPredictor([network(seed)]).predict(slices(5)) for seed in (0, 1))
    both = TorchPredictor([network(0), network(1)]).predict(slices(5))
    masks = [p.mask_probabilities.astype(np.float64) for p in (one, other, both)]
    odds = [np.log(p / (1 - p)) for p in masks]
    assert odds[2] == pytest.approx((odds[0] + odds[1]) / 2, abs=1e-3)
    assert both.members.kind_probabilities == pytest.approx(
        np.stack([one.kind_probabilities, other.kind_probabilities]), abs=1e-5
    )
    assert both.members.mask_probabilities.shape == (2, 5, 64, 64)
    assert both.members.mask_probabilities[1].mean() == pytest.approx(masks[1].mean(), abs=1e-3)
    said = (*both.members.kind_probabilities, both.kind_probabilities)
    odds = [np.log(p / (1 - p)) for p in said]
    assert odds[2] == pytest.approx((odds[0] + odds[1]) / 2, abs=1e-3)


def test_folding_does_not_change_the_function():
    hu = torch.from_numpy(slices(6)).reshape(2, 3, 128, 128)
    folded = fold(network())
    with torch.inference_mode():
        for one, other in zip(network()(hu), folded(hu), strict=True):
            assert torch.allclose(one, other, atol=1e-3, rtol=1e-3)
    kinds = [type(module) for module in folded.modules()]
    assert torch.nn.BatchNorm2d not in kinds
    assert kinds.count(FoldedJoin) == 5


@pytest.mark.parametrize("side", [1, 2, 4])
def test_a_mean_of_blocks_is_torchs_average_pooling(side):
    planes = torch.from_numpy(slices(2))
    wanted = torch.nn.functional.avg_pool2d(planes, side)
    assert torch.allclose(mean_of_blocks(planes, side), wanted, atol=1e-4)


def test_a_slice_is_read_alike_in_any_batch():
    predictor = TorchPredictor([network()])
    whole = predictor.predict(slices(9))
    part = predictor.predict(slices(9)[3:8])
    # The neighbors of the part's inner slices are the same.
    assert np.abs(whole.kind_probabilities[4:7] - part.kind_probabilities[1:4]).max() < 1e-5
    assert np.abs(whole.mask_probabilities[4:7] - part.mask_probabilities[1:4]).max() < 1e-5


def test_the_graph_windows_as_the_documented_table_does():
    stack = slices(3)
    channels = to_channels(torch.from_numpy(stack)[None])[0].numpy()
    for number, channel in enumerate(CHANNELS):
        edges = [channel.window.low_hu, channel.window.high_hu]
        wanted = np.interp(stack[1 + channel.offset], edges, [-1, 1])  # flat beyond the edges
        assert channels[number] == pytest.approx(wanted, abs=1e-4)


def test_torchvision_names_load_and_the_neighbors_start_weak():
    source = Classifier(3, 1000, 0.2)
    target = Classifier(len(CHANNELS), 5, 0.2)
    load_imagenet(target, source.state_dict())
    stem = target.features[0][0].weight
    assert torch.equal(stem[:, :3], source.features[0][0].weight)
    assert torch.allclose(stem[:, 3], 0.25 * source.features[0][0].weight.mean(dim=1))
    assert torch.equal(target.features[18][0].weight, source.features[18][0].weight)


def test_the_device_and_its_precision_are_named():
    predictor = TorchPredictor([network()])
    assert (predictor.device, predictor.precision) == ("cpu", "float32")


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_a_gpu_is_asked_to_read_in_half_precision(device):
    assert _precision_for(device) is torch.float16


def test_a_processor_reads_in_bfloat16_only_where_it_computes_in_it():
    wanted = torch.bfloat16 if has_bfloat16() else torch.float32
    assert _precision_for("cpu") is wanted


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
def test_half_precision_answers_in_float32_and_nearly_the_same(precision):
    wanted = TorchPredictor([network()]).predict(slices(3))
    found = TorchPredictor([network()], "cpu", precision).predict(slices(3))
    for one, other in zip(wanted[:3], found[:3], strict=True):
        assert other.dtype == np.float32
        assert np.abs(one - other).max() < 0.1


@pytest.fixture(scope="module")
def shipped():
    bundle = load_bundle()
    return TorchPredictor.load(bundle, device="cpu"), bundle


def assess(shipped, seed, *bleeds):
    predictor, bundle = shipped
    files = [io.BytesIO(content) for content in encode_series(make_head(seed, bleeds))]
    return read_bleeds(read_volume(files), predictor, bundle)


def test_the_shipped_network_finds_a_large_bleed_in_a_synthetic_head(shipped):
    bleed = Bleed(HemorrhageType.IPH, Laterality.LEFT, 40.0)
    assessment = assess(shipped, 11, bleed)
    assert assessment.level in {Level.SUSPECTED, Level.CRITICAL}
    assert assessment.total_volume_ml == pytest.approx(40, rel=0.2)
    assert assessment.lesions[0].laterality is Laterality.LEFT


def test_the_shipped_network_flags_no_synthetic_head_without_blood(shipped):
    # These weights call such heads indeterminate more often than not (model card).
    assessment = assess(shipped, 12)
    assert assessment.level in {Level.NONE, Level.INDETERMINATE}
    assert (assessment.total_volume_ml or 0.0) < 5.0
