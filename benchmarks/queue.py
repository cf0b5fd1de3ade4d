"""From the doorbell to the first line of work: a warm worker, bare Redis, a forking worker."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

import redis
from pydantic import SecretStr
from rq import Queue

from benchmarks.databases import migrated, sqlite_url
from benchmarks.figures import Figure, Ratio, Report, figure_of
from benchmarks.forking_worker import JOB
from benchmarks.instances import InstanceMold, mold
from benchmarks.plan import Plan
from benchmarks.popping_child import POPPED
from benchmarks.processes import Child, python, running, variables
from benchmarks.rounds import in_rounds
from benchmarks.service import SITE
from benchmarks.warm_child import STARTED
from preread.embedded_redis import EmbeddedRedis
from preread.receive import receive
from preread.resources import Resources, open_resources
from preread.settings import Settings
from preread.study import AiState
from preread.submission import Submission
from preread.terms import OrderClass

_CALLS: Final = 20
_QUICK_CALLS: Final = 2
_PAUSE_S: Final = 0.02
_LIMIT_S: Final = 60.0
_WAITING_CHILDREN: Final = 3
_LIST: Final = "benchmark-list"
_FORKED_QUEUE: Final = "benchmark-forked"

_JOB: Final = "ours: ring → first line of the job"
_READING: Final = "ours: ring → reader begins (study claimed)"
_BARE: Final = "limit: push → BLMOVE returns"
_FORKED: Final = "peer: enqueue → model loaded in a forked job"


@dataclass(frozen=True, slots=True)
class _Bench:
    """A Redis, a warm worker and the two others, all waiting."""

    resources: Resources
    warm: Child
    popping: Child
    forked: Queue
    mold: InstanceMold
    bundle_dir: Path
    numbers: Iterator[int] = field(default_factory=lambda: count(1))


@dataclass(frozen=True, slots=True)
class _Starts:
    """Seconds from the ring to the job's first line and to the reader's."""

    job_s: float
    reading_s: float


def measure(plan: Plan) -> Report:
    """Measure the three ways side by side."""
    has_model = (plan.bundle_dir / "manifest.json").is_file()
    with _waiting_workers(plan) as bench:
        calls = _QUICK_CALLS if plan.quick else _CALLS
        variants: dict[str, Callable[[], list[_Starts]]] = {
            _JOB: lambda: [_rung(bench) for _ in range(calls)],
            _BARE: lambda: [_popped(bench) for _ in range(calls)],
        }
        if has_model:
            variants[_FORKED] = lambda: [_forked(bench)]
        found = in_rounds(variants, plan.rounds)
    starts = {name: [one for many in found[name] for one in many] for name in found}
    figures = {name: _figure(name, [one.job_s for one in starts[name]]) for name in starts}
    figures[_READING] = _figure(_READING, [one.reading_s for one in starts[_JOB]])
    return Report(
        name="queue",
        checked="every ring started the study that was sent with it, and no other",
        figures=tuple(figures.values()),
        ratios=tuple(_ratios(figures)),
        notes=(
            "real Redis with its append-only file; one call at a time, the worker idle before",
            "the job's first line reads the clock of the claim; the reader begins behind its commit",
            *(() if has_model else ("there is no model: the peer is left out",)),
        ),
    )


@contextmanager
def _waiting_workers(plan: Plan) -> Iterator[_Bench]:
    folder = plan.folder
    with ExitStack() as stack:
        url = stack.enter_context(running_redis(folder))
        settings = Settings(
            database_url=SecretStr(sqlite_url(folder)),
            redis_url=SecretStr(url),
            store_dir=folder / "store",
        )
        stack.enter_context(migrated(settings.database_url.get_secret_value()))
        resources = stack.enter_context(open_resources(settings))
        warm = stack.enter_context(_warm_worker(settings, folder))
        pop = python("benchmarks.popping_child", url, _LIST)
        popping = stack.enter_context(running(pop, folder / "popping.log", {}))
        fork = python("benchmarks.forking_worker", url, _FORKED_QUEUE)
        stack.enter_context(running(fork, folder / "forking.log", {}))
        forked = Queue(_FORKED_QUEUE, connection=redis.Redis.from_url(url))
        popping.wait_until(lambda: bool(_lines(popping, POPPED, "ready")), _LIMIT_S)
        bench = _Bench(resources, warm, popping, forked, mold(), plan.bundle_dir)
        _rung(bench)  # the worker is ready once it read a study
        yield bench


@contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """Run a Redis on a private socket and return its URL."""
    embedded = EmbeddedRedis(folder / "redis.sock", folder / "redis")
    client = redis.Redis.from_url(embedded.url)

    def answers() -> bool:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False

    with running(embedded.command(), folder / "redis.log", {}) as child:
        child.wait_until(answers, _LIMIT_S)
        yield embedded.url
    client.close()


@contextmanager
def _warm_worker(settings: Settings, folder: Path) -> Iterator[Child]:
    """Run the child without its supervisor; nobody reads what it tells through the pipe."""
    ours, theirs = os.pipe()
    command = python("benchmarks.warm_child", "benchmark", str(theirs))
    try:
        with running(command, folder / "warm.log", variables(settings), [theirs]) as child:
            yield child
    finally:
        os.close(ours)
        os.close(theirs)


def _rung(bench: _Bench) -> _Starts:
    """Ring for a new study that the worker did not find by itself, which it may between rings."""
    while True:
        starts = _sent_and_rung(bench)
        if starts.job_s >= 0:
            return starts


def _sent_and_rung(bench: _Bench) -> _Starts:
    """Send a study, ring for it, and return how long it took to begin."""
    _wait_until_all_wait(bench)
    study_id = _send(bench)
    rung_at = time.time()
    if not bench.resources.doorbell.ring():
        message = "Redis could not be reached"
        raise RuntimeError(message)
    words = _wait_for_line(bench.warm, STARTED, study_id)
    _wait_until_read(bench, study_id)
    return _Starts(float(words[2]) - rung_at, float(words[3]) - rung_at)


def _send(bench: _Bench) -> str:
    """File one small study as the API does, and do not ring."""
    writer = bench.resources.store.incoming()
    writer.write(bench.mold.study(next(bench.numbers), 1)[0])
    submission = Submission(
        site=SITE,
        order_class=OrderClass.ER,
        accession_number=None,
        complete=True,
        actor="benchmark",
        idempotency_key=None,
    )
    receipt = receive(bench.resources, [writer.close()], submission)
    return receipt.studies[0].study_id


def _wait_until_read(bench: _Bench, study_id: str) -> None:
    deadline = time.monotonic() + _LIMIT_S
    while True:
        with bench.resources.reading() as work:
            if work.studies.get(study_id).ai_state is AiState.NOT_ASSESSED:
                return
        if time.monotonic() > deadline:
            message = "a study was started and not finished"
            raise RuntimeError(message)
        time.sleep(_PAUSE_S)


def _wait_until_all_wait(bench: _Bench) -> None:
    """Wait until all three children are blocked in Redis."""
    deadline = time.monotonic() + _LIMIT_S
    while bench.forked.connection.info("clients")["blocked_clients"] < _WAITING_CHILDREN:
        if time.monotonic() > deadline:
            message = "a worker does not come back to its queue"
            raise RuntimeError(message)
        time.sleep(_PAUSE_S)


def _popped(bench: _Bench) -> _Starts:
    """Push a value for the process that does nothing but wait for it."""
    _wait_until_all_wait(bench)
    value = f"value-{next(bench.numbers)}"
    pushed_at = time.time()
    bench.forked.connection.lpush(_LIST, value)
    words = _wait_for_line(bench.popping, POPPED, value)
    waited_s = float(words[2]) - pushed_at
    return _Starts(waited_s, waited_s)


def _forked(bench: _Bench) -> _Starts:
    """Enqueue a job that has to load everything."""
    _wait_until_all_wait(bench)
    enqueued_at = time.time()
    job = bench.forked.enqueue(JOB, str(bench.bundle_dir))
    deadline = time.monotonic() + _LIMIT_S
    while (loaded_at := job.return_value(refresh=True)) is None:
        if time.monotonic() > deadline or job.is_failed:
            message = f"the forked job did not load the model: {job.get_status()}"
            raise RuntimeError(message)
        time.sleep(_PAUSE_S)
    waited_s = float(loaded_at) - enqueued_at
    return _Starts(waited_s, waited_s)


def _wait_for_line(child: Child, first: str, second: str) -> list[str]:
    found: list[list[str]] = []

    def told() -> bool:
        found.extend(_lines(child, first, second))
        return bool(found)

    child.wait_until(told, _LIMIT_S)
    return found[0]


def _lines(child: Child, first: str, second: str) -> list[list[str]]:
    """Return the whole lines of a child that begin with two words."""
    text = child.log.read_text(encoding="utf-8", errors="replace")
    begin = f"{first} {second} "
    whole = text[: text.rfind("\n") + 1].splitlines()
    return [line.split() for line in whole if line.startswith(begin)]


def _figure(name: str, seconds: Sequence[float]) -> Figure:
    return figure_of(name, "ms", seconds, 1000)


def _ratios(figures: Mapping[str, Figure]) -> Iterator[Ratio]:
    yield Ratio.of("ours, first line / limit", figures[_JOB], figures[_BARE])
    if _FORKED in figures:
        yield Ratio.of("peer / ours, reader begins", figures[_FORKED], figures[_READING])
