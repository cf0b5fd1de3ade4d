"""The web process as it is started in earnest, with Redis gone or hanging."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from structlog.testing import capture_logs

from api import housekeeping
from preread.queue import RqDoorbell
from tests.builders import instance_bytes
from tests.support.web import bearer, server_of, with_settings

START_S = 30.0


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def api_process(settings, log_path):
    """Run ``python -m api`` until it is ready; yield its address and the process."""
    port = free_port()
    environment = {
        **os.environ,
        "PREREAD_DATABASE_URL": settings.database_url.get_secret_value(),
        "PREREAD_REDIS_URL": settings.redis_url.get_secret_value(),
        "PREREAD_STORE_DIR": str(settings.store_dir),
        "PREREAD_BIND_PORT": str(port),
    }
    url = f"http://127.0.0.1:{port}"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "api"], env=environment, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + START_S
        while (state := readiness(url)) != "ready":
            assert process.poll() is None, log_path.read_text()
            assert time.monotonic() < deadline, f"{state}\n{log_path.read_text()}"
            time.sleep(0.05)
        yield url, process
    finally:
        process.kill()
        process.wait()


def readiness(url):
    try:
        answer = httpx.get(f"{url}/health/ready")
    except httpx.TransportError as error:
        return str(error)
    return "ready" if answer.is_success else answer.text


def test_the_process_takes_a_study_without_redis_and_stops_at_a_signal(
    settings, resources, tmp_path
):
    log_path = tmp_path / "api.log"
    headers = bearer(resources)
    with api_process(settings, log_path) as (url, process):
        answer = httpx.post(
            f"{url}/v1/studies",
            params={"site": "north", "complete": "true"},
            headers=headers,
            files=[("files", ("DOE^JANE.dcm", instance_bytes(PatientName="DOE^JANE")))],
        )
        assert answer.status_code == 202
        assert httpx.get(f"{url}/health/ready").json()["status"] == "degraded"
        with httpx.stream("GET", f"{url}/v1/worklist/events", headers=headers) as stream:
            next(stream.iter_lines())
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) in {0, -signal.SIGTERM}
            assert time.monotonic() - began < 5  # at which what still streams is cut off

    lines = log_path.read_text().splitlines()
    assert any(json.loads(line)["event"] == "request" for line in lines)
    assert "JANE" not in log_path.read_text()


@pytest.mark.slow
def test_a_hanging_redis_does_not_hold_up_the_answer(resources, tmp_path):
    with socket.socket(socket.AF_UNIX) as hanging:
        path = tmp_path / "hang.sock"
        hanging.bind(str(path))
        hanging.listen()  # takes connections and never says a word
        settings = with_settings(
            resources,
            redis_url=SecretStr(f"unix://{path}"),
            redis_timeout_s=5.0,
            reconcile_interval_s=3600.0,
        ).settings
        bell = RqDoorbell(settings)
        hung = replace(resources, settings=settings, doorbell=bell)
        with server_of(hung) as (url, _):
            began = time.monotonic()
            answer = httpx.post(
                f"{url}/v1/studies",
                params={"site": "north", "complete": "true"},
                headers=bearer(resources),
                files=[("files", ("1.dcm", instance_bytes()))],
            )
            took_s = time.monotonic() - began
        bell.close()
    assert answer.status_code == 202
    assert took_s < settings.redis_timeout_s


@pytest.mark.parametrize("how", ["once", "always"])
def test_housekeeping_goes_on_after_an_error(resources, monkeypatch, how):
    calls = []

    def reconcile(_resources):
        calls.append(1)
        if how == "always" or len(calls) == 1:
            raise sa.exc.OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(housekeeping, "reconcile", reconcile)
    quick = with_settings(resources, reconcile_interval_s=0.01)
    with capture_logs() as logs, server_of(quick) as (url, _):
        deadline = time.monotonic() + 5
        while len(calls) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert httpx.get(f"{url}/health/live").status_code == 200
    assert len(calls) >= 3
    assert "housekeeping_failed" in {line["event"] for line in logs}
