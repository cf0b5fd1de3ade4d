"""What a benchmark finds: figures of several rounds, and the ratios between them."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of one variant, once per round.

    Attributes
    ----------
    name
        What was measured, in words.
    unit
        Of every sample.
    samples
        In the order of the rounds; at least one.
    """

    name: str
    unit: str
    samples: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.samples:
            message = f"nothing was measured of {self.name}"
            raise ValueError(message)

    @property
    def median(self) -> float:
        """The middle sample, which is the one to quote."""
        return statistics.median(self.samples)

    @property
    def least(self) -> float:
        """The smallest sample."""
        return min(self.samples)

    @property
    def p90(self) -> float:
        """The sample that nine of ten do not exceed.

        Examples
        --------
        >>> Figure("wait", "ms", tuple(range(1, 11))).p90
        9
        """
        return self.percentile(90)

    @property
    def p99(self) -> float:
        """The sample that 99 of 100 do not exceed; the largest of fewer than 100."""
        return self.percentile(99)

    def percentile(self, percent: int) -> float:
        """Return the least sample that so many percent do not exceed.

        Examples
        --------
        >>> Figure("wait", "ms", tuple(range(1, 1001))).percentile(95)
        950
        """
        ordered = sorted(self.samples)
        return ordered[-(-percent * len(ordered) // 100) - 1]

    def as_json(self) -> dict[str, Any]:
        """Return the figure with every sample."""
        return {
            "name": self.name,
            "unit": self.unit,
            "median": self.median,
            "min": self.least,
            "p90": self.p90,
            "p99": self.p99,
            "samples": list(self.samples),
        }


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as much one median is as another of the same run."""

    name: str
    value: float

    @classmethod
    def of(cls, name: str, figure: Figure, to: Figure) -> "Ratio":
        """Return the ratio of two medians.

        Examples
        --------
        >>> Ratio.of("a/b", Figure("a", "s", (3.0,)), Figure("b", "s", (2.0,))).value
        1.5
        """
        if figure.unit != to.unit:
            message = f"{figure.name} is in {figure.unit}, {to.name} in {to.unit}"
            raise ValueError(message)
        return cls(name, figure.median / to.median)


@dataclass(frozen=True, slots=True)
class Report:
    """What one benchmark found.

    Attributes
    ----------
    name
        Of the command.
    checked
        What was compared for equality before anything was timed.
    figures, ratios
        In the order in which they are shown.
    notes
        What a reader must know to compare: differing duties, what was left out.
    """

    name: str
    checked: str
    figures: tuple[Figure, ...]
    ratios: tuple[Ratio, ...]
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return everything that was found."""
        return {
            "name": self.name,
            "checked": self.checked,
            "figures": [figure.as_json() for figure in self.figures],
            "ratios": {ratio.name: ratio.value for ratio in self.ratios},
            "notes": list(self.notes),
        }


def figure_of(name: str, unit: str, samples: Sequence[float], scale: float = 1.0) -> Figure:
    """Return a figure with every sample multiplied, as by 1000 from seconds to ms."""
    return Figure(name, unit, tuple(scale * sample for sample in samples))
