"""The benchmarks still run, at sizes whose figures mean nothing; no time is judged here."""

import doctest
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from benchmarks import figures, rounds, table
from benchmarks.figures import Figure, Ratio
from benchmarks.instances import mold
from ml.bundle import sha256_of
from ml.network import HemorrhageNetwork
from preread.dicom.header import read_header
from tests.support.heads import manifest

pytestmark = pytest.mark.bench

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def untrained_bundle(tmp_path_factory):
    """A network that knows nothing: as fast as one that does, and it tells nobody anything."""
    folder = tmp_path_factory.mktemp("bundle")
    said = manifest(size=256)
    torch.manual_seed(1)
    path = folder / "weights.safetensors"
    save_file(HemorrhageNetwork(said.network).state_dict(), path)
    found = {"file": path.name, "sha256": sha256_of(path), "size_bytes": path.stat().st_size}
    told = said.model_copy(update={"members": (said.members[0].model_copy(update=found),)})
    (folder / "manifest.json").write_text(told.model_dump_json(), encoding="utf-8")
    return folder


def run(tmp_path, command, *words):
    """Run one benchmark as a person does and return what it wrote."""
    target = tmp_path / "found.json"
    arguments = [command, "--quick", "--rounds", "1", "--json", str(target), *words]
    subprocess.run([sys.executable, "-m", "benchmarks", *arguments], cwd=ROOT, check=True)
    return json.loads(target.read_text(encoding="utf-8"))


def medians(found):
    [one] = found["benchmarks"]
    return {figure["name"]: figure["median"] for figure in one["figures"]}


@pytest.mark.parametrize("module", [figures, rounds, table], ids=lambda module: module.__name__)
def test_the_examples_of_the_counting_are_true(module):
    tested = doctest.testmod(module)
    assert tested.attempted > 0
    assert tested.failed == 0


def test_figures_of_different_units_have_no_ratio():
    with pytest.raises(ValueError, match="is in"):
        Ratio.of("no", Figure("a", "s", (1.0,)), Figure("b", "ms", (1.0,)))


def test_every_variant_runs_once_per_round_and_once_before():
    runs = {"one": 0, "two": 0}

    def counted(name):
        runs[name] += 1
        return runs[name]

    found = rounds.in_rounds({name: lambda name=name: counted(name) for name in runs}, rounds=3)
    assert found == {"one": [2, 3, 4], "two": [2, 3, 4]}


def test_the_instances_of_a_mold_are_readable_and_all_different(tmp_path):
    one, other = mold().study(1, 3), mold().study(2, 3)
    assert len({*one, *other}) == 6
    path = tmp_path / "one.dcm"
    headers = []
    for content in (*one, *other):
        path.write_bytes(content)
        with path.open("rb") as stream:
            headers.append(read_header(stream))
    assert len({header.sop_instance_uid for header in headers}) == 6
    assert len({header.study_instance_uid for header in headers}) == 2


def test_the_ranking_benchmark_runs_and_names_the_machine(tmp_path):
    found = run(tmp_path, "ranking")
    assert found["quick"]
    assert found["machine"]["python"]
    assert all(median > 0 for median in medians(found).values())


@pytest.mark.timeout(300)  # on a machine with other things to do
def test_the_worklist_benchmark_runs(tmp_path):
    found = medians(run(tmp_path, "worklist"))
    assert found["SQLite, 1,000 open: first page of 50"] > 0
    assert found["SQLite, 1,000 open: GET /v1/worklist, whole answer"] > 0


@pytest.mark.timeout(300)  # on a machine with other things to do
def test_the_policy_benchmark_runs(tmp_path):
    found = medians(run(tmp_path, "policy"))
    wall, without = "SQLite, 200 open: wall", "SQLite, 200 open: of it without a core"
    assert found[wall] > found[without] >= 0
    assert found["SQLite, 200 open: moved"] > 0


@pytest.mark.timeout(300)  # on a machine with other things to do
def test_the_million_benchmark_runs(tmp_path):
    found = medians(run(tmp_path, "million"))
    assert found["SQLite, 1,000 open: at 99 %, flagged, one site (database)"] > 0
    assert found["SQLite, 1,000 open: counts, all sites"] > 0


@pytest.mark.timeout(300)  # on a machine with other things to do
def test_the_listeners_benchmark_runs(tmp_path):
    found = medians(run(tmp_path, "listeners"))
    assert found["re-rank committed → heard, 20 listeners"] > 0


@pytest.mark.timeout(300)  # on a machine with other things to do
def test_the_ingest_benchmark_runs(tmp_path):
    found = medians(run(tmp_path, "ingest"))
    assert sum("speed" in name for name in found) == 10  # 5 variants of 2 sizes


@pytest.mark.timeout(300)  # on a machine with other things to do
def test_the_queue_benchmark_runs(tmp_path, untrained_bundle):
    found = medians(run(tmp_path, "queue", "--bundle", str(untrained_bundle)))
    assert len(found) == 4
    assert min(found.values()) > 0


@pytest.mark.timeout(300)  # on a machine with other things to do
def test_the_answer_benchmark_runs(tmp_path, untrained_bundle):
    found = medians(run(tmp_path, "answer", "--bundle", str(untrained_bundle)))
    quiet = "complete by the quiet period, alone"
    assert (
        found[f"{quiet}: last image → pre-read"] > 10 > found[f"{quiet}: completeness → pre-read"]
    )


@pytest.mark.timeout(300)  # on a machine with other things to do
def test_the_study_benchmark_runs(tmp_path, untrained_bundle):
    found = medians(run(tmp_path, "study", "--bundle", str(untrained_bundle)))
    stages = [
        value
        for name, value in found.items()
        if name.endswith(": wall") and not name.startswith("whole study")
    ]
    assert sum(stages) == pytest.approx(found["whole study: wall"], rel=0.01)
    assert found["network: wall"] > 0


@pytest.mark.timeout(300)  # on a machine with other things to do
def test_the_engines_benchmark_runs(tmp_path, untrained_bundle):
    found = medians(run(tmp_path, "engines", "--bundle", str(untrained_bundle)))
    assert found["peer: classic U-Net, float32"] > found["torch float32"] > 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU to measure")
def test_without_a_gpu_the_benchmark_of_cuda_says_so_and_measures_nothing(tmp_path):
    [one] = run(tmp_path, "engines", "--cuda-only")["benchmarks"]
    assert one["figures"] == []
    assert one["notes"] == [f"CUDA was not measured: torch {torch.__version__} sees no GPU"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU")
def test_the_benchmark_of_cuda_runs(tmp_path):
    found = medians(run(tmp_path, "engines", "--cuda-only"))
    assert min(found[f"CUDA {one}"] for one in ("float32", "float16", "bfloat16")) > 0
