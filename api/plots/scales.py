"""From figures to places in a plot, and the round figures that stand on its axis."""

import math
from dataclasses import dataclass
from typing import Final

_ROUND: Final = (1.0, 2.0, 5.0, 10.0)
_ROUND_S: Final = (
    *(1, 2, 5, 10, 20, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 20, 30)),
    *(3600 * hours for hours in (1, 2, 4, 6, 12)),
)
_DAY_S: Final = 86_400
_DECADES_S: Final[tuple[float, ...]] = (1, 10, 60, 600, 3600, 36_000, 10 * _DAY_S, 100 * _DAY_S)


@dataclass(frozen=True, slots=True)
class Linear:
    """Equal steps are equally long.

    Attributes
    ----------
    low, high
        The figures at both ends.
    start, end
        Where they lie, in units of the drawing; ``start`` may be the greater one.
    """

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return where a figure lies; what is outside lies at the nearer end.

        Examples
        --------
        >>> Linear(0, 10, 100, 300).at(5), Linear(0, 10, 100, 300).at(11)
        (200.0, 300.0)
        """
        share = (value - self.low) / (self.high - self.low)
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)


@dataclass(frozen=True, slots=True)
class Logarithmic:
    """Equal factors are equally long; the attributes are those of :class:`Linear`, above 0."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return where a figure lies; what is outside, 0 for one, lies at the nearer end.

        Examples
        --------
        >>> Logarithmic(1, 100, 0, 200).at(10), Logarithmic(1, 100, 0, 200).at(0)
        (100.0, 0.0)
        """
        within = min(self.high, max(self.low, value))
        share = math.log(within / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)


def ticks(high: float, most: int = 5) -> tuple[float, ...]:
    """Return round figures from 0 to the first one that is not below ``high``.

    Parameters
    ----------
    high
        Above 0.
    most
        So many steps at most.

    Examples
    --------
    >>> ticks(37), ticks(1)
    ((0.0, 10.0, 20.0, 30.0, 40.0), (0.0, 0.2, 0.4, 0.6, 0.8, 1.0))
    """
    power = 10 ** math.floor(math.log10(high / most))
    step = next(power * one for one in _ROUND if power * one * most >= high * (1 - 1e-9))
    return tuple(round(step * number, 9) for number in range(math.ceil(high / step - 1e-9) + 1))


def duration_ticks(high_s: float, most: int = 4) -> tuple[float, ...]:
    """Return seconds that are round on a clock, from 0 to the first one not below ``high_s``.

    Examples
    --------
    >>> duration_ticks(200), duration_ticks(5000)
    ((0, 60, 120, 180, 240), (0, 1800, 3600, 5400))
    """
    longest = max(1.0, high_s)
    round_s = next((step for step in _ROUND_S if step * most >= longest), None)
    step_s = round_s or _DAY_S * math.ceil(longest / most / _DAY_S)
    return tuple(step_s * number for number in range(math.ceil(longest / step_s) + 1))


def decades(high_s: float) -> tuple[float, ...]:
    """Return seconds for a logarithmic axis, from 1 to the first one not below ``high_s``.

    Examples
    --------
    >>> decades(45), decades(700)
    ((1, 10, 60), (1, 10, 60, 600, 3600))
    """
    above = next((place for place, one in enumerate(_DECADES_S) if one >= high_s), len(_DECADES_S))
    return _DECADES_S[: max(2, above + 1)]
