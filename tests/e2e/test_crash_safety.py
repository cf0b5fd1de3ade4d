"""Processes are killed while studies come in: nothing acknowledged is lost or read twice."""

import hashlib
import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import httpx
import pytest
import redis
import sqlalchemy as sa

from preread.client import PreReadClient, ProblemError
from preread.db.tables.pre_reads import PreReadRow
from preread.db.worklist import WorklistQuery
from preread.resources import open_resources
from preread.settings import Settings
from preread.standalone import run_standalone
from preread.study import AiState, TaskState
from tests.builders import instance_bytes
from tests.support.processes import FAST_WORKER, child_pids, wait_until

SENDERS = 4
SLICES = 2
DRAIN_S = 240.0


@pytest.fixture
def service(tmp_path):
    # Many attempts: here we kill the workers, not the studies.
    settings = Settings(lease_s=3, heartbeat_s=0.5, retry_pause_s=0.05, max_attempts=100)
    with run_standalone(settings, tmp_path / "var", port=0) as service:
        service.start_worker(FAST_WORKER)
        yield service


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it was killed before and is not back yet


def kill_worker_child(service):
    try:
        children = child_pids(service.keeper.pid("worker"))
    except FileNotFoundError:
        return
    for pid in children:
        kill(pid)


def flush_redis(service):
    try:
        with redis.Redis.from_url(service.settings.redis_url.get_secret_value()) as client:
            client.flushall()
    except redis.RedisError:
        return


FAULTS = {
    "worker child": kill_worker_child,
    "worker supervisor": lambda service: kill(service.keeper.pid("worker")),
    "api": lambda service: kill(service.keeper.pid("api")),
    "redis": lambda service: kill(service.keeper.pid("redis")),
    "flush": flush_redis,
}


class Sender:
    """Sends studies until each is acknowledged, as a hospital's gateway does."""

    def __init__(self, service, folder):
        self._address = service.address
        self._folder = folder
        self.acknowledged = {}
        self._lock = threading.Lock()

    def send(self, number):
        folder = self._folder / str(number)
        folder.mkdir(parents=True)
        for slice_number in range(1, SLICES + 1):
            content = instance_bytes(number, number=slice_number)
            (folder / f"{slice_number}.dcm").write_bytes(content)
        deadline = time.monotonic() + DRAIN_S
        while time.monotonic() < deadline:
            try:
                with PreReadClient(self._address.url, self._address.key) as client:
                    (study,) = client.send([folder], site="north").studies
            except (httpx.TransportError, ProblemError):
                time.sleep(0.2)
                continue
            with self._lock:
                self.acknowledged[study.study_id] = folder
            return

    def send_many(self, numbers, least, breaking):
        """Send one study after the other, at least so many, and until nothing breaks any more."""
        for number in numbers:
            if number > least and breaking.done():
                return
            self.send(number)


def break_things(service, faults, gap_s):
    """Inject the faults one after the other."""
    for name in faults:
        time.sleep(gap_s)
        FAULTS[name](service)


def run_chaos(service, folder, *, studies, faults, gap_s):
    """Send studies under faults and return what was acknowledged."""
    sender = Sender(service, folder)
    numbers = Numbers()
    with ThreadPoolExecutor(SENDERS + 1) as pool:
        breaking = pool.submit(break_things, service, faults, gap_s)
        sending = [
            pool.submit(sender.send_many, numbers, studies, breaking) for _ in range(SENDERS)
        ]
        for one in (breaking, *sending):
            one.result()
    return sender.acknowledged


class Numbers:
    """Counts from 1, for several threads."""

    def __init__(self):
        self._numbers = count(1)
        self._lock = threading.Lock()

    def __iter__(self):
        return self

    def __next__(self):
        with self._lock:
            return next(self._numbers)


def assert_each_is_read_once(service, acknowledged):
    with open_resources(service.settings) as resources:

        def drained():
            with resources.reading() as work:
                counts = work.tasks.counts()
            return not counts[TaskState.READY] and not counts[TaskState.RUNNING]

        wait_until(drained, timeout_s=DRAIN_S)
        with resources.reading() as work:
            listed = work.worklist.page(WorklistQuery(limit=100_000)).studies
            query = sa.select(PreReadRow.study_id, sa.func.count()).group_by(PreReadRow.study_id)
            pre_reads = dict(work.session.execute(query).all())
            instances = {study.id: work.studies.instances(study.id) for study in listed}
        assert {study.id for study in listed} == set(acknowledged)
        assert {study.ai_state for study in listed} == {AiState.SUCCEEDED}
        assert pre_reads == dict.fromkeys(acknowledged, 1)
        for study_id, folder in acknowledged.items():
            sent = {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
            kept = [instance.sha256 for instance in instances[study_id]]
            assert sorted(sent) == sorted(kept)
            for digest in kept:
                with resources.store.open(digest) as file:
                    assert hashlib.file_digest(file, "sha256").hexdigest() == digest


@pytest.mark.timeout(300)
def test_fifty_uploads_under_kills_and_flushes_are_each_read_exactly_once(service, tmp_path):
    faults = ["worker child", "flush", "redis", "api", "worker supervisor", "flush"]
    acknowledged = run_chaos(service, tmp_path / "sent", studies=50, faults=faults, gap_s=0.3)
    assert len(acknowledged) >= 50
    assert_each_is_read_once(service, acknowledged)


@pytest.mark.chaos
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_hundreds_of_uploads_under_many_faults_are_each_read_exactly_once(service, tmp_path):
    order = random.Random(7)  # noqa: S311 - an order of faults, no secret
    faults = [order.choice(list(FAULTS)) for _ in range(50)]
    acknowledged = run_chaos(service, tmp_path / "sent", studies=300, faults=faults, gap_s=3.0)
    assert len(acknowledged) >= 300
    assert_each_is_read_once(service, acknowledged)
