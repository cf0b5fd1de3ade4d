"""Clocks around the steps of the real worker, so that a study's cost falls apart into stages.

Functions are looked up by name when they are called, so a clock that takes a function's place
in its module sees every call, and the worker itself needs to know nothing of it.
"""

import importlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any, Final
from unittest.mock import patch

from benchmarks.rounds import Spent, clocked

STEPS: Final = {
    "worker.reading.read_header": "headers",
    "worker.reading.choose_series": "headers",
    "worker.reading.read_volume": "decode, volume",
    "worker.reading.to_radiological": "decode, volume",
    "ml.pipeline.to_model": "model grid, skull",
    "ml.pipeline.interior_of": "model grid, skull",
    "ml.predictor.TorchPredictor.predict": "network",
    "ml.pipeline.assess": "lesions, places, level",
    "worker.reading.render_slice": "key images",
    "worker.reading.record_slices": "slice record",
    "preread.store.Store.keep_bytes": "key images, stored",
    "worker.reading.write_document": "document",
}
"""The stage of each function; none of them calls another one."""


class Stopwatch:
    """Seconds of every stage since it was last read."""

    def __init__(self) -> None:
        self._spent: dict[str, Spent] = {}

    def around(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that does the same and is clocked."""

        @wraps(work)
        def clocked_work(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - any function
            outcome, spent = clocked(lambda: work(*arguments, **options))
            before = self._spent.get(stage, Spent(0.0, 0.0))
            self._spent[stage] = Spent(before.wall_s + spent.wall_s, before.cpu_s + spent.cpu_s)
            return outcome

        return clocked_work

    def read(self) -> dict[str, Spent]:
        """Return what was spent, and begin anew."""
        spent, self._spent = self._spent, {}
        return spent


@contextmanager
def clocks(watch: Stopwatch) -> Iterator[None]:
    """Put clocks around all steps for a while."""
    with ExitStack() as stack:
        for name, stage in STEPS.items():
            stack.enter_context(patch(name, watch.around(stage, _named(name))))
        yield


def _named(name: str) -> Callable[..., Any]:
    """Return a function by its dotted name; the last but one word may be a class."""
    path, _, word = name.rpartition(".")
    if path.rpartition(".")[2][0].isupper():
        module, _, owner = path.rpartition(".")
        found: Callable[..., Any] = getattr(getattr(importlib.import_module(module), owner), word)
    else:
        found = getattr(importlib.import_module(path), word)
    return found
