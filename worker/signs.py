"""What a child tells its supervisor through a pipe: ready, started, alive, ended.

The pipe also tells a death at once: the kernel closes it with the process.
"""

import contextlib
import os
from enum import StrEnum


class Sign(StrEnum):
    """One line in the pipe."""

    READY = "ready"
    STARTED = "started"
    ALIVE = "alive"
    ENDED = "ended"


class SignWriter:
    """The child's end of the pipe."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def give(self, sign: Sign) -> None:
        """Tell the supervisor; short writes to a pipe are whole (pipe(7), PIPE_BUF)."""
        # Without a supervisor there is nobody to tell, and the kernel ends us anyway.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._descriptor, f"{sign.value}\n".encode())


def read_signs(descriptor: int) -> tuple[Sign, ...] | None:
    """Return the signs that lie in the pipe, None once it is closed."""
    lines = os.read(descriptor, 4096).decode("ascii", "replace")
    if not lines:
        return None
    known = {sign.value: sign for sign in Sign}
    return tuple(known[line] for line in lines.split() if line in known)
