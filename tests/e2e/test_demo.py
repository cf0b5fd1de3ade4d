"""The demo as a user starts it: one command, the real model, nothing left behind."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def processes_using(folder):
    """Return the processes whose environment names a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue  # it ended, or it is not ours
        if str(folder).encode() in environment:
            found.append(int(entry.name))
    return found


def rows_of(output, title):
    """Return the accession numbers of a printed worklist, in its order."""
    listed = output.split(title)[1].split("\n\n")[0]
    return re.findall(r"^\d+ +(?:\d+ +)?(DEMO-\d\d)", listed, re.MULTILINE)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "data"
    command = [sys.executable, "-m", "preread", "demo", "--once", "--data", str(folder)]
    ended = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=550,
        check=False,
    )
    return folder, ended


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_demo_shows_the_worklist_before_and_after_and_ends_well(demo):
    _, ended = demo
    assert ended.returncode == 0, ended.stderr
    before = rows_of(ended.stdout, "before the pre-reads")
    after = rows_of(ended.stdout, "after the pre-reads")
    assert before[0] == "DEMO-09"  # STAT comes first while nothing is known
    assert sorted(before) == sorted(after) == [f"DEMO-0{number}" for number in range(1, 10)]
    assert "queued" in ended.stdout
    assert "SYNTHETIC" not in ended.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_demo_shows_a_refusal_an_ineligible_study_and_the_notice(demo):
    _, ended = demo
    assert "file 33 refused: dicom-truncated" in ended.stdout
    assert "Not assessed. The images do not show a head." in ended.stdout
    assert "Research software. Not a medical device" in " ".join(ended.stdout.split())
    assert re.search(r"http://127\.0\.0\.1:\d+/#key=pr_", ended.stdout)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_demo_leaves_no_process_behind(demo):
    folder, _ = demo
    assert processes_using(folder) == []
    assert not (folder / "service.json").exists()
