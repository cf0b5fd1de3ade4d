"""Bundles of weights are opened only when they are whole."""

import json
import shutil

import pytest
import torch
from safetensors.torch import save_file

from ml.bundle import DEFAULT_BUNDLE, load_bundle, sha256_of
from ml.evaluation.floors import IMAGENET_FLOOR
from ml.network import HemorrhageNetwork
from ml.predictor import TorchPredictor
from ml.spec import NetworkSpec
from ml.windows import CHANNELS
from preread.errors import InvalidBundle
from preread.terms import KINDS
from tests.support.heads import manifest

SPEC = NetworkSpec(size=128, spacing_mm=1.8)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A small bundle with random weights."""
    folder = tmp_path_factory.mktemp("bundles") / "whole"
    folder.mkdir()
    torch.manual_seed(0)
    state = HemorrhageNetwork(SPEC).state_dict()
    save_file({name: value.contiguous() for name, value in state.items()}, folder / "w.safetensors")
    write_manifest(folder)
    return folder


def write_manifest(folder, **changes):
    text = json.loads(manifest().model_dump_json())
    weights = folder / "w.safetensors"
    text["network"] = {"size": 128, "spacing_mm": 1.8, "reduction": 2, "kinds": 5, "dropout": 0.3}
    text["members"][0] |= {
        "file": "w.safetensors",
        "sha256": sha256_of(weights),
        "size_bytes": weights.stat().st_size,
    }
    (folder / "manifest.json").write_text(json.dumps({**text, **changes}))


@pytest.fixture
def copy(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "copy")


def test_a_whole_bundle_opens(whole):
    assert load_bundle(whole).manifest.network == SPEC


def test_one_changed_byte_of_the_weights_is_noticed(copy):
    path = copy / "w.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InvalidBundle, match="sha256"):
        load_bundle(copy)


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path):
    with pytest.raises(InvalidBundle, match=r"manifest\.json"):
        load_bundle(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"schema_version": "1.0"}, id="unknown version"),
        pytest.param({"surprise": 1}, id="unknown key"),
        pytest.param({"kinds": ["IPH"]}, id="missing kinds"),
        pytest.param({"kinds": [kind.value for kind in reversed(KINDS)]}, id="other order"),
    ],
)
def test_a_manifest_that_does_not_fit_this_software_is_refused(copy, changes):
    write_manifest(copy, **changes)
    with pytest.raises(InvalidBundle):
        load_bundle(copy)


def test_weights_outside_the_bundle_are_not_opened(copy):
    shutil.copy(copy / "w.safetensors", copy.parent / "outside.safetensors")
    member = json.loads((copy / "manifest.json").read_text())["members"][0]
    write_manifest(copy, members=[member | {"file": "../outside.safetensors"}])
    with pytest.raises(InvalidBundle, match="no file"):
        load_bundle(copy)


def test_a_bundle_without_a_network_is_refused(copy):
    write_manifest(copy, members=[])
    with pytest.raises(InvalidBundle, match="malformed"):
        load_bundle(copy)


def test_the_networks_that_never_saw_a_fold_are_found_with_their_own_rules(copy):
    member = json.loads((copy / "manifest.json").read_text())["members"][0]
    rules = json.loads(json.dumps(member["rules"]))
    rules["operating"]["id"] = "without fold 2"
    second = member | {"held_out_fold": 2, "rules": rules}
    write_manifest(copy, members=[second, member | {"held_out_fold": 1}, second])
    bundle = load_bundle(copy)
    held_out = bundle.held_out(2)
    assert held_out.manifest.rules.operating.id == "without fold 2"
    assert [one.held_out_fold for one in held_out.manifest.members] == [2, 2]
    assert held_out.weights_paths == bundle.weights_paths[::2]
    assert [one.held_out_fold for one in bundle.held_out(1).manifest.members] == [1]
    assert bundle.held_out(3) is None


def test_a_network_that_is_held_back_reads_nobody_but_is_judged_with_its_fold(copy):
    member = json.loads((copy / "manifest.json").read_text())["members"][0]
    first, second = (member | {"held_out_fold": fold} for fold in (1, 2))
    write_manifest(copy, members=[first], held_back=[second, first])
    bundle = load_bundle(copy)
    assert len(bundle.weights_paths) == 1
    judged = bundle.held_out(1)
    assert len(judged.manifest.members) == len(judged.weights_paths) == 2
    assert judged.manifest.held_back == ()
    assert [one.held_out_fold for one in bundle.held_out(2).manifest.members] == [2]
    write_manifest(copy, members=[first], held_back=[])
    assert load_bundle(copy).manifest.identity != bundle.manifest.identity


def test_a_network_that_is_held_back_is_checked_too(copy):
    member = json.loads((copy / "manifest.json").read_text())["members"][0]
    write_manifest(copy, held_back=[member | {"sha256": "0" * 64}])
    with pytest.raises(InvalidBundle, match="sha256"):
        load_bundle(copy)


def test_weights_of_another_network_are_refused(copy):
    save_file({"a": torch.zeros(1)}, copy / "w.safetensors")
    write_manifest(copy)
    with pytest.raises(InvalidBundle, match="do not fit"):
        TorchPredictor.load(copy, device="cpu")


def test_the_shipped_bundle_is_whole_small_and_says_where_it_comes_from():
    bundle = load_bundle(DEFAULT_BUNDLE)
    shipped = bundle.manifest
    sizes = [path.stat().st_size for path in bundle.weights_paths]
    assert sizes == [member.size_bytes for member in shipped.members]
    assert max(sizes) < 10_000_000
    assert any("10.13026/w8q8-ky94" in citation for citation in shipped.citations)
    assert "CC BY 4.0" in shipped.license
    channels = [(c.slice_offset, c.low_hu, c.high_hu) for c in shipped.channels]
    assert channels == [(c.offset, c.window.low_hu, c.window.high_hu) for c in CHANNELS]


def test_the_shipped_bundle_calls_itself_what_its_figures_make_it():
    shipped = load_bundle(DEFAULT_BUNDLE).manifest
    area = shipped.evaluation["study_any"]["auc"]
    assert shipped.evaluation["patients"] == 82
    assert shipped.demonstrator == (area <= IMAGENET_FLOOR)
