"""A thousand event streams of one API process: how soon each of them hears of a re-rank."""

import asyncio
import random
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks.figures import Figure, Report, figure_of
from benchmarks.lists import OpenList, sqlite_lists
from benchmarks.plan import Plan
from benchmarks.service import Service, running_api
from preread.db.events import EventKind
from preread.db.unit_of_work import UnitOfWork

LISTENERS: Final = 1_000
GOAL_MS: Final = 250.0

_RERANKS: Final = 20  # a round
_QUICK: Final = 20
_OPEN: Final = 1_000
_PAUSE_S: Final = (0.3, 0.7)  # drawn, so that no poll of the service keeps in step with them
_IDLE_S: Final = 5.0
_CONNECT_LIMIT_S: Final = 60.0
_AT_ONCE: Final = 50
_SPARE_FILES: Final = 200


class _Stream(asyncio.Protocol):
    """One client: notes when which bytes came, and looks at them later."""

    def __init__(self, request: bytes) -> None:
        self.chunks: list[tuple[float, bytes]] = []
        self.begun = asyncio.get_running_loop().create_future()
        self.lost = False
        self._request = request
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        self._transport = transport
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Note what came, and when."""
        self.chunks.append((time.monotonic(), data))
        if not self.begun.done() and b"retry: " in data:
            self.begun.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the service ended it."""
        del exc
        self.lost = True

    def close(self) -> None:
        """Go away."""
        if self._transport is not None:
            self._transport.close()

    def heard(self) -> dict[int, float]:
        """Return when the event of each number came, in the order in which they came."""
        found: dict[int, float] = {}
        rest = b""
        for at, data in self.chunks:
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if line.startswith(b"id: "):
                    found[int(line[4:])] = at
        return found


@dataclass(slots=True)
class _Told:
    """What was done, and when it was committed: the clock is the one of all processes."""

    committed: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    idle_cpu_s: float = 0.0
    connect_s: float = 0.0


def measure(plan: Plan) -> Report:
    """Measure deliveries to all listeners, and what the API spends on them."""
    count = _QUICK if plan.quick else LISTENERS
    reranks = 2 if plan.quick else _RERANKS * plan.rounds
    _allow_files(count + _SPARE_FILES)
    with sqlite_lists(plan.folder, (_OPEN,)) as lists:
        folder = plan.folder / "api"
        folder.mkdir()
        with running_api(folder, lists[_OPEN].url) as service:
            told, streams = asyncio.run(_listen(service, lists[_OPEN], count, reranks))
        delays = _delays(lists[_OPEN], told, streams)
    return _report(told, delays, count)


def _report(told: _Told, delays: Sequence[float], count: int) -> Report:
    delivered = figure_of(f"re-rank committed → heard, {count} listeners", "ms", delays, 1000)
    cpu_ms = 1000 * told.cpu_s / len(told.committed)
    return Report(
        name="listeners",
        checked="every listener heard every re-rank once, in the order of their numbers",
        figures=(
            delivered,
            Figure(f"{count} listeners connected", "s", (told.connect_s,)),
            Figure("CPU of the API for a re-rank told to all", "ms", (cpu_ms,)),
            Figure("CPU of the API while nothing happens", "%", (100 * told.idle_cpu_s / _IDLE_S,)),
        ),
        ratios=(),
        notes=(
            f"p95 {delivered.percentile(95):.0f} ms of {len(delays)} deliveries, "  # noqa: ISC004
            f"largest {max(delays) * 1000:.0f} ms; the goal is {GOAL_MS:.0f} ms",
            "the re-ranks come from another process, as a worker's do; listeners share the cores",
        ),
    )


async def _listen(
    service: Service, one: OpenList, count: int, reranks: int
) -> tuple[_Told, list[_Stream]]:
    told = _Told()
    started = time.monotonic()
    streams = await _connected(service, count)
    told.connect_s = time.monotonic() - started
    try:
        await asyncio.sleep(1)
        before = service.child.cpu_s
        await asyncio.sleep(_IDLE_S)
        told.idle_cpu_s = service.child.cpu_s - before
        rng = random.Random(5)  # noqa: S311 - any study will do
        before = service.child.cpu_s
        for _ in range(reranks):
            # In a thread: the listeners must be able to listen while it is committed.
            told.committed.append(await asyncio.to_thread(_rerank, one, rng))
            await asyncio.sleep(rng.uniform(*_PAUSE_S))
        told.cpu_s = service.child.cpu_s - before
        await asyncio.sleep(1)
        if any(stream.lost for stream in streams):
            message = f"{sum(stream.lost for stream in streams)} streams were ended by the service"
            raise RuntimeError(message)
    finally:
        for stream in streams:
            stream.close()
    return told, streams


async def _connected(service: Service, count: int) -> list[_Stream]:
    """Open the streams, some at a time, and wait until each has begun."""
    head = (
        "GET /v1/worklist/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n"
        f"Authorization: Bearer {service.key}\r\n\r\n"
    ).encode()
    loop = asyncio.get_running_loop()
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one() -> _Stream:
        async with gate:
            port = service.settings.bind_port
            _, stream = await loop.create_connection(lambda: _Stream(head), "127.0.0.1", port)
            await stream.begun
            return stream

    async with asyncio.timeout(_CONNECT_LIMIT_S):
        return list(await asyncio.gather(*(one() for _ in range(count))))


def _rerank(one: OpenList, rng: random.Random) -> float:
    one.rerank(rng)
    return time.monotonic()


def _delays(one: OpenList, told: _Told, streams: Sequence[_Stream]) -> list[float]:
    """Return every delivery's delay in seconds.

    Raises
    ------
    ValueError
        If a listener missed a re-rank, or heard one twice or out of order.
    """
    with UnitOfWork(one.database.reading) as work:
        events = [e.seq for e in work.events.after(0, 10**6) if e.kind is EventKind.RANK_CHANGED]
    delays: list[float] = []
    for stream in streams:
        heard = stream.heard()
        if list(heard) != events:
            message = (
                f"a listener heard {len(heard)} of {len(events)} re-ranks, or in another order"
            )
            raise ValueError(message)
        delays += [heard[seq] - at for seq, at in zip(events, told.committed, strict=True)]
    return delays


def _allow_files(wanted: int) -> None:
    """Let this process, and the API that it starts, have so many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
