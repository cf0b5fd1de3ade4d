"""What a simulated reading group is like: its readers, its studies and its AI, in a file or shipped."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, model_validator
from pydantic_core import ValidationError

from preread.breaker import EXPECTED_SHARE
from preread.errors import SettingsInvalid
from preread.policy import DEFAULT_POLICY, Policy, Promotion
from preread.terms import Level, OrderClass

Share = Annotated[float, Field(ge=0, le=1)]
DAY_MIN: Final = 24 * 60


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Surge(_Part):
    """Hours of the day in which more studies come, by a factor."""

    from_hour: Annotated[float, Field(ge=0, le=24)]
    to_hour: Annotated[float, Field(ge=0, le=24)]
    factor: Annotated[float, Field(ge=1)]

    def factor_at(self, minute: float) -> float:
        """Return the factor at a minute since the midnight before the first study."""
        hour = minute % DAY_MIN / 60
        return self.factor if self.from_hour <= hour < self.to_hour else 1.0


class Detector(_Part):
    """What the AI says of head CTs with and without a bleed, and how long it takes.

    Flagged is ``critical`` or ``suspected``; of what is not flagged a share is ``indeterminate``.
    """

    sensitivity: Share = 0.90
    specificity: Share = 0.92
    critical_of_hits: Share = 0.40
    critical_of_false_alarms: Share = 0.10
    indeterminate_of_misses: Share = 0.40
    indeterminate_of_clear: Share = 0.08
    delay_min: NonNegativeFloat = 4.0

    def level_shares(self, *, bleeds: bool) -> dict[Level, float]:
        """Return how often each level is said of heads with or without a bleed."""
        flagged = self.sensitivity if bleeds else 1 - self.specificity
        critical = self.critical_of_hits if bleeds else self.critical_of_false_alarms
        undecided = self.indeterminate_of_misses if bleeds else self.indeterminate_of_clear
        return {
            Level.CRITICAL: flagged * critical,
            Level.SUSPECTED: flagged * (1 - critical),
            Level.INDETERMINATE: (1 - flagged) * undecided,
            Level.NONE: (1 - flagged) * (1 - undecided),
        }


class Reading(_Part):
    """Mean minutes of one read, by what the study shows and what the AI said of it.

    The means of heads are those that Del Gaizo et al. 2024 measured in teleradiology with an AI
    in place; that other studies take about as long is assumed, as is the spread.
    """

    true_positive_min: PositiveFloat = 13.57
    false_negative_min: PositiveFloat = 14.38
    false_positive_min: PositiveFloat = 9.67
    true_negative_min: PositiveFloat = 8.63
    other_min: PositiveFloat = 8.5
    distribution: Literal["lognormal", "exponential"] = "lognormal"
    variation: PositiveFloat = 0.6

    def mean_min(self, *, bleeds: bool, flagged: bool) -> float:
        """Return the mean of a head."""
        if bleeds:
            return self.true_positive_min if flagged else self.false_negative_min
        return self.false_positive_min if flagged else self.true_negative_min


class Targets(_Part):
    """A site's own targets: what :class:`preread.policy.Policy` is made of."""

    order_target_min: dict[OrderClass, int] = Field(
        default_factory=lambda: dict(DEFAULT_POLICY.order_target_min)
    )
    promotions: dict[Level, Promotion] = Field(
        default_factory=lambda: dict(DEFAULT_POLICY.promotions)
    )

    def policy(self) -> Policy:
        """Return the ranking policy; the shipped one keeps its name."""
        shipped = self == Targets()
        return DEFAULT_POLICY if shipped else Policy("site", self.order_target_min, self.promotions)


class Scenario(_Part):
    """One reading group.

    Attributes
    ----------
    load
        Busy share of the readers outside of the surge: arriving work over reading capacity.
    studies_per_day
        Outside of the surge, rated to 24 h; instead of ``load`` where a site knows it.
    order_mix
        Shares of the order classes; they are scaled to sum to 1.
    prevalence
        Share of the head CTs of a class that show a hemorrhage.
    expected_flagged_share
        What the circuit breaker (:mod:`preread.breaker`) takes for healthy.
    doubted_as
        What a result that would promote counts as once the breaker has tripped.
    max_wait_min
        For the policy that puts on top whoever waited longer.
    """

    name: str = "own"
    title: str = "own parameters"
    readers: Annotated[int, Field(ge=1, le=1000)] = 4
    load: Annotated[float, Field(gt=0, le=3)] = 0.90
    studies_per_day: PositiveFloat | None = None
    surge: Surge | None = None
    order_mix: dict[OrderClass, NonNegativeFloat] = Field(
        default_factory=lambda: _by_order(0.25, 0.45, 0.20, 0.10)
    )
    head_share: Share = 0.35
    prevalence: dict[OrderClass, Share] = Field(
        default_factory=lambda: _by_order(0.12, 0.07, 0.06, 0.03)
    )
    detector: Detector = Detector()
    reading: Reading = Reading()
    targets: Targets = Targets()
    expected_flagged_share: Annotated[float, Field(gt=0, lt=1)] = EXPECTED_SHARE
    doubted_as: Level = Level.NONE
    max_wait_min: PositiveFloat = 120.0

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if sum(self.order_mix.values()) <= 0:
            message = "order_mix sums to nothing"
            raise ValueError(message)
        if any(order not in self.prevalence for order in self.order_mix):
            message = "prevalence lacks an order class of order_mix"
            raise ValueError(message)
        self.targets.policy()  # a policy that lacks a class or would demote is refused here
        return self

    def order_shares(self) -> dict[OrderClass, float]:
        """Return the shares of all four order classes, summing to 1."""
        whole = sum(self.order_mix.values())
        return {order: self.order_mix.get(order, 0.0) / whole for order in OrderClass}

    def mean_read_min(self) -> float:
        """Return the mean minutes of one read over all studies."""
        total = 0.0
        for order, share in self.order_shares().items():
            heads = sum(
                chance * self.reading.mean_min(bleeds=bleeds, flagged=flagged)
                for bleeds, flagged, chance in self._verdicts(order)
            )
            other = (1 - self.head_share) * self.reading.other_min
            total += share * (self.head_share * heads + other)
        return total

    def arrivals_per_min(self) -> float:
        """Return the mean number of studies that arrive in a minute outside of the surge."""
        if self.studies_per_day is not None:
            return self.studies_per_day / DAY_MIN
        return self.load * self.readers / self.mean_read_min()

    def _verdicts(self, order: OrderClass) -> list[tuple[bool, bool, float]]:
        bleeding = self.prevalence.get(order, 0.0)
        hit, spared = self.detector.sensitivity, self.detector.specificity
        return [
            (True, True, bleeding * hit),
            (True, False, bleeding * (1 - hit)),
            (False, True, (1 - bleeding) * (1 - spared)),
            (False, False, (1 - bleeding) * spared),
        ]


def _by_order(stat: float, er: float, inpatient: float, routine: float) -> dict[OrderClass, float]:
    return dict(zip(OrderClass, (stat, er, inpatient, routine), strict=True))


_EVENING: Final = Surge(from_hour=15, to_hour=23, factor=1.7)

SHIPPED: Final[Mapping[str, Scenario]] = MappingProxyType(
    {
        scenario.name: scenario
        for scenario in (
            Scenario(name="steady", title="load 0.90"),
            Scenario(
                name="tele",
                title="load 0.90, AI and prevalence as measured in teleradiology",
                prevalence=dict.fromkeys(OrderClass, 0.027),
                detector=Detector(sensitivity=0.756, specificity=0.921),
            ),
            Scenario(name="busy", title="load 0.97", load=0.97),
            Scenario(
                name="surge", title="load 0.70, 1.19 from 15 to 23 h", load=0.70, surge=_EVENING
            ),
            Scenario(
                name="broken",
                title="surge, with a broken AI that flags 70 % of the clear heads",
                load=0.70,
                surge=_EVENING,
                detector=Detector(specificity=0.30),
            ),
            Scenario(
                name="ctich",
                title="load 0.97, AI as the bundle ctich-mbv2-06 was on CT-ICH",
                load=0.97,
                # Out of fold, as in the report beside its weights: 32 of 36 bleeds flagged, 24 of
                # them critical, 1 indeterminate; of 46 others 10 flagged, 1 of them critical, 12
                # indeterminate.
                detector=Detector(
                    sensitivity=32 / 36,
                    specificity=36 / 46,
                    critical_of_hits=24 / 32,
                    critical_of_false_alarms=1 / 10,
                    indeterminate_of_misses=1 / 4,
                    indeterminate_of_clear=12 / 36,
                ),
                expected_flagged_share=0.27,
            ),
        )
    }
)
DEFAULT_SCENARIO: Final = "busy"


def answering_after(scenario: Scenario, delay_min: float) -> Scenario:
    """Return a scenario whose AI takes another time from completeness to its result.

    Raises
    ------
    SettingsInvalid
        If it would answer before it was asked.
    """
    if not delay_min >= 0:
        message = "the AI's delay is at least 0 minutes"
        raise SettingsInvalid(message)
    detector = scenario.detector.model_copy(update={"delay_min": delay_min})
    return scenario.model_copy(update={"detector": detector})


def read_scenario(path: Path) -> Scenario:
    """Return the scenario of a TOML or JSON file; what it leaves out is that of ``base``.

    ``base`` names a shipped scenario, else ``busy``. Tables are laid over those of the base
    value by value, so that a file may change one number.

    Raises
    ------
    SettingsInvalid
        If the file cannot be read or a value breaks its rule.
    """
    try:
        text = path.read_text(encoding="utf-8")
        given: dict[str, Any] = (
            json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
        )
    except (OSError, ValueError) as error:
        message = f"{path.name} cannot be read as TOML or JSON: {error}"
        raise SettingsInvalid(message) from error
    if not isinstance(given, dict):
        message = f"{path.name} is not a table of parameters"
        raise SettingsInvalid(message)
    base = given.pop("base", DEFAULT_SCENARIO)
    if base not in SHIPPED:
        message = f"base is one of {', '.join(SHIPPED)}"
        raise SettingsInvalid(message)
    own = {"name": path.stem, "title": f"parameters of {path.name}", **given}
    try:
        return Scenario.model_validate(_laid_over(SHIPPED[base].model_dump(), own))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        message = f"{path.name}: {wrong}"
        raise SettingsInvalid(message) from error


def _laid_over(base: Mapping[Any, Any], own: Mapping[str, Any]) -> dict[Any, Any]:
    merged = dict(base)
    for name, value in own.items():
        below = merged.get(name)
        both = isinstance(value, dict) and isinstance(below, Mapping)
        merged[name] = _laid_over(below, value) if both and below is not None else value
    return merged
