"""The doorbell: one RQ queue whose jobs say nothing but «there may be work».

What is to be done, in which order and by whom is decided in the database, so Redis may be
flushed, restarted or lost at any moment: the reconciler rings again. Jobs are JSON, carry no
arguments, and only the one function named here ever runs, whatever somebody writes to Redis.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.job import Job

from preread.settings import Settings

PREREAD_JOB: Final = "worker.jobs.run_waiting"
"""The dotted name of the only job; a string, because the API must not import the worker."""

_RESULT_TTL_S: Final = 0
_FAILURE_TTL_S: Final = 300
_RING_AHEAD: Final = 64


class Doorbell(Protocol):
    """Tells workers that there may be work."""

    def ring(self) -> bool:
        """Ring once; False if Redis could not be reached, which harms nothing."""
        ...

    def waiting(self) -> int | None:
        """Return how many rings nobody answered yet; None if Redis cannot be reached."""
        ...


class ForbiddenJob(Exception):
    """Somebody put a job into Redis that is not ours."""


class DoorbellJob(Job):
    """A job that can only be the one function, without arguments, callbacks or results."""

    @property
    def func(self) -> Callable[..., Any] | None:
        """The function to run, if it is ours.

        Raises
        ------
        ForbiddenJob
            If the job names anything else.
        """
        if self.func_name != PREREAD_JOB or self.args or self.kwargs:
            message = "a job that is not the doorbell's was refused"
            raise ForbiddenJob(message)
        function: Callable[..., Any] | None = super().func
        return function

    @property
    def success_callback(self) -> None:
        """None: callbacks are code from Redis."""
        return

    @property
    def failure_callback(self) -> None:
        """None: callbacks are code from Redis."""
        return

    @property
    def stopped_callback(self) -> None:
        """None: callbacks are code from Redis."""
        return

    def send_webhooks(self, status: str, *, exc_string: str | None = None) -> None:
        """Send none: their addresses would come from Redis."""
        del status, exc_string


class RqDoorbell:
    """The doorbell on Redis."""

    def __init__(self, settings: Settings) -> None:
        self.connection = connect(settings, patient=False)
        self._queue = queue_on(self.connection, settings)

    def ring(self) -> bool:
        """Ring once, unless enough rings wait already."""
        try:
            if self._queue.count < _RING_AHEAD:
                self._queue.enqueue(
                    PREREAD_JOB,
                    result_ttl=_RESULT_TTL_S,
                    failure_ttl=_FAILURE_TTL_S,
                    description="doorbell",
                )
        except redis.RedisError:
            return False
        return True

    def waiting(self) -> int | None:
        """Return how many rings wait."""
        try:
            return int(self._queue.count)
        except redis.RedisError:
            return None

    def close(self) -> None:
        """Close the connections."""
        self.connection.close()


def connect(settings: Settings, *, patient: bool) -> redis.Redis:
    """Return a connection pool to Redis.

    Parameters
    ----------
    settings
        The URL and the patience of a request.
    patient
        False for requests: short time-outs and no retry, since a repeated push would ring
        twice and a hung Redis must not hold up an upload. True for workers, which wait.
    """
    url = settings.redis_url.get_secret_value()
    if patient:
        # Its loop has other things to do while Redis is away, so it retries by itself.
        return redis.Redis.from_url(url, socket_connect_timeout=5, retry=Retry(NoBackoff(), 0))
    return redis.Redis.from_url(
        url,
        socket_timeout=settings.redis_timeout_s,
        socket_connect_timeout=settings.redis_timeout_s,
        retry=Retry(NoBackoff(), 0),
    )


def queue_on(connection: redis.Redis, settings: Settings) -> Queue:
    """Return the one queue: a second one would lose jobs when a worker is killed."""
    return Queue(
        settings.queue_name,
        connection=connection,
        serializer="json",
        job_class=DoorbellJob,
        # The worker bounds each study itself; a ring may answer many studies.
        default_timeout=-1,
    )
