"""Keeps worker children running: restarts the dead, ends the stuck, gives their work back.

The supervisor loads no model and never forks: children are new programs, because neither
CUDA nor a warm OpenMP pool survives a fork. It hears through a pipe what each child does.
When a child dies, its study is given back at once instead of after the lease.
"""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Final
from uuid import uuid4

from sqlalchemy.exc import OperationalError

from preread.giving_back import return_tasks_of
from preread.lifeline import tied
from preread.logs import get_logger
from preread.reasons import ReasonCode
from preread.reconcile import reconcile, ring_for_waiting
from preread.resources import Resources
from preread.settings import Settings
from worker.signs import Sign, read_signs

CHILD: Final = (sys.executable, "-m", "worker.child")
"""The command of a child; it gets its worker name and the pipe's descriptor as arguments."""

_TICK_S: Final = 0.2
_GRACE_S: Final = 20.0
_STEADY_S: Final = 30.0
_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 15.0
_STARTS_LIMIT: Final = 3
_THREAD_VARIABLES: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

log = get_logger(__name__)


@dataclass(slots=True)
class _Child:
    """One running child.

    ``busy_since``, ``heard_at`` and ``born_at`` are seconds of the monotonic clock;
    ``sentence`` is why the supervisor ended it, None while it did not.
    """

    name: str
    process: subprocess.Popen[bytes]
    pipe: int
    born_at: float
    heard_at: float
    busy_since: float | None = None
    sentence: ReasonCode | None = None


@dataclass(slots=True)
class _Slot:
    """The place of one child, and how it fared lately."""

    child: _Child | None = None
    start_at: float = 0.0
    early_deaths: int = 0


class Supervisor:
    """Runs ``settings.worker_count`` children until it is told to stop."""

    def __init__(self, resources: Resources, command: Sequence[str] = CHILD) -> None:
        self._resources = resources
        self._command = tuple(command)
        self._slots = [_Slot() for _ in range(resources.settings.worker_count)]
        self._selector = selectors.DefaultSelector()
        self._stopping = False
        self._ever_ready = False
        self._reconcile_at = 0.0

    def run(self) -> bool:
        """Supervise until SIGTERM or SIGINT; then stop the children in order.

        Returns
        -------
        bool
            False if it gave up because no child ever became ready: without weights, say.
        """
        signal.signal(signal.SIGTERM, self._ask_to_stop)
        signal.signal(signal.SIGINT, self._ask_to_stop)
        log.info("supervisor_started", pid=os.getpid(), count=len(self._slots))
        while not self._stopping and not self._hopeless():
            self._start_missing()
            self._listen()
            self._end_stuck()
            self._reconcile_when_due()
        gave_up = self._hopeless()
        self._stop_children()
        log.info("supervisor_stopped", pid=os.getpid())
        return not gave_up

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._stopping = True

    def _hopeless(self) -> bool:
        deaths = max(slot.early_deaths for slot in self._slots)
        return not self._ever_ready and deaths >= _STARTS_LIMIT

    def _start_missing(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            if slot.child is None and slot.start_at <= now:
                slot.child = self._start()
                self._selector.register(slot.child.pipe, selectors.EVENT_READ, slot)

    def _start(self) -> _Child:
        name = f"worker-{uuid4().hex[:8]}"
        ours, theirs = os.pipe()
        try:
            process = subprocess.Popen(  # noqa: S603 - our own program
                tied([*self._command, name, str(theirs)]),
                pass_fds=[theirs],
                process_group=0,  # Ctrl-C reaches the supervisor alone, which stops in order
                env=_environment(self._resources.settings),
            )
        finally:
            os.close(theirs)
        now = time.monotonic()
        log.info("worker_started", worker=name, pid=process.pid)
        return _Child(name, process, ours, born_at=now, heard_at=now)

    def _listen(self) -> None:
        for key, _ in self._selector.select(_TICK_S):
            slot = key.data
            signs = read_signs(slot.child.pipe)
            if signs is None:
                self._bury(slot)
                continue
            slot.child.heard_at = time.monotonic()
            for sign in signs:
                if sign is Sign.READY:
                    self._ever_ready = True
                elif sign is Sign.STARTED:
                    slot.child.busy_since = slot.child.heard_at
                elif sign is Sign.ENDED:
                    slot.child.busy_since = None

    def _end_stuck(self) -> None:
        settings = self._resources.settings
        now = time.monotonic()
        for slot in self._slots:
            child = slot.child
            if child is None or child.busy_since is None or child.sentence is not None:
                continue
            if now - child.busy_since > settings.study_time_limit_s:
                child.sentence = ReasonCode.TIMED_OUT
            elif now - child.heard_at > settings.lease_s:
                # Native code that holds the interpreter gives no sign of life either.
                child.sentence = ReasonCode.WORKER_LOST
            if child.sentence is not None:
                log.error("worker_stuck", worker=child.name, reason=child.sentence.value)
                child.process.kill()

    def _bury(self, slot: _Slot) -> None:
        child = slot.child
        if child is None:
            return
        self._selector.unregister(child.pipe)
        os.close(child.pipe)
        child.process.kill()  # a child without its pipe is of no use
        child.process.wait()
        lived_s = time.monotonic() - child.born_at
        slot.early_deaths = 0 if lived_s > _STEADY_S else slot.early_deaths + 1
        slot.start_at = time.monotonic() + _pause_s(slot.early_deaths)
        slot.child = None
        log.info(
            "worker_ended",
            worker=child.name,
            status=child.process.returncode,
            seconds=round(lived_s, 1),
        )
        self._give_back(child)

    def _give_back(self, child: _Child) -> None:
        try:
            if return_tasks_of(
                self._resources, child.name, child.sentence or ReasonCode.WORKER_LOST
            ):
                ring_for_waiting(self._resources)
        except OperationalError:  # its lease runs out by itself
            log.exception("give_back_failed", worker=child.name)

    def _reconcile_when_due(self) -> None:
        now = time.monotonic()
        if now < self._reconcile_at:
            return
        self._reconcile_at = now + self._resources.settings.reconcile_interval_s
        try:
            reconcile(self._resources)
        except OperationalError:  # the database is away; it is asked again
            log.exception("reconcile_failed")

    def _stop_children(self) -> None:
        """Let the children end their present study; whoever takes too long loses it."""
        children = [slot.child for slot in self._slots if slot.child is not None]
        for child in children:
            child.process.terminate()
        deadline = time.monotonic() + _GRACE_S
        for slot in self._slots:
            if slot.child is None:
                continue
            try:
                slot.child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("worker_stopped_amid_study", worker=slot.child.name)
            self._bury(slot)


def _pause_s(early_deaths: int) -> float:
    """Return how long a slot stays empty: longer when its children keep dying young."""
    if early_deaths <= 1:
        return 0.0
    return min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** (early_deaths - 2))


def _environment(settings: Settings) -> dict[str, str]:
    """Return a child's environment; thread pools read it once, when they are loaded."""
    threads = str(settings.torch_threads)
    return {**os.environ, **dict.fromkeys(_THREAD_VARIABLES, threads)}
