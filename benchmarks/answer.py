"""From the last image of a study to its pre-read: one at a time, unannounced, and many at once."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from pydantic import SecretStr

from benchmarks.databases import migrated, sqlite_url
from benchmarks.figures import Report, figure_of
from benchmarks.plan import Plan
from benchmarks.processes import python, running, variables
from benchmarks.queue import running_redis
from benchmarks.rounds import in_rounds
from benchmarks.service import SITE
from preread.dicom.phantom import make_head
from preread.dicom.phantom_files import SyntheticStudy, derive_uid, encode_series
from preread.receive import receive
from preread.resources import Resources, open_resources
from preread.settings import Settings
from preread.study import AiState, Study
from preread.submission import Submission
from preread.terms import OrderClass

_SLICES: Final = 32
_QUICK_SLICES: Final = 4
_BURST: Final = 8
_QUICK_BURST: Final = 2
_LIMIT_S: Final = 300.0
_PAUSE_S: Final = 0.05
_ALONE: Final = "said to be complete, alone"
_QUIET: Final = "complete by the quiet period, alone"
_MANY: Final = "said to be complete, {} at once"


@dataclass(frozen=True, slots=True)
class _Answered:
    """Seconds from the last image, and from completeness, to the pre-read."""

    from_image_s: float
    from_complete_s: float


@dataclass(frozen=True, slots=True)
class _Bench:
    resources: Resources
    slices: int
    numbers: Iterator[int] = field(default_factory=lambda: count(1))


def measure(plan: Plan) -> Report:
    """Measure with one worker process on the CPU."""
    burst = _QUICK_BURST if plan.quick else _BURST
    with _service(plan) as bench:
        _answers(bench, 1, complete=True)  # loads the model
        variants: dict[str, Callable[[], list[_Answered]]] = {
            _ALONE: lambda: _answers(bench, 1, complete=True),
            _QUIET: lambda: _answers(bench, 1, complete=False),
            _MANY.format(burst): lambda: _answers(bench, burst, complete=True),
        }
        found = in_rounds(variants, plan.rounds)
    figures = []
    for name, rounds in found.items():
        answers = [one for answered in rounds for one in answered]
        for start, seconds in (
            ("last image", [one.from_image_s for one in answers]),
            ("completeness", [one.from_complete_s for one in answers]),
        ):
            figures.append(figure_of(f"{name}: {start} → pre-read", "s", seconds))
    settings = Settings()
    return Report(
        name="answer",
        checked="every study got a pre-read, or the reason why it was not assessed",
        figures=tuple(figures),
        ratios=(),
        notes=(
            f"synthetic heads of {bench.slices} slices of 512×512; one worker process, one thread",
            f"quiet period {settings.quiet_period_s:.0f} s, looked for every "  # noqa: ISC004
            f"{settings.reconcile_interval_s:.0f} s; the simulation counts from completeness",
        ),
    )


@contextmanager
def _service(plan: Plan) -> Iterator[_Bench]:
    """Run Redis and a worker; files are taken in here, by the code of the API."""
    folder = plan.folder
    with ExitStack() as stack:
        settings = Settings(
            database_url=SecretStr(sqlite_url(folder)),
            redis_url=SecretStr(stack.enter_context(running_redis(folder))),
            store_dir=folder / "store",
            bundle_dir=plan.bundle_dir,
        )
        stack.enter_context(migrated(settings.database_url.get_secret_value()))
        resources = stack.enter_context(open_resources(settings))
        environment = {**variables(settings), "PREREAD_DEVICE": "cpu"}
        stack.enter_context(running(python("worker"), folder / "worker.log", environment))
        yield _Bench(resources, _QUICK_SLICES if plan.quick else _SLICES)


def _answers(bench: _Bench, many: int, *, complete: bool) -> list[_Answered]:
    """Send studies as fast as they can be taken in, and wait until all have been read."""
    series = [_series(bench) for _ in range(many)]  # drawn before any clock runs
    ids = [_send(bench, contents, complete=complete) for contents in series]
    return [_times(_read(bench, study_id)) for study_id in ids]


def _series(bench: _Bench) -> list[bytes]:
    number = next(bench.numbers)
    study = SyntheticStudy(
        accession_number=f"ANSWER-{number}", study_uid=derive_uid("answer", number)
    )
    return encode_series(make_head(number, (), bench.slices), study)


def _send(bench: _Bench, contents: Sequence[bytes], *, complete: bool) -> str:
    files = []
    for content in contents:
        writer = bench.resources.store.incoming()
        writer.write(content)
        files.append(writer.close())
    submission = Submission(
        site=SITE,
        order_class=OrderClass.ER,
        accession_number=None,
        complete=complete,
        actor="benchmark",
        idempotency_key=None,
    )
    receipt = receive(bench.resources, files, submission)
    if complete:
        bench.resources.doorbell.ring()
    return receipt.studies[0].study_id


def _read(bench: _Bench, study_id: str) -> Study:
    deadline = time.monotonic() + _LIMIT_S
    while True:
        with bench.resources.reading() as work:
            study = work.studies.get(study_id)
        if study.ai_state in {AiState.SUCCEEDED, AiState.NOT_ASSESSED}:
            return study
        if study.ai_state is AiState.FAILED or time.monotonic() > deadline:
            message = f"a study got no pre-read: {study.ai_state} {study.ai_reason}"
            raise RuntimeError(message)
        time.sleep(_PAUSE_S)


def _times(study: Study) -> _Answered:
    if study.ai_done_at is None or study.completed_at is None:
        message = "a study that was read has no times"
        raise RuntimeError(message)
    return _Answered(
        (study.ai_done_at - study.last_instance_at).total_seconds(),
        (study.ai_done_at - study.completed_at).total_seconds(),
    )
