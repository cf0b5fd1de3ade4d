"""Programs that are kept running, and the ties that end them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from preread.embedded_redis import EmbeddedRedis, find_server
from preread.errors import SettingsInvalid
from preread.keeper import Keeper, Program
from preread.lifeline import tied
from tests.support.processes import ROOT, RedisServer, is_running, wait_until

SLEEP = (sys.executable, "-S", "-c", "import time; print('here', flush=True); time.sleep(600)")
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("here", flush=True)
time.sleep(600)
"""
STUBBORN = (sys.executable, "-S", "-c", DEAF)
PARENT = """
import subprocess, sys, time
from preread.lifeline import tied
child = subprocess.Popen(tied([sys.executable, "-S", "-c", "import time; time.sleep(600)"]))
print(child.pid, flush=True)
time.sleep(600)
"""


def program(tmp_path, command=SLEEP, grace_s=5.0):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return Program("sleep", command, environment, tmp_path / "log", grace_s)


def wait_for_lines(path, count):
    wait_until(lambda: path.exists() and path.read_text().count("here") >= count, timeout_s=30)


def test_a_program_that_died_is_started_again(tmp_path):
    with Keeper() as keeper:
        keeper.start(program(tmp_path))
        wait_for_lines(tmp_path / "log", 1)
        first = keeper.pid("sleep")
        os.kill(first, signal.SIGKILL)
        wait_for_lines(tmp_path / "log", 2)
        second = keeper.pid("sleep")
        assert second != first
        assert keeper.early_deaths("sleep") == 1
        assert keeper.last_exit("sleep") == -signal.SIGKILL
    assert not is_running(second)


def test_a_program_that_will_not_end_is_ended(tmp_path):
    with Keeper() as keeper:
        keeper.start(program(tmp_path, STUBBORN, grace_s=0.2))
        wait_for_lines(tmp_path / "log", 1)
        pid = keeper.pid("sleep")
    assert not is_running(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such tie")
def test_a_tied_process_goes_with_its_killed_parent():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], env=environment, stdout=subprocess.PIPE, text=True
    ) as parent:
        child = int(parent.stdout.readline())
        assert is_running(child)
        parent.kill()
        wait_until(lambda: not is_running(child), timeout_s=10)


def test_a_tied_command_keeps_its_arguments():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = tied([sys.executable, "-S", "-c", "import sys; print(sys.argv[1:])", "a b", "$c"])
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "['a b', '$c']"


def test_the_embedded_redis_listens_on_a_private_socket_only():
    server = RedisServer()
    try:
        server.start()
        socket_path = Path(server.url.removeprefix("unix://").partition("?")[0])
        assert server.client.config_get("port")["port"] == "0"
        assert server.client.config_get("appendonly")["appendonly"] == "yes"
        assert socket_path.parent.stat().st_mode & 0o077 == 0
        server.client.set("kept", 1)
        time.sleep(1.1)  # the append-only file is synced each second
        server.kill()
        server.start()
        assert server.client.get("kept") == b"1"
    finally:
        server.close()


def test_a_socket_path_that_is_too_long_is_told_before_the_server_fails(tmp_path):
    embedded = EmbeddedRedis(tmp_path / ("x" * 120) / "redis.sock", tmp_path)
    with pytest.raises(SettingsInvalid, match="too long"):
        embedded.command()


def test_a_server_on_the_path_is_taken_before_the_bundled_one(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    bundled = find_server()
    for name in ("redis-server", "valkey-server"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
        assert find_server() == tmp_path / name
    assert bundled.name == "redis-server"
