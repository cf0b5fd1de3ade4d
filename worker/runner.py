"""The loop of a worker child: look into the database, then listen for the bell.

RQ's own ``Worker.work()`` is not used: it ends with Redis, obeys commands sent through
Redis and cannot look elsewhere meanwhile. Here Redis only shortens the wait; while it is
away the database is looked into all the same.
"""

import contextlib
import os
import signal
from types import FrameType
from typing import Any, Final

import redis
from rq import Queue, SimpleWorker
from rq.exceptions import DequeueTimeout
from rq.executions import Execution
from rq.job import Job
from rq.registry import StartedJobRegistry

from preread.logs import get_logger
from preread.queue import DoorbellJob, connect, queue_on
from preread.settings import Settings
from worker import jobs
from worker.signs import Sign

_LISTEN_S: Final = 2
_PAUSE_S: Final = 1.0
_WORKER_TTL_S: Final = 30
_MAINTENANCE_S: Final = 30

log = get_logger(__name__)


class RingListener(SimpleWorker):
    """Answers rings in this process; takes no commands and leaves no text in Redis."""

    log_result_lifespan = False

    @classmethod
    def on(cls, settings: Settings) -> "RingListener":
        """Return a listener that is known to Redis.

        Raises
        ------
        redis.RedisError
            If Redis cannot be reached.
        """
        connection = connect(settings, patient=True)
        listener = cls(
            [queue_on(connection, settings)],
            connection=connection,
            job_class=DoorbellJob,
            serializer="json",
            default_result_ttl=0,
            worker_ttl=_WORKER_TTL_S,
            maintenance_interval=_MAINTENANCE_S,
            log_job_description=False,
        )
        listener.register_birth()  # type: ignore[no-untyped-call] # RQ's
        return listener

    @property
    def connection_timeout(self) -> int:
        """Seconds after which a silent Redis counts as gone."""
        return _LISTEN_S + 2

    def answer_ring(self) -> None:
        """Wait for a ring for a while and answer it.

        Raises
        ------
        redis.RedisError
            If Redis cannot be reached; the work itself is not touched by that.
        """
        self.heartbeat()
        if self.should_run_maintenance_tasks:
            self.run_maintenance_tasks()  # type: ignore[no-untyped-call] # RQ's
        with contextlib.suppress(DequeueTimeout):
            found = Queue.dequeue_any(
                self.queues,
                _LISTEN_S,
                connection=self.connection,
                job_class=self.job_class,
                serializer=self.serializer,
            )
            if found is not None:
                self.execute_job(*found)

    def handle_exception(self, job: Job, *exc_info: Any) -> None:  # noqa: ANN401 - RQ's own
        """Log the class alone; the text of an error may quote a DICOM value."""
        del job
        log.error("ring_failed", error_class=getattr(exc_info[0], "__name__", None))

    def handle_job_failure(
        self,
        job: Job,
        queue: Queue,
        started_job_registry: StartedJobRegistry | None = None,
        exc_string: str = "",
        execution: Execution | None = None,
    ) -> None:
        """Record the failure without its text."""
        del exc_string
        super().handle_job_failure(job, queue, started_job_registry, "", execution)


def serve(desk: jobs.Desk) -> None:
    """Read studies until SIGTERM or SIGINT; the present study is read to its end."""

    def ask_to_stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        desk.stopping.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    jobs.sit_down(desk)
    desk.signs.give(Sign.READY)
    log.info("worker_ready", worker=desk.name, pid=os.getpid(), device=desk.reader.device)
    listener: RingListener | None = None
    while not desk.stopping.is_set():
        jobs.run_waiting()
        try:
            listener = listener or RingListener.on(desk.resources.settings)
            listener.answer_ring()
        except redis.RedisError:
            _do_without_redis(desk, listener)
            listener = None
    if listener is not None:
        with contextlib.suppress(redis.RedisError):
            listener.register_death()  # type: ignore[no-untyped-call] # RQ's


def _do_without_redis(desk: jobs.Desk, listener: RingListener | None) -> None:
    """Close a listener whose Redis is gone; the next one gets a new name and connection."""
    if listener is not None:
        log.warning("redis_lost", worker=desk.name)
        listener.connection.close()
    desk.stopping.wait(_PAUSE_S)
