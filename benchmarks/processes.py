"""Child processes, and what they cost: CPU time and memory, read from the kernel (Linux)."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from preread.lifeline import tied
from preread.settings import PREFIX, Settings

ROOT: Final = Path(__file__).parents[1]
_STOP_LIMIT_S: Final = 5.0  # nothing in a benchmark is worth more
_PEAK_RESET: Final = "5"  # proc(5), /proc/pid/clear_refs: peak of the resident set


@dataclass(frozen=True, slots=True)
class Child:
    """One running program."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def cpu_s(self) -> float:
        """Seconds of CPU that all its threads used, also those that ended.

        The kernel's clock of another process: ``CPUCLOCK_SCHED`` of its ID, as
        clock_getcpuclockid(3) makes it; finer than the ticks of /proc.
        """
        return time.clock_gettime((~self.process.pid << 3) | 2)

    @property
    def resident_bytes(self) -> int:
        """Memory in use now."""
        return self._memory("VmRSS")

    @property
    def peak_bytes(self) -> int:
        """Most memory in use since :meth:`forget_peak`."""
        return self._memory("VmHWM")

    def forget_peak(self) -> None:
        """Let the peak begin at what is in use now."""
        path = Path(f"/proc/{self.process.pid}/clear_refs")
        path.write_text(_PEAK_RESET, encoding="ascii")

    def wait_until(self, condition: Callable[[], bool], limit_s: float) -> None:
        """Wait until something is true of the child.

        Raises
        ------
        RuntimeError
            If the child ended, or it took too long; with the end of its log.
        """
        deadline = time.monotonic() + limit_s
        while not condition():
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
                message = f"a child process did not get ready; it said:\n{said}"
                raise RuntimeError(message)
            time.sleep(0.02)

    def _memory(self, name: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
        if found is None:
            message = f"the kernel does not tell {name}"
            raise RuntimeError(message)
        return int(found.group(1)) * 1024


@contextmanager
def running(
    command: Sequence[str],
    log: Path,
    environment: Mapping[str, str],
    pass_fds: Sequence[int] = (),
) -> Iterator[Child]:
    """Run a program of this checkout and stop it at the end."""
    with log.open("ab") as stream:
        process = subprocess.Popen(  # noqa: S603 - our own programs
            tied(command),
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=stream,
            stderr=stream,
            pass_fds=pass_fds,
        )
    try:
        yield Child(process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def python(module: str, *arguments: str) -> list[str]:
    """Return the command of a module of this checkout."""
    return [sys.executable, "-m", module, *arguments]


def variables(settings: Settings) -> dict[str, str]:
    """Return the environment that gives a child those settings that a benchmark chooses."""
    chosen = {
        "database_url": settings.database_url.get_secret_value(),
        "redis_url": settings.redis_url.get_secret_value(),
        "store_dir": str(settings.store_dir),
        "bind_port": str(settings.bind_port),
        "bundle_dir": str(settings.bundle_dir),
    }
    return {f"{PREFIX}{name.upper()}": value for name, value in chosen.items()}


def free_port() -> int:
    """Return a TCP port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def answers(port: int) -> bool:
    """Tell whether somebody listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
