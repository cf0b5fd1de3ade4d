"""What the web process does beside answering: reconcile, forget, hand out events, tell others."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

import sqlalchemy.exc
from anyio import CapacityLimiter, to_thread

from api.live import Live, pause
from api.metrics import Metrics
from preread.logs import get_logger
from preread.reconcile import forget_old, reconcile
from preread.resources import Resources
from preread.webhooks.courier import Courier
from preread.webhooks.posting import HttpPoster

_FORGET_EVERY_S: Final = 3600.0
_PATIENCE_S: Final = 10.0

_log = get_logger(__name__)


@contextlib.asynccontextmanager
async def running(resources: Resources, live: Live, metrics: Metrics) -> AsyncIterator[None]:
    """Keep the background tasks going while the process serves."""
    # Of their own, so that they never wait behind requests, nor the first behind the second.
    keeping, carrying = CapacityLimiter(1), CapacityLimiter(1)
    settings = resources.settings
    every_s = settings.reconcile_interval_s
    post = HttpPoster(settings.webhook_timeout_s, settings.webhook_allow_private)
    courier = Courier(resources, post, metrics.count_webhook)

    async def repeat(
        step: Callable[[Resources], object], pause_s: float, limiter: CapacityLimiter = keeping
    ) -> None:
        while not live.closing.is_set():
            await _attempt(step, resources, limiter)
            await pause(live.closing, pause_s)

    tasks = (
        asyncio.create_task(live.pump(resources)),
        asyncio.create_task(repeat(reconcile, every_s)),
        asyncio.create_task(repeat(forget_old, _FORGET_EVERY_S)),
        asyncio.create_task(repeat(lambda _: courier.look(), every_s, carrying)),
    )
    for task in tasks:
        task.add_done_callback(_tell_if_it_died)
    try:
        yield
    finally:
        live.close()
        # Not cancelled at once: a thread inside a transaction would outlive its database.
        _, late = await asyncio.wait(tasks, timeout=_PATIENCE_S)
        for task in late:
            task.cancel()
        await to_thread.run_sync(courier.close)


def _tell_if_it_died(task: asyncio.Task[None]) -> None:
    """Log an error that nobody foresaw; otherwise it would show only as silence."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        _log.error("housekeeping_died", exc_info=error)


async def _attempt(
    step: Callable[[Resources], object], resources: Resources, limiter: CapacityLimiter
) -> None:
    try:
        await to_thread.run_sync(step, resources, limiter=limiter)
    except (sqlalchemy.exc.SQLAlchemyError, OSError) as error:
        # The database or the disk is away for a while; the next round tries again.
        _log.warning("housekeeping_failed", exc_info=error)
