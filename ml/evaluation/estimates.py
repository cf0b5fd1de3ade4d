"""A figure with its 95 % interval, as JSON: areas and means by patient, shares of counts by Wilson."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from ml.evaluation.metrics import interval_by_patient
from preread.proportions import wilson

ROUNDS: Final = 2000
SEED: Final = 0
Figures: TypeAlias = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How often patients are drawn; the same seed for each figure, so that a report repeats."""

    rounds: int = ROUNDS

    def interval(
        self, statistic: Callable[[NDArray[np.intp]], float], owners: Sequence[Hashable]
    ) -> list[JsonValue]:
        """Return the 95 % interval of a statistic of rows that belong to patients."""
        random = np.random.default_rng(SEED)
        edges = interval_by_patient(statistic, owners, rounds=self.rounds, random=random)
        return [rounded(edge) for edge in edges]


def rate(owners: Sequence[Hashable], right: Sequence[bool], bootstrap: Bootstrap) -> Figures:
    """Return how often something is right, with its count and its interval by owner."""
    values = np.array(right, np.float64)
    if len(values) == 0:
        return {"count": "0/0", "value": None, "interval": None}
    return {
        "count": f"{int(values.sum())}/{len(values)}",
        "value": rounded(float(values.mean())),
        "interval": bootstrap.interval(lambda rows: float(values[rows].mean()), owners),
    }


def share(count: int, of: int) -> Figures:
    """Return a share of counts.

    Examples
    --------
    >>> share(8, 10)
    {'share': 0.8, 'count': '8/10', 'interval': [0.49, 0.943]}
    """
    return {
        "share": rounded(count / of if of else np.nan),
        "count": f"{count}/{of}",
        "interval": [rounded(edge) for edge in wilson(count, of)],
    }


def sensitivity(said: NDArray[np.bool_], truth: NDArray[np.bool_]) -> Figures:
    """Return sensitivity and specificity of a decision, each with its count and interval."""
    found = share(int((said & truth).sum()), int(truth.sum()))
    spared = share(int((~said & ~truth).sum()), int((~truth).sum()))
    return {
        "sensitivity": found["share"],
        "sensitivity_count": found["count"],
        "sensitivity_interval": found["interval"],
        "specificity": spared["share"],
        "specificity_count": spared["count"],
        "specificity_interval": spared["interval"],
    }


def rounded(value: float) -> float | None:
    """Round for reading; what cannot be computed is null, JSON has no NaN."""
    return round(float(value), 3) if np.isfinite(value) else None
