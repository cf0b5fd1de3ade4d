"""Uploads to the real API over loopback: MB/s, CPU, memory, and how long others wait."""

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

from benchmarks.bodies import Body, multipart, stored_zip
from benchmarks.databases import migrated, sqlite_url
from benchmarks.figures import Figure, Ratio, Report, figure_of
from benchmarks.instances import InstanceMold, mold
from benchmarks.plan import Plan
from benchmarks.processes import Child, answers, free_port, python, running
from benchmarks.rounds import clocked, in_rounds
from benchmarks.service import SITE, Connection, Service, running_api
from preread.db.unit_of_work import UnitOfWork
from preread.resources import open_resources

_FILE_COUNTS: Final = (40, 300)
_QUICK_FILE_COUNTS: Final = (2, 4)
_MIB: Final = 1024 * 1024
_MB: Final = 1_000_000
_PROBE_PAUSE_S: Final = 0.005
_START_LIMIT_S: Final = 60.0

_OURS: Final = "multipart"
_AGAIN: Final = "multipart again (A/A)"
_ZIP: Final = "ZIP, stored"
_NAIVE: Final = "peer: UploadFile app"
_LIMIT: Final = "limit: write, SHA-256, one fsync"


@dataclass(frozen=True, slots=True)
class _Cost:
    """What one upload cost; ``grown_bytes`` is None where no server was asked."""

    wall_s: float
    cpu_s: float
    byte_count: int
    grown_bytes: int | None


@dataclass(frozen=True, slots=True)
class _Bench:
    """Two servers, a mold, and the numbers of the next studies."""

    service: Service
    naive: Child
    naive_port: int
    naive_folder: Path
    mold: InstanceMold
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def files(self, file_count: int) -> list[bytes]:
        """Return a study that nobody sent before."""
        return self.mold.study(next(self.numbers), file_count)


def measure(plan: Plan) -> Report:
    """Measure both sizes."""
    file_counts = _QUICK_FILE_COUNTS if plan.quick else _FILE_COUNTS
    figures: list[Figure] = []
    ratios: list[Ratio] = []
    with _servers(plan.folder) as bench:
        _check(bench, file_counts[0])
        for file_count in file_counts:
            found = _of_size(bench, plan, file_count)
            figures += found.values()
            ratios += _ratios(found)
        figures += _stalls(bench, plan, file_counts[-1])
    return Report(
        name="ingest",
        checked="the digests that our database and the peer keep are those of what was sent",
        figures=tuple(figures),
        ratios=tuple(ratios),
        notes=(
            "one client on the same cores; CPU is the server's; the body lies ready in memory",
            "ours also reads every header and commits study, instances and task",
            "ours syncs every file, eight at a time; the peer every file, one after another",
            "the limit writes one file in one process, without HTTP",
        ),
    )


@contextmanager
def _servers(folder: Path) -> Iterator[_Bench]:
    target = folder / "naive"
    target.mkdir()
    port = free_port()
    url = sqlite_url(folder)
    with ExitStack() as stack:
        stack.enter_context(migrated(url))
        service = stack.enter_context(running_api(folder, url))
        command = python("benchmarks.naive_upload", str(port), str(target))
        naive = stack.enter_context(running(command, folder / "naive.log", {}))
        naive.wait_until(lambda: answers(port), _START_LIMIT_S)
        yield _Bench(service, naive, port, target, mold())


def _check(bench: _Bench, file_count: int) -> None:
    """Compare what is kept with what was sent.

    Raises
    ------
    ValueError
        If a digest differs, or that of a file as it lies on the disk.
    """
    for shape in (multipart, stored_zip):
        body = shape(bench.files(file_count))
        study_id = _send(bench.service.connect(), body)
        with open_resources(bench.service.settings) as resources:
            with UnitOfWork(resources.database.reading) as work:
                kept = sorted(one.sha256 for one in work.studies.instances(study_id))
            read = sorted(_digest_of(resources.store.path(name)) for name in kept)
        if not tuple(kept) == tuple(read) == body.digests:
            message = f"what is kept of a {body.content_type} upload is not what was sent"
            raise ValueError(message)
    body = multipart(bench.files(file_count))
    if _send_naive(Connection(bench.naive_port), body) != body.digests:
        message = "the peer keeps something else than what was sent"
        raise ValueError(message)


def _of_size(bench: _Bench, plan: Plan, file_count: int) -> dict[tuple[str, str], Figure]:
    ours = bench.service.child
    variants: dict[str, Callable[[], _Cost]] = {
        _OURS: lambda: _sent(bench, ours, multipart(bench.files(file_count))),
        _AGAIN: lambda: _sent(bench, ours, multipart(bench.files(file_count))),
        _ZIP: lambda: _sent(bench, ours, stored_zip(bench.files(file_count))),
        _NAIVE: lambda: _sent(bench, bench.naive, multipart(bench.files(file_count))),
        _LIMIT: lambda: _written(plan.folder / "limit", b"".join(bench.files(file_count))),
    }
    costs = in_rounds(variants, plan.rounds)
    size = f"{costs[_OURS][0].byte_count / _MB:.0f} MB in {file_count} files"
    figures = {}
    for name, found in costs.items():
        title = f"{size}, {name}"
        speeds = [cost.byte_count / _MB / cost.wall_s for cost in found]
        figures[name, "speed"] = figure_of(f"{title}: speed", "MB/s", speeds)
        figures[name, "wall"] = figure_of(
            f"{title}: wall", "ms", [cost.wall_s for cost in found], 1000
        )
        figures[name, "CPU"] = figure_of(
            f"{title}: CPU", "ms", [cost.cpu_s for cost in found], 1000
        )
        grown = [cost.grown_bytes for cost in found if cost.grown_bytes is not None]
        if grown:
            figures[name, "memory"] = figure_of(f"{title}: memory grown by", "MiB", grown, 1 / _MIB)
    return figures


def _sent(bench: _Bench, child: Child, body: Body) -> _Cost:
    """Send a body to one of the servers and clear what it stored."""
    naive = child is bench.naive
    connection = Connection(bench.naive_port) if naive else bench.service.connect()
    send = partial(_send_naive if naive else _send, connection, body)
    child.forget_peak()
    before, cpu_s = child.resident_bytes, child.cpu_s
    _, spent = clocked(send)
    cost = _Cost(
        wall_s=spent.wall_s,
        cpu_s=child.cpu_s - cpu_s,
        byte_count=len(body.content),
        grown_bytes=max(0, child.peak_bytes - before),
    )
    connection.close()
    _clear(bench.naive_folder if naive else bench.service.settings.store_dir / "blobs")
    return cost


def _send(connection: Connection, body: Body) -> str:
    path = f"/v1/studies?site={SITE}&complete=true"
    answer = connection.post(path, body.content_type, body.content).json()
    study_id: str = answer["studies"][0]["study_id"]
    return study_id


def _send_naive(connection: Connection, body: Body) -> tuple[str, ...]:
    answer = connection.post("/studies", body.content_type, body.content)
    return tuple(sorted(json.loads(answer.body)))


def _written(path: Path, content: bytes) -> _Cost:
    def write() -> None:
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        hashlib.sha256(content).hexdigest()

    _, spent = clocked(write)
    path.unlink()
    return _Cost(spent.wall_s, spent.cpu_s, len(content), None)


def _stalls(bench: _Bench, plan: Plan, file_count: int) -> list[Figure]:
    """Measure apart how long a small request waits at worst while a large upload runs."""
    variants = {
        _OURS: lambda: _longest_wait(bench, bench.service.child, file_count),
        _NAIVE: lambda: _longest_wait(bench, bench.naive, file_count),
    }
    waits = in_rounds(variants, plan.rounds)
    return [
        figure_of(f"longest /health/live during {file_count} files, {name}", "ms", found, 1000)
        for name, found in waits.items()
    ]


def _longest_wait(bench: _Bench, child: Child, file_count: int) -> float:
    port = bench.naive_port if child is bench.naive else bench.service.settings.bind_port
    body = multipart(bench.files(file_count))
    done = threading.Event()
    waits: list[float] = []

    def probe() -> None:
        connection = Connection(port)
        while not done.is_set():
            begun = time.perf_counter()
            connection.get("/health/live")
            waits.append(time.perf_counter() - begun)
            done.wait(_PROBE_PAUSE_S)
        connection.close()

    thread = threading.Thread(target=probe)
    thread.start()
    try:
        _sent(bench, child, body)
    finally:
        done.set()
        thread.join()
    return max(waits)


def _ratios(found: Mapping[tuple[str, str], Figure]) -> Iterator[Ratio]:
    size = found[_OURS, "CPU"].name.partition(",")[0]
    for kind in ("CPU", "wall"):
        for name in (_OURS, _ZIP):
            for other in (_NAIVE, _LIMIT):
                title = f"{size}: {kind}, {name} / {other}"
                yield Ratio.of(title, found[name, kind], found[other, kind])
    yield Ratio.of(f"{size}: CPU, A/A", found[_AGAIN, "CPU"], found[_OURS, "CPU"])


def _clear(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            path.unlink()


def _digest_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
