"""Real processes for tests: a Redis of our own, a worker supervisor; killed at the end."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import redis

from preread.embedded_redis import EmbeddedRedis
from preread.lifeline import tied

ROOT = Path(__file__).parents[2]
FAST_WORKER = (sys.executable, str(Path(__file__).with_name("fast_worker.py")))


class RedisServer:
    """A Redis on a private socket that can be killed and started again."""

    def __init__(self):
        self._folder = Path(tempfile.mkdtemp(prefix="preread-test-"))
        self._embedded = EmbeddedRedis(self._folder / "redis.sock", self._folder / "aof")
        self.url = self._embedded.url
        self.process = None
        self.client = redis.Redis.from_url(self.url)

    def start(self):
        self.process = subprocess.Popen(
            tied(self._embedded.command()), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self.answers, timeout_s=10)

    def answers(self):
        try:
            return self.client.ping()
        except redis.RedisError:
            return False

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def files(self):
        return [path.read_bytes() for path in self._folder.rglob("*") if path.is_file()]

    def close(self):
        self.client.close()
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


@contextlib.contextmanager
def running_worker(settings, log_path, **changes):
    """Run the worker supervisor with fast children; yield its process."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PREREAD_DATABASE_URL": settings.database_url.get_secret_value(),
        "PREREAD_REDIS_URL": settings.redis_url.get_secret_value(),
        "PREREAD_STORE_DIR": str(settings.store_dir),
        **{f"PREREAD_{name.upper()}": str(value) for name, value in changes.items()},
    }
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            tied(FAST_WORKER), env=environment, stdout=log, stderr=log, cwd=ROOT
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def child_pids(pid):
    """Return the processes that a process started."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text().split()]


def wait_until(condition, *, timeout_s):
    """Return what the condition returned as soon as it was true."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise TimeoutError(f"not true within {timeout_s} s: {condition}")


def is_running(pid):
    """Whether a process lives; one that only waits to be reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"
