"""Worker processes as they really run: a supervisor, children, Redis and a database."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import count

import pytest
from pydantic import SecretStr

from ml.bundle import Bundle
from preread.db.events import EventKind
from preread.errors import InvalidBundle
from preread.reasons import ReasonCode
from preread.resources import open_resources
from preread.settings import Engine, Settings
from preread.study import AiState
from tests.builders import send_study
from tests.support.heads import manifest
from tests.support.processes import (
    ROOT,
    child_pids,
    is_running,
    running_worker,
    wait_until,
)
from tests.support.stored import events_of, study_of
from worker.model import load_predictor

QUICK = {"lease_s": 3, "heartbeat_s": 0.5, "retry_pause_s": 0.05, "study_time_limit_s": 5}
NUMBERS = count(1)


@pytest.fixture(scope="module")
def live(sqlite_template, redis_server, tmp_path_factory):
    """Resources with the real clock and the real doorbell."""
    folder = tmp_path_factory.mktemp("live")
    shutil.copy(sqlite_template, folder / "preread.sqlite")
    settings = Settings(
        database_url=f"sqlite:///{folder}/preread.sqlite",
        redis_url=redis_server.url,
        store_dir=folder / "store",
    )
    with open_resources(settings) as resources:
        yield resources


@pytest.fixture(scope="module")
def log_path(tmp_path_factory):
    return tmp_path_factory.mktemp("log") / "worker.log"


@pytest.fixture(scope="module")
def shared_supervisor(live, log_path):
    """One supervisor for all tests that leave it running, as it must be able to go on."""
    with running_worker(live.settings, log_path, **QUICK) as process:
        wait_until_ready(log_path)
        yield process


def send(resources, accession_number=None):
    return send_study(resources, next(NUMBERS), accession_number=accession_number)


def attempts_of(resources, study_id):
    return len(events_of(resources, study_id, EventKind.PRE_READ_STARTED))


def reasons_of_returns(resources, study_id):
    returns = events_of(resources, study_id, EventKind.PRE_READ_RETURNED)
    return [event.detail["reason"] for event in returns]


def wait_for(resources, study_id, state, timeout_s=60.0):
    def arrived():
        study = study_of(resources, study_id)
        return study if study.ai_state is state else None

    return wait_until(arrived, timeout_s=timeout_s)


def wait_until_ready(path, children=1):
    wait_until(lambda: path.read_text().count("worker_ready") >= children, timeout_s=60)


def test_the_worker_takes_the_engine_of_its_settings(tmp_path):
    settings = Settings(
        database_url=SecretStr("sqlite://"), engine=Engine.ONNX_INT8, onnx_dir=tmp_path / "none"
    )
    with pytest.raises(InvalidBundle, match=r"no engines\.json in none"):
        load_predictor(Bundle(manifest(), ()), settings)


def test_a_ring_starts_the_pre_read_of_a_waiting_study(live, shared_supervisor):
    study_id = send(live)
    live.doorbell.ring()
    study = wait_for(live, study_id, AiState.SUCCEEDED)
    # Far below the pause between two looks without a ring, were it not for a loaded machine.
    assert (study.ai_started_at - study.completed_at).total_seconds() < 2.0
    assert shared_supervisor.poll() is None


def test_the_study_of_a_killed_worker_is_read_again_at_once(live, shared_supervisor):
    study_id = send(live, "SLOW")
    wait_for(live, study_id, AiState.RUNNING)
    killed_at = time.monotonic()
    os.kill(child_pids(shared_supervisor.pid)[0], signal.SIGKILL)
    wait_for(live, study_id, AiState.SUCCEEDED)
    assert time.monotonic() - killed_at < 20.0
    assert attempts_of(live, study_id) == 2
    assert reasons_of_returns(live, study_id) == [ReasonCode.WORKER_LOST]


def test_a_study_that_kills_its_worker_fails_after_three_attempts(live, shared_supervisor):
    poison, good = send(live, "KILL"), send(live)
    study = wait_for(live, poison, AiState.FAILED)
    wait_for(live, good, AiState.SUCCEEDED)
    assert study.ai_reason is ReasonCode.WORKER_LOST
    assert study.ranked
    assert attempts_of(live, poison) == 3
    assert shared_supervisor.poll() is None


@pytest.mark.slow
@pytest.mark.usefixtures("shared_supervisor")
def test_a_study_that_never_ends_is_stopped_for_its_time(live):
    study_id = send(live, "HANG")
    wait_for(live, study_id, AiState.SUCCEEDED)
    assert reasons_of_returns(live, study_id) == [ReasonCode.TIMED_OUT]


@pytest.mark.slow
def test_a_worker_without_a_sign_of_life_is_replaced(live, shared_supervisor):
    frozen = wait_until(lambda: child_pids(shared_supervisor.pid), timeout_s=10)
    study_id = send(live, "FREEZE")
    wait_for(live, study_id, AiState.SUCCEEDED)
    assert reasons_of_returns(live, study_id) == [ReasonCode.WORKER_LOST]
    assert set(child_pids(shared_supervisor.pid)).isdisjoint(frozen)


@pytest.mark.usefixtures("shared_supervisor")
def test_an_unexpected_error_ends_the_attempts_and_tells_nobody_its_text(
    live, redis_server, log_path
):
    study_id = send(live, "ERROR")
    live.doorbell.ring()
    study = wait_for(live, study_id, AiState.FAILED)
    assert study.ai_reason is ReasonCode.INTERNAL_ERROR
    assert attempts_of(live, study_id) == 3
    lines = [json.loads(line) for line in log_path.read_text().splitlines()]
    errors = [line for line in lines if line["event"] == "pre_read_attempt_failed"]
    assert [error["error_class"] for error in errors] == ["ValueError"] * 3
    assert "CANARY" not in log_path.read_text()
    assert b"CANARY" not in b"".join(redis_server.files())


def test_a_worker_outlives_the_loss_and_the_flush_of_redis(live, redis_server, shared_supervisor):
    children = child_pids(shared_supervisor.pid)
    redis_server.kill()
    wait_for(live, send(live), AiState.SUCCEEDED)
    redis_server.start()
    redis_server.client.flushall()
    study_id = send(live)
    live.doorbell.ring()
    wait_for(live, study_id, AiState.SUCCEEDED)
    wait_until(lambda: live.doorbell.waiting() == 0, timeout_s=10)
    assert child_pids(shared_supervisor.pid) == children


def test_a_stopped_worker_reads_its_present_study_to_the_end(settings, tmp_path):
    log_path = tmp_path / "log"  # without any Redis, and on both databases
    with (
        open_resources(settings) as resources,
        running_worker(settings, log_path, **QUICK) as process,
    ):
        study_id = send(resources, "SLOW")
        wait_for(resources, study_id, AiState.RUNNING)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert study_of(resources, study_id).ai_state is AiState.SUCCEEDED
        assert attempts_of(resources, study_id) == 1


def test_no_child_outlives_a_killed_supervisor(live, tmp_path):
    log_path = tmp_path / "log"
    with running_worker(live.settings, log_path, worker_count=2) as process:
        wait_until(lambda: len(child_pids(process.pid)) == 2, timeout_s=60)
        children = child_pids(process.pid)
        process.kill()
        wait_until(lambda: not any(is_running(pid) for pid in children), timeout_s=10)


@pytest.mark.slow
def test_the_study_of_a_machine_that_died_is_read_elsewhere_within_twenty_seconds(
    sqlite_template, redis_server, tmp_path
):
    shutil.copy(sqlite_template, tmp_path / "preread.sqlite")
    settings = Settings(  # the shipped lease and heartbeat
        database_url=f"sqlite:///{tmp_path}/preread.sqlite",
        redis_url=redis_server.url,
        store_dir=tmp_path / "store",
        queue_name="elsewhere",
    )
    first_log, second_log = tmp_path / "first", tmp_path / "second"
    with (
        open_resources(settings) as resources,
        running_worker(settings, first_log, queue_name="elsewhere") as first,
    ):
        study_id = send(resources, "HANG")
        wait_for(resources, study_id, AiState.RUNNING)
        with running_worker(settings, second_log, queue_name="elsewhere"):
            wait_until_ready(second_log)
            first.kill()
            killed_at = time.monotonic()
            wait_for(resources, study_id, AiState.SUCCEEDED)
            assert time.monotonic() - killed_at < 20.0


def test_the_supervisor_loads_no_model_and_no_array():
    code = "import sys, worker.__main__; print({'torch', 'ml', 'numpy'} & set(sys.modules))"
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "set()"
