"""An evaluation as a person starts it: a folder of DICOM files with labels, a network, a report."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ml.bundle import MANIFEST_FILE, sha256_of
from ml.network import HemorrhageNetwork
from ml.spec import NetworkSpec
from tests.support.heads import Ball, bundle
from tests.support.sources import encode, save, save_nifti, small_head, write_csv

ROOT = Path(__file__).parents[2]
SPEC = NetworkSpec(size=128, spacing_mm=1.8)
HEADS = {"one": [Ball((10, 0, 25), 15)], "two": [], "three": [Ball((0, 20, -25), 12)]}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def source(tmp_path):
    """Three heads with labels and outlines, and a table row without files."""
    folder = tmp_path / "source"
    rows = [("lost", "p", "1")]
    for number, (name, balls) in enumerate(HEADS.items()):
        one = small_head(*balls)
        save(encode(one, number), folder / name)
        save_nifti(one.kinds, folder / "masks" / f"{name}.nii.gz")
        rows.append((name, f"p{number}", str(int(bool(balls)))))
    write_csv(folder / "labels.csv", ("study", "patient", "any"), rows)
    return folder


@pytest.fixture
def weights(tmp_path):
    """A bundle of one untrained network."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    torch.manual_seed(0)
    state = HemorrhageNetwork(SPEC).state_dict()
    path = folder / "w.safetensors"
    save_file({name: value.contiguous() for name, value in state.items()}, path)
    manifest = bundle(size=128).manifest
    file = {"file": path.name, "sha256": sha256_of(path), "size_bytes": path.stat().st_size}
    members = (manifest.members[0].model_copy(update=file),)
    changed = manifest.model_copy(update={"members": members, "network": SPEC})
    (folder / MANIFEST_FILE).write_text(changed.model_dump_json())
    return folder


def test_a_folder_becomes_a_report_and_a_second_start_reads_nothing_again(
    source, weights, tmp_path
):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "ml.evaluation", "run", source, "--bundle", weights]
    command += ["--out", out, "--rounds", "5", "--device", "cpu"]
    first = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "studies the model never saw." in first.stdout
    report = json.loads((out / "report.json").read_text())
    assert (report["source"], report["studies"], report["assessed"]) == ("folder", 4, 3)
    assert (report["positive_studies"], report["negative_studies"]) == (2, 1)
    assert report["unread"]["failed"] == {"unreadable": 1}
    assert report["mask"]["slices"] > 0
    assert "lost" in (out / "report.html").read_text()
    again = subprocess.run(
        [*command, "--resume"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert again.stdout.count("(known)") == 3
    assert json.loads((out / "report.json").read_text()) == report
