"""Other engines behind the door of the predictor: ONNX files are made, compared and guarded."""

import importlib
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from ml.bundle import Bundle, load_bundle
from ml.cascade import Cascade
from ml.engine_agreement import compare_engines
from ml.network import HemorrhageNetwork
from ml.onnx_export import (
    COMPARED_HEADS,
    calibration_slices,
    compare,
    field_of_head,
    head_volume,
    write_files,
)
from ml.onnx_graph import OnnxGraph
from ml.onnx_int8 import part_skips, steps_of
from ml.onnx_predictor import OnnxPredictor, open_session
from ml.onnx_record import (
    ComparedEngine,
    ComparedStudy,
    OnnxFormat,
    OnnxRecord,
    read_record,
    write_record,
)
from ml.precision import has_bfloat16
from ml.predictor import TorchPredictor, load_network
from ml.spec import NetworkSpec
from preread.errors import InvalidBundle
from preread.terms import Level
from tests.support.heads import manifest

SPEC = NetworkSpec(size=128, spacing_mm=1.8)
needs_exporter = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("onnx", "onnxscript", "onnxruntime")),
    reason="needs the extras onnx and training",
)


class TorchSession:
    """An exported graph, computed by torch: what is tested is all that surrounds it."""

    def __init__(self, network):
        self._graph = OnnxGraph(network.eval())

    def run(self, _, inputs):
        with torch.inference_mode():
            return [part.numpy() for part in self._graph(torch.from_numpy(inputs["slices"]))]


def networks():
    torch.manual_seed(0)
    return [HemorrhageNetwork(SPEC).eval() for _ in range(2)]


@pytest.mark.parametrize("members", [1, 2])
def test_it_batches_neighbors_and_averages_as_the_torch_predictor_does(members):
    hu = np.random.default_rng(0).normal(40, 60, (9, 128, 128)).astype(np.float32)
    wanted = TorchPredictor(networks()[:members]).predict(hu)
    sessions = [TorchSession(network) for network in networks()[:members]]
    found = OnnxPredictor(sessions, SPEC.reduction, "float32").predict(hu)
    for one, other in zip(wanted[:3], found[:3], strict=True):
        assert one.dtype == other.dtype
        assert np.abs(one - other).max() < 1e-4
    assert (found.members is None) == (wanted.members is None) == (members == 1)
    for one, other in zip(wanted.members or (), found.members or (), strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        assert np.abs(one - other).max() < 1e-3


def test_a_cascade_is_the_same_with_both_engines_and_reads_no_more_than_it_must():
    hu = np.random.default_rng(0).normal(40, 60, (6, 128, 128)).astype(np.float32)
    alone = TorchPredictor(networks()[:1]).predict(hu)
    twice = TorchPredictor([networks()[0], networks()[0]]).predict(hu)
    strongest = twice.members.mask_probabilities[0].reshape(6, -1).max(axis=1).astype(float)
    middle = float(np.sort(strongest)[2:4].mean())
    # Networks that never learned say the same of any slice, so only the outline can tell them.
    rule = Cascade(screeners=1, least_any=1.1, least_pixel=middle)
    read_on = strongest >= middle
    assert read_on.sum() == 3

    wanted = TorchPredictor(networks(), cascade=rule).predict(hu)
    sessions = [TorchSession(network) for network in networks()]
    found = OnnxPredictor(sessions, SPEC.reduction, "float32", rule).predict(hu)
    for one, other in zip(
        (*wanted[:3], *wanted.members), (*found[:3], *found.members), strict=True
    ):
        assert np.abs(one.astype(np.float32) - other).max() < 1e-3

    everybody = TorchPredictor(networks()).predict(hu)
    for part, whole, first in zip(wanted[:3], everybody[:3], alone[:3], strict=True):
        assert part[read_on] == pytest.approx(whole[read_on], abs=1e-4)
        assert part[~read_on] == pytest.approx(first[~read_on], abs=1e-4)


def record(sha256, *, agrees=True, identity=None):
    study = ComparedStudy(
        name="one",
        slice_difference=0.0,
        dice=None,
        reference_level=Level.NONE,
        level=Level.NONE,
        agrees=agrees,
    )
    engine = ComparedEngine(sha256=sha256, studies=(study,))
    return OnnxRecord(bundle=identity or manifest().identity, engines={OnnxFormat.FLOAT32: engine})


def load(folder, number_format=OnnxFormat.FLOAT32):
    return OnnxPredictor.load(Bundle(manifest(), (folder / "none",)), folder, number_format)


def test_files_that_nobody_compared_are_not_used(tmp_path):
    with pytest.raises(InvalidBundle, match=r"no engines\.json"):
        load(tmp_path)
    write_record(tmp_path, record({}))
    with pytest.raises(InvalidBundle, match="int8 agrees"):
        load(tmp_path, OnnxFormat.INT8)


def test_files_that_do_not_agree_with_torch_are_not_used(tmp_path):
    write_record(tmp_path, record({}, agrees=False))
    with pytest.raises(InvalidBundle, match="float32 agrees"):
        load(tmp_path)


def test_an_engine_that_was_compared_on_nothing_does_not_agree():
    assert not ComparedEngine(sha256={}, studies=()).agrees


def test_files_of_another_bundle_are_not_used(tmp_path):
    write_record(tmp_path, record({}, identity="0"))
    with pytest.raises(InvalidBundle, match="another bundle"):
        load(tmp_path)


def test_a_file_that_changed_since_is_not_used(tmp_path):
    (tmp_path / "none.float32.onnx").write_bytes(b"something else")
    write_record(tmp_path, record({"none.float32.onnx": "0" * 64}))
    with pytest.raises(InvalidBundle, match="not the one that was compared"):
        load(tmp_path)


def test_a_malformed_record_is_refused(tmp_path):
    (tmp_path / "engines.json").write_text("{}")
    with pytest.raises(InvalidBundle, match="malformed"):
        read_record(tmp_path, "0")


@pytest.fixture(scope="module")
def shipped():
    return load_bundle()


def reference_of(bundle, precision=torch.float32, device="cpu"):
    spec = bundle.manifest.network
    networks = [load_network(p, spec) for p in bundle.weights_paths]
    return TorchPredictor(networks, device, precision, bundle.manifest.cascade)


@pytest.mark.slow
@pytest.mark.skipif(not has_bfloat16(), reason="this processor emulates bfloat16")
def test_half_precision_moves_no_slice_and_no_outline_beyond_the_tolerance(shipped):
    half = {"bfloat16": reference_of(shipped, torch.bfloat16)}
    for seed in (9201, 9202):
        volume = head_volume(seed, COMPARED_HEADS[seed])
        found = compare_engines(volume, shipped, reference_of(shipped), half)
        # Not the level: 9201 lies at the edge of two (docs/benchmarks.md).
        assert found["bfloat16"].is_near, found


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU")
@pytest.mark.parametrize("seed", [9202, 9203])
def test_a_gpu_finds_what_the_processor_finds(shipped, seed):
    # Not bfloat16, which no worker takes on a GPU; python -m benchmarks engines tells its distance.
    on_gpu = {one: reference_of(shipped, one, "cuda") for one in (torch.float32, torch.float16)}
    volume = head_volume(seed, COMPARED_HEADS[seed])
    found = compare_engines(volume, shipped, reference_of(shipped), on_gpu)
    assert all(one.agrees for one in found.values()), found


@pytest.fixture(scope="module")
def exported(shipped, tmp_path_factory):
    """The first member of the shipped bundle in both formats, with their record."""
    folder = tmp_path_factory.mktemp("onnx")
    alone = {"members": shipped.manifest.members[:1], "held_back": ()}
    first = shipped.manifest.model_copy(update=alone)
    bundle = Bundle(first, shipped.weights_paths[:1])
    for number_format in OnnxFormat:
        write_files(bundle, folder, number_format)
    write_record(folder, compare(bundle, folder, list(OnnxFormat)))
    return bundle, folder


@pytest.mark.slow
@needs_exporter
def test_an_exported_network_says_what_torch_says(exported):
    bundle, folder = exported
    found = read_record(folder, bundle.manifest.identity).engines[OnnxFormat.FLOAT32]
    assert found.agrees
    assert max(study.slice_difference for study in found.studies) < 1e-3
    assert OnnxPredictor.load(bundle, folder).precision == "onnx-float32"


@pytest.mark.slow
@needs_exporter
def test_an_exported_network_reads_any_field(exported):
    bundle, folder = exported
    hu = next(iter(calibration_slices(bundle)))[10:16, 32:480, 64:448]
    session = open_session(folder / "fold-1.float32.onnx", bundle.manifest.members[0])
    kinds, mask, maps = session.run(None, {"slices": np.ascontiguousarray(hu)})
    assert (mask.shape, maps.shape) == ((4, 224, 192), (4, 5, 28, 24))
    network = load_network(bundle.weights_paths[0], bundle.manifest.network)
    wanted = TorchPredictor([network]).predict(hu)
    assert 1 / (1 + np.exp(-kinds)) == pytest.approx(wanted.kind_probabilities[1:-1], abs=1e-3)


@pytest.mark.slow
@needs_exporter
def test_int8_is_right_on_average_on_what_it_was_calibrated_with(exported):
    bundle, folder = exported
    [member] = bundle.manifest.members
    exact, rounded = (open_session(folder / one.file_of(member.file), member) for one in OnnxFormat)
    heads = [field_of_head(head, bundle.manifest) for head in calibration_slices(bundle)]
    steps = list(steps_of(heads))
    apart = np.concatenate(
        [rounded.run(None, step)[0] - exact.run(None, step)[0] for step in steps]
    )
    assert np.abs(apart).max() > 0.05  # it is rounded
    assert np.abs(apart.mean(axis=0)).max() < 0.15


@needs_exporter
def test_what_both_ways_read_is_rounded_for_one_of_them_only():
    helper = importlib.import_module("onnx.helper")
    nodes = [
        helper.make_node("Relu", ["x"], ["shared"], name="down"),
        helper.make_node("Relu", ["shared"], ["alone"], name="on"),
        helper.make_node("Concat", ["alone", "shared"], ["joined"], name="up", axis=0),
    ]
    graph = helper.make_graph(nodes, "two ways", [], [])
    part_skips(graph)
    assert [(node.op_type, list(node.input)) for node in graph.node] == [
        ("Relu", ["x"]),
        ("Relu", ["shared"]),
        ("Identity", ["shared"]),
        ("Concat", ["alone", "shared_beside"]),
    ]


@pytest.mark.slow
@needs_exporter
def test_int8_is_used_if_and_only_if_it_agrees(exported):
    bundle, folder = exported
    found = read_record(folder, bundle.manifest.identity).engines[OnnxFormat.INT8]
    assert len(found.studies) == len(COMPARED_HEADS)
    assert max(study.slice_difference for study in found.studies) > 1e-3
    if found.agrees:
        assert OnnxPredictor.load(bundle, folder, OnnxFormat.INT8).precision == "onnx-int8"
    else:
        with pytest.raises(InvalidBundle, match="int8 agrees"):
            OnnxPredictor.load(bundle, folder, OnnxFormat.INT8)


@pytest.mark.slow
@needs_exporter
def test_a_file_tells_which_weights_it_came_from(exported, tmp_path):
    bundle, folder = exported
    [member] = bundle.manifest.members
    path = Path(shutil.copy(folder / OnnxFormat.INT8.file_of(member.file), tmp_path))
    other = member.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(InvalidBundle, match="was not exported from"):
        open_session(path, other)
