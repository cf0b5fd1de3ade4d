"""Keeps a few programs of one machine running, and ends them with itself.

What dies is started again, sooner or later depending on how long it lived. Output goes to
one file per program.
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from preread.lifeline import tied

_TICK_S: Final = 0.1
_STEADY_S: Final = 30.0
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Program:
    """What to run.

    Attributes
    ----------
    command
        Begins with the path of an executable file.
    environment
        All of it.
    log_path
        Gets standard output and error, behind what is there.
    grace_s
        How long it may take to end when asked.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log_path: Path
    grace_s: float


@dataclass(slots=True)
class _Running:
    program: Program
    process: subprocess.Popen[bytes]
    started_at: float
    early_deaths: int = 0
    last_exit: int | None = None
    start_again_at: float | None = None


class Keeper:
    """Runs programs until it is closed; then ends them, last started first."""

    def __init__(self) -> None:
        self._running: list[_Running] = []
        self._lock = threading.Lock()
        self._closing = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._closing = True
        for running in reversed(self._running):
            _end(running)
        # Only now: what the thread started again ends with the thread (see lifeline).
        self._closed.set()
        self._thread.join()

    def start(self, program: Program) -> None:
        """Run a program from now on."""
        with self._lock:
            self._running.append(_Running(program, _spawn(program), time.monotonic()))

    def pid(self, name: str) -> int:
        """Return the process that runs a program now, or ran it last."""
        return self._find(name).process.pid

    def early_deaths(self, name: str) -> int:
        """Return how often in a row a program died young."""
        return self._find(name).early_deaths

    def last_exit(self, name: str) -> int | None:
        """Return the exit status of a program's last death, None before the first one."""
        return self._find(name).last_exit

    def _find(self, name: str) -> _Running:
        return next(running for running in self._running if running.program.name == name)

    def _keep(self) -> None:
        while not self._closed.wait(_TICK_S):
            with self._lock:
                if not self._closing:
                    for running in self._running:
                        _start_again(running, time.monotonic())


def _start_again(running: _Running, now: float) -> None:
    if running.process.poll() is None:
        return
    if running.start_again_at is None:
        running.last_exit = running.process.returncode
        steady = now - running.started_at > _STEADY_S
        running.early_deaths = 0 if steady else running.early_deaths + 1
        pause_s = _FIRST_PAUSE_S * 2.0 ** max(0, running.early_deaths - 1)
        running.start_again_at = now + min(_LONGEST_PAUSE_S, pause_s)
    if now >= running.start_again_at:
        running.process = _spawn(running.program)
        running.started_at = now
        running.start_again_at = None


def _spawn(program: Program) -> subprocess.Popen[bytes]:
    with program.log_path.open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - our own programs
            tied(program.command),
            env=dict(program.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            process_group=0,  # Ctrl-C reaches the keeper alone, which ends them in order
        )


def _end(running: _Running) -> None:
    process = running.process
    process.terminate()
    try:
        process.wait(running.program.grace_s)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
