"""Ties a process to the one that started it, so that no child outlives its parent.

The kernel sends SIGKILL to the child when its parent is gone, however the parent went
(prctl PR_SET_PDEATHSIG, Linux 2.1.57 and later). The request survives ``exec``, so a small
Python start ties programs too that know nothing of it. Where there is no such request, the
parent stops the process groups of its children when it ends in order.

The kernel means the thread that started the child: start children from a thread that lasts.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h


def tied(command: Sequence[str]) -> list[str]:
    """Return the command line that runs ``command`` as long as this process lives."""
    return [sys.executable, "-m", "preread.lifeline", str(os.getpid()), *command]


def tie_to(parent_pid: int) -> None:
    """Let this process end with its parent; at once if that is gone already."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it went before we asked
        sys.exit(1)


def main(words: Sequence[str]) -> None:
    """Tie this process to its parent and become the command."""
    parent_pid, *command = words
    tie_to(int(parent_pid))
    os.execv(command[0], command)  # noqa: S606 - the parent's own command, no shell wanted


if __name__ == "__main__":
    main(sys.argv[1:])
