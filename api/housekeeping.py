"""What the web process does beside answering: reconcile, forget, hand out events."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

import sqlalchemy.exc
from anyio import CapacityLimiter, to_thread

from api.live import Live
from preread.logs import get_logger
from preread.reconcile import forget_old, reconcile
from preread.resources import Resources

_FORGET_EVERY_S: Final = 3600.0

_log = get_logger(__name__)


@contextlib.asynccontextmanager
async def running(resources: Resources, live: Live) -> AsyncIterator[None]:
    """Keep the background tasks going while the process serves."""
    limiter = CapacityLimiter(1)  # of its own, so that it never waits behind requests
    every_s = resources.settings.reconcile_interval_s
    tasks = (
        asyncio.create_task(live.pump(resources)),
        asyncio.create_task(_repeat(reconcile, resources, every_s, limiter)),
        asyncio.create_task(_repeat(forget_old, resources, _FORGET_EVERY_S, limiter)),
    )
    try:
        yield
    finally:
        live.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _repeat(
    step: Callable[[Resources], object],
    resources: Resources,
    every_s: float,
    limiter: CapacityLimiter,
) -> None:
    while True:
        try:
            await to_thread.run_sync(step, resources, limiter=limiter)
        except (sqlalchemy.exc.SQLAlchemyError, OSError) as error:
            # The database or the disk is away for a while; the next round tries again.
            _log.warning("housekeeping_failed", exc_info=error)
        await asyncio.sleep(every_s)
