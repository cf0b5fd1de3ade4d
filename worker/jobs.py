"""The one job: read waiting studies until none is left.

RQ knows this function by name and passes nothing; what it needs lies on the desk of this
process. Here, and only here, an unexpected error of a study is turned into a state of that
study.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy.exc import OperationalError

from preread.errors import StaleClaim
from preread.giving_back import fail_claim
from preread.logs import get_logger
from preread.reasons import ReasonCode
from preread.resources import Resources
from preread.work import Claim, Result, claim_next, finish_claim, keep_claim
from worker.signs import Sign, SignWriter

log = get_logger(__name__)


class StudyReader(Protocol):
    """Makes the pre-read of one study; it keeps its model warm between studies."""

    @property
    def device(self) -> str:
        """Where its networks run."""
        ...

    def read(self, claim: Claim) -> Result:
        """Return the pre-read, also of a study that cannot be assessed."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What one worker process works with.

    Attributes
    ----------
    name
        The worker's, unique over all machines.
    signs
        To the supervisor.
    stopping
        Set once no further study may be begun.
    """

    resources: Resources
    reader: StudyReader
    name: str
    signs: SignWriter
    stopping: threading.Event


_DESK: Final[ContextVar[Desk]] = ContextVar("desk")


def sit_down(desk: Desk) -> None:
    """Make ``desk`` the one of this process."""
    _DESK.set(desk)


def run_waiting() -> None:
    """Read waiting studies, first on the worklist first, until none is ready."""
    desk = _DESK.get()
    try:
        while not desk.stopping.is_set():
            claim = claim_next(desk.resources, desk.name)
            if claim is None:
                return
            _read_claimed(desk, claim)
    except OperationalError:  # the database is away: leases run out, the next look finds more
        log.exception("database_unreachable", worker=desk.name)


def _read_claimed(desk: Desk, claim: Claim) -> None:
    log.info(
        "pre_read_started", study_id=claim.study.id, task_id=claim.task_id, attempt=claim.attempt
    )
    desk.signs.give(Sign.STARTED)
    try:
        with _heartbeat(desk, claim):
            result = desk.reader.read(claim)
        finish_claim(desk.resources, claim, result, worker=desk.name)
    except StaleClaim:
        log.warning("claim_lost", study_id=claim.study.id, task_id=claim.task_id)
    except Exception:
        # The boundary of the job: whatever a study does to us, also running out of memory,
        # ends this attempt and not this worker.
        log.exception("pre_read_attempt_failed", study_id=claim.study.id, attempt=claim.attempt)
        _give_back(desk, claim)
    else:
        log.info("pre_read_done", study_id=claim.study.id, task_id=claim.task_id)
    finally:
        desk.signs.give(Sign.ENDED)


def _give_back(desk: Desk, claim: Claim) -> None:
    try:
        fail_claim(desk.resources, claim, ReasonCode.INTERNAL_ERROR, worker=desk.name, retry=True)
    except StaleClaim:  # somebody ended the attempt before us
        log.warning("claim_lost", study_id=claim.study.id, task_id=claim.task_id)


@contextmanager
def _heartbeat(desk: Desk, claim: Claim) -> Iterator[None]:
    """Keep the lease and tell the supervisor while the study is being read."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(desk.resources.settings.heartbeat_s):
            desk.signs.give(Sign.ALIVE)
            try:
                keep_claim(desk.resources, claim)
            except StaleClaim:
                return  # the result will be refused at the end
            except OperationalError:
                log.exception("heartbeat_failed", worker=desk.name)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
