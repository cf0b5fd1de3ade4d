"""The peer of ``queue``: RQ's own worker, which forks for each job, and a job that loads.

``python -m benchmarks.forking_worker URL QUEUE``. It is the way of RQ's first example, and
the only safe one with torch in a forking worker: what was loaded before the fork may hang
after it.
"""

import sys
import time
from pathlib import Path

import redis
from rq import Queue, Worker

JOB = "benchmarks.forking_worker.read_cold"


def read_cold(bundle_dir: str) -> float:
    """Import torch and load the model, as each job must, and return when reading could begin."""
    from ml.bundle import load_bundle  # noqa: PLC0415 - the job's cost, not the worker's
    from ml.predictor import TorchPredictor  # noqa: PLC0415

    TorchPredictor.load(load_bundle(Path(bundle_dir)), "cpu", 1)
    return time.time()


def work(url: str, name: str) -> None:
    """Answer jobs until told to stop."""
    connection = redis.Redis.from_url(url)
    Worker([Queue(name, connection=connection)], connection=connection).work(
        logging_level="WARNING"
    )


if __name__ == "__main__":
    work(*sys.argv[1:])
