"""Studies of real people through the whole service, with the shipped weights."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from preread.client import PreReadClient
from preread.settings import Settings
from preread.standalone import run_standalone
from preread.terms import Level, OrderClass
from tests.ct_ich import write_ct_ich

ROOT = Path(__file__).parents[2]
QUIET = (100, 101)  # patients of the set without any hemorrhage
LARGE_BLEED = 50  # bleeds in 12 of 26 slices
WAIT_S = 250.0

pytestmark = [pytest.mark.real_data, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def private_folder():
    """A folder that is gone after the test: real pictures are not left lying about."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def test_sending_a_folder_with_nothing_running_gives_the_pre_read_of_a_real_head(
    shared_data, private_folder
):
    folder = shared_data / "dicom" / "ge-head"
    command = [sys.executable, "-m", "preread", "send", str(folder), "--data", str(private_folder)]
    ended = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "28 slices over 150 mm, gantry tilted 18.5 degrees" in ended.stdout
    assert "UNEVEN_SPACING" in ended.stdout
    assert "trained on CT-ICH" in " ".join(ended.stdout.split())


def test_a_real_head_with_a_large_bleed_rises_above_earlier_routine_studies(
    shared_data, private_folder
):
    with (
        run_standalone(Settings(), private_folder / "data", port=0) as service,
        PreReadClient(service.address.url, service.address.key) as client,
    ):
        study_ids = []
        for patient in (*QUIET, LARGE_BLEED):
            folder = private_folder / str(patient)
            write_ct_ich(patient, shared_data / "ct-ich", folder)
            outcome = client.send([folder], site="north", order_class=OrderClass.ROUTINE)
            study_ids.append(outcome.studies[0].study_id)
        assert [study.study_id for study in client.worklist()] == study_ids
        service.start_worker()
        document = [client.wait_for_pre_read(study_id, WAIT_S) for study_id in study_ids][-1]
        assert next(client.worklist()).study_id == study_ids[-1]
    assert document.assessment.level is Level.CRITICAL
    assert document.findings
    assert document.triage_effect.applied
