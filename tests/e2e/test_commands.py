"""The commands as a user types them."""

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.builders import instance_bytes
from tests.support.processes import wait_until

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("PREREAD_")},
    "PYTHONPATH": str(ROOT),
}


def run(*words, **settings):
    return subprocess.run(
        [sys.executable, "-m", "preread", *map(str, words)],
        env={**ENVIRONMENT, **settings},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def using(folder):
    """Return the processes whose environment names a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if str(folder).encode() in (entry / "environ").read_bytes():
                found.append(entry.name)
        except OSError:
            continue  # no process, or one that ended, or not ours
    return found


def test_settings_are_shown_without_secrets():
    ended = run(
        "settings",
        PREREAD_DATABASE_URL="postgresql+psycopg://preread:CANARY@db/preread",
        PREREAD_LEASE_S="7",
    )
    assert ended.returncode == 0
    assert "CANARY" not in ended.stdout + ended.stderr
    assert "postgresql+psycopg://***@db/preread" in ended.stdout
    assert re.search(r"PREREAD_LEASE_S +7\.0 +set", ended.stdout)


def test_settings_show_the_folder_of_the_local_service_where_nothing_is_set():
    shown = run("settings").stdout
    local = re.escape(f"sqlite:///{ROOT}/var/preread.sqlite")
    assert re.search(rf"PREREAD_DATABASE_URL +{local} +default", shown)


def test_a_setting_that_is_not_valid_is_named_without_its_value():
    ended = run("settings", PREREAD_LEASE_S="CANARY")
    assert ended.returncode == 1
    assert "PREREAD_LEASE_S" in ended.stdout
    assert "CANARY" not in ended.stdout + ended.stderr


def test_a_key_is_made_listed_without_its_secret_and_revoked(tmp_path):
    database = {"PREREAD_DATABASE_URL": f"sqlite:///{tmp_path}/preread.sqlite"}
    assert run("migrate", **database).returncode == 0
    made = run(
        "key",
        "create",
        "--role",
        "sender",
        "--site",
        "north",
        "--site",
        "south",
        "--label",
        "CT 1",
        **database,
    )
    key = made.stdout.strip()
    assert re.fullmatch(r"pr_[0-9a-f]{8}_[\w-]{43}", key)
    listed = run("key", "list", **database).stdout
    assert key.split("_")[1] in listed
    assert "north, south" in listed
    assert key.split("_", 2)[2] not in listed
    assert run("key", "revoke", key.split("_")[1], **database).returncode == 0
    assert run("key", "revoke", "00000000", **database).returncode == 1


def test_sending_what_is_not_there_says_so(tmp_path):
    ended = run("send", tmp_path / "nothing")
    assert ended.returncode == 1
    assert "There is no" in ended.stdout
    assert "Traceback" not in ended.stderr


def test_a_service_elsewhere_needs_a_key(tmp_path):
    ended = run("send", tmp_path, "--url", "http://127.0.0.1:9")
    assert ended.returncode == 1
    assert "PREREAD_KEY" in ended.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such tie")
def test_nothing_outlives_a_killed_service_and_it_starts_again(tmp_path):
    folder = tmp_path / "data"
    with serving(folder) as served:
        assert len(using(folder)) >= 2
        second = run("serve", "--port", "0", "--data", folder)
        assert "already runs" in second.stdout
        served.kill()
        served.wait()
        wait_until(lambda: using(folder) == [], timeout_s=10)
    with serving(folder) as served:
        served.terminate()
        assert served.wait(60) == 130
        wait_until(lambda: using(folder) == [], timeout_s=10)
    assert not (folder / "service.json").exists()


@contextmanager
def serving(folder):
    """Run a service whose address is published; yield its process."""
    command = [sys.executable, "-m", "preread", "serve", "--port", "0", "--data", str(folder)]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as served:
        page = next(line for line in served.stdout if "#key=" in line)
        address = folder / "service.json"
        assert address.stat().st_mode & 0o077 == 0
        assert json.loads(address.read_text())["url"] in page
        try:
            yield served
        finally:
            served.kill()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_worker_that_cannot_start_is_told_instead_of_waited_for(tmp_path):
    study = tmp_path / "study.dcm"
    study.write_bytes(instance_bytes())
    data = tmp_path / "data"
    ended = run("send", study, "--data", data, PREREAD_BUNDLE_DIR=str(tmp_path / "no-weights"))
    assert ended.returncode == 1
    assert "The worker does not start" in ended.stdout
    assert "InvalidBundle" in (data / "logs" / "worker.log").read_text()
