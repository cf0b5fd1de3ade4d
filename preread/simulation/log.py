"""Studies that a site really had, as a CSV file without names, identifiers or dates.

The columns, of which the first two are needed::

    complete_min   minutes from the first study of the file to this one being complete
    order_class    STAT, ER, INPATIENT or ROUTINE
    level          what the AI said; empty where it said nothing or did not assess
    result_min     minutes from the first study to that result
    read_min       minutes that a reader took
    hemorrhage     yes or no, as finally reported

What is empty is drawn from the scenario's parameters: read times from their distribution, the
truth from the level by Bayes' rule with the detector's figures and the prevalence of the class.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from preread.db.history import PastStudy
from preread.errors import SettingsInvalid
from preread.ranking import MINUTE_MS, to_ms
from preread.simulation.scenario import Detector, Scenario
from preread.simulation.trace import Stream, Trace, draw_read_ms, random_stream
from preread.terms import Level, OrderClass

COLUMNS: Final = (
    "complete_min",
    "order_class",
    "level",
    "result_min",
    "read_min",
    "hemorrhage",
)
_TRUTH: Final = {"yes": True, "no": False, "": None}


@dataclass(frozen=True, slots=True)
class LoggedStudy:
    """One study of a log; None where the log does not know. Times count from the first study."""

    complete_ms: int
    order: OrderClass
    level: Level | None = None
    result_ms: int | None = None
    read_ms: int | None = None
    bleeds: bool | None = None

    def __post_init__(self) -> None:
        if self.level is not None and (self.result_ms or 0) < self.complete_ms:
            message = "a level needs a result_min that is not before complete_min"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Logged:
    """Studies of a log as the source of runs; seeds differ in what the log does not know."""

    scenario: Scenario
    log: tuple[LoggedStudy, ...]
    origin: str

    @property
    def studies(self) -> int:
        """How many the log has."""
        return len(self.log)

    def trace(self, seed: int) -> Trace:
        """Return the studies with what is unknown drawn by a seed."""
        drawn = random_stream(seed, Stream.BLEED).random(len(self.log)).tolist()
        bleeds = [
            chance < bleed_chance(self.scenario, study.order, study.level)
            if study.bleeds is None
            else study.bleeds
            for study, chance in zip(self.log, drawn, strict=True)
        ]
        levels = [study.level for study in self.log]
        read_ms = draw_read_ms(self.scenario.reading, np.array(bleeds), levels, seed)
        return Trace(
            complete_ms=tuple(study.complete_ms for study in self.log),
            order=tuple(study.order for study in self.log),
            bleeds=tuple(bleeds),
            level=tuple(levels),
            result_ms=tuple(study.result_ms for study in self.log),
            read_ms=tuple(
                taken if study.read_ms is None else study.read_ms
                for study, taken in zip(self.log, read_ms, strict=True)
            ),
        )


def bleed_chance(scenario: Scenario, order: OrderClass, level: Level | None) -> float:
    """Return how likely a study bleeds, by what the AI said; 0 where it said nothing.

    Examples
    --------
    >>> round(bleed_chance(Scenario(), OrderClass.ER, Level.SUSPECTED), 2)
    0.36
    """
    if level is None:
        return 0.0
    prevalence = scenario.prevalence.get(order, 0.0)
    detector: Detector = scenario.detector
    yes = prevalence * detector.level_shares(bleeds=True)[level]
    no = (1 - prevalence) * detector.level_shares(bleeds=False)[level]
    return yes / (yes + no) if yes + no > 0 else 0.0


def from_past(studies: Sequence[PastStudy]) -> tuple[LoggedStudy, ...]:
    """Return the service's own history as a log.

    Raises
    ------
    SettingsInvalid
        If there is none.
    """
    if not studies:
        message = "The database holds no completed study; synthetic ones are left out."
        raise SettingsInvalid(message)
    start_ms = min(to_ms(study.completed_at) for study in studies)
    return tuple(sorted((_past(study, start_ms) for study in studies), key=_arrival))


def write_log(path: Path, log: Sequence[LoggedStudy]) -> None:
    """Write a log as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for study in log:
            writer.writerow(
                (
                    _minutes(study.complete_ms),
                    study.order.value,
                    "" if study.level is None else study.level.value,
                    _minutes(study.result_ms),
                    _minutes(study.read_ms),
                    {True: "yes", False: "no", None: ""}[study.bleeds],
                )
            )


def read_log(path: Path) -> tuple[LoggedStudy, ...]:
    """Return the studies of a CSV file, as they came.

    Raises
    ------
    SettingsInvalid
        If the file cannot be read; the message names line and rule, no value of a patient.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = {"complete_min", "order_class"} - set(reader.fieldnames or ())
            if missing:
                message = f"{path.name} lacks the column {min(missing)}"
                raise SettingsInvalid(message)
            rows = [_study_of(row, f"{path.name}, line {reader.line_num}") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = f"{path.name} cannot be read: {error}"
        raise SettingsInvalid(message) from error
    if not rows:
        message = f"{path.name} holds no study"
        raise SettingsInvalid(message)
    return tuple(sorted(rows, key=_arrival))


def _arrival(study: LoggedStudy) -> int:
    return study.complete_ms


def _past(study: PastStudy, start_ms: int) -> LoggedStudy:
    complete_ms = to_ms(study.completed_at) - start_ms
    silent = study.level in {None, Level.NOT_ASSESSED} or study.ai_done_at is None
    return LoggedStudy(
        complete_ms,
        study.order_class,
        level=None if silent else study.level,
        result_ms=None
        if silent or study.ai_done_at is None
        else max(to_ms(study.ai_done_at) - start_ms, complete_ms),
        read_ms=None if study.read_s is None else max(1, round(1000 * study.read_s)),
        bleeds=study.bleeds,
    )


def _study_of(row: dict[str, str | None], where: str) -> LoggedStudy:
    cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
    try:
        level = Level(cells["level"]) if cells["level"] else None
        assessed = level is not Level.NOT_ASSESSED
        return LoggedStudy(
            complete_ms=_milliseconds(cells["complete_min"]),
            order=OrderClass(cells["order_class"]),
            level=level if assessed else None,
            result_ms=_milliseconds(cells["result_min"])
            if assessed and cells["result_min"]
            else None,
            read_ms=_milliseconds(cells["read_min"]) if cells["read_min"] else None,
            bleeds=_TRUTH[cells["hemorrhage"].lower()],
        )
    except (ValueError, KeyError, OverflowError) as error:
        message = f"{where} breaks its rule: {error}"
        raise SettingsInvalid(message) from error


def _milliseconds(minutes: str) -> int:
    value = round(float(minutes) * MINUTE_MS)
    if value < 0:
        message = "a time is negative"
        raise ValueError(message)
    return value


def _minutes(milliseconds: int | None) -> str:
    return "" if milliseconds is None else f"{milliseconds / MINUTE_MS:.5f}"
