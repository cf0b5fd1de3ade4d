"""The doorbell on a real Redis: rings, and what is refused although it stands in Redis."""

import threading
import time

import pytest
from rq.job import Job

from preread.queue import ForbiddenJob, RqDoorbell, connect, queue_on
from preread.settings import Settings
from tests.builders import send_study
from worker import jobs
from worker.runner import RingListener
from worker.signs import Sign


class SilentSigns:
    def give(self, sign):
        assert sign in Sign


class CountingReader:
    device = "none"

    def __init__(self):
        self.study_ids = []

    def read(self, claim):
        self.study_ids.append(claim.study.id)
        raise RuntimeError("CANARY^PATIENT")


@pytest.fixture
def redis_settings(redis_server):
    redis_server.client.flushall()
    return Settings(redis_url=redis_server.url)


@pytest.fixture
def bell(redis_settings):
    bell = RqDoorbell(redis_settings)
    yield bell
    bell.close()


@pytest.fixture
def desk(resources):
    desk = jobs.Desk(resources, CountingReader(), "worker-test", SilentSigns(), threading.Event())
    jobs.sit_down(desk)
    return desk


@pytest.fixture
def listener(redis_settings):
    listener = RingListener.on(redis_settings)
    yield listener
    listener.connection.close()


def texts_in_redis(redis_server):
    return b"".join(redis_server.files())


def test_a_ring_waits_until_it_is_answered(bell, listener, desk, resources):
    study_id = send_study(resources)
    assert bell.ring()
    assert bell.waiting() == 1
    listener.answer_ring()
    assert bell.waiting() == 0
    assert desk.reader.study_ids == [study_id]


def test_a_ring_leaves_nothing_behind(bell, listener, desk, redis_server):
    del desk
    bell.ring()
    before = {key for key in redis_server.client.scan_iter() if b":job:" in key}
    listener.answer_ring()
    assert before
    assert not [key for key in redis_server.client.scan_iter() if b":job:" in key]


def test_rings_do_not_pile_up(bell):
    for _ in range(200):
        bell.ring()
    assert bell.waiting() <= 64


def test_no_text_of_an_error_comes_to_redis(bell, listener, desk, resources, redis_server):
    send_study(resources)
    bell.ring()
    listener.answer_ring()
    assert len(desk.reader.study_ids) == 1
    assert b"CANARY" not in texts_in_redis(redis_server)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [("os.system", ["touch {}"]), ("worker.jobs.run_waiting", ["{}"]), ("os.remove", ["{}"])],
    ids=["another function", "ours with arguments", "a destructive one"],
)
def test_only_the_one_function_ever_runs(
    function, arguments, redis_settings, listener, desk, tmp_path
):
    del desk
    target = tmp_path / "target"
    target.touch()
    modified_at = target.stat().st_mtime_ns
    connection = connect(redis_settings, patient=False)
    queue = queue_on(connection, redis_settings)
    forged = Job.create(
        function,
        args=[argument.format(target) for argument in arguments],
        connection=connection,
        serializer="json",
    )
    queue.enqueue_job(forged)
    listener.answer_ring()
    connection.close()
    assert target.stat().st_mtime_ns == modified_at


def test_a_forged_job_says_why_it_was_refused(redis_settings):
    connection = connect(redis_settings, patient=False)
    queue = queue_on(connection, redis_settings)
    forged = queue.job_class.create("os.system", connection=connection, serializer="json")
    with pytest.raises(ForbiddenJob):
        _ = forged.func
    connection.close()


def test_a_redis_that_is_away_costs_a_request_less_than_its_patience(redis_settings):
    away = redis_settings.model_copy(
        update={"redis_url": type(redis_settings.redis_url)("redis://127.0.0.1:9/0")}
    )
    bell = RqDoorbell(away)
    started_at = time.monotonic()
    assert bell.ring() is False
    assert bell.waiting() is None
    assert time.monotonic() - started_at < 3 * away.redis_timeout_s
    bell.close()
