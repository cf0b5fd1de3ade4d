"""The limit of ``queue``: a process that waits in Redis and tells when it was handed a value.

``python -m benchmarks.popping_child URL LIST``; lines go to standard output.
"""

import sys
import time
from typing import Final

import redis

POPPED: Final = "popped"
_BUSY: Final = ":busy"
_WAIT_S: Final = 2  # as long as our worker waits


def pop(url: str, name: str) -> None:
    """Tell the time of every value that is pushed to a list, as it is moved away from it."""
    client = redis.Redis.from_url(url, decode_responses=True)
    print(POPPED, "ready", time.time(), flush=True)
    while True:
        value = client.blmove(name, name + _BUSY, _WAIT_S)
        moved_at = time.time()
        if isinstance(value, str):
            print(POPPED, value, moved_at, flush=True)
            client.lrem(name + _BUSY, 1, value)


if __name__ == "__main__":
    pop(*sys.argv[1:])
