"""A hundred thousand random steps through the pure rules of the reading.

The rules are the shipped ones: states and steps, timers, alarms, places. Only the desk on which
they act is made here, as the database is the desk of the service.
"""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from preread.alarms import AlertKind, AlertStage, Patience, alert_for, end_of, next_stage
from preread.errors import IllegalStep, SameReader
from preread.leases import Timer, Timers, run_out, wake_at
from preread.policy import DEFAULT_POLICY, overtaking_bound_min
from preread.ranking import MINUTE_MS, PINNED_LANE, WorklistEntry, most_urgent, place, rank
from preread.reading import (
    BY_THE_CLOCK,
    CLAIMED_STATES,
    ReadStep,
    is_second_read,
    need_another_reader,
    take_read_step,
)
from preread.study import ReadState
from preread.terms import Level, OrderClass

STEPS = 100_000
OPEN_STUDIES = 8
LEASE, PIN = timedelta(minutes=10), timedelta(minutes=20)
PATIENCE = Patience(nag_s=120, escalate_s=360)
ENDED = {ReadState.FINAL, ReadState.CANCELLED}
PEOPLE = range(4)
REPORTS = {ReadStep.PRELIMINARY_REPORT, ReadStep.FINAL_REPORT}
BY_PEOPLE = [step for step in ReadStep if step not in BY_THE_CLOCK]


@dataclass
class Paper:
    """One study on the desk."""

    name: str
    t0: datetime
    order: OrderClass
    state: ReadState = ReadState.UNREAD
    level: Level | None = None
    holder: str | None = None
    person: int | None = None
    reported_by: set[int] = field(default_factory=set)
    timers: Timers = field(default_factory=Timers)
    alert: tuple[AlertKind, AlertStage, datetime] | None = None
    rings: list[AlertStage] = field(default_factory=list)

    def entry(self):
        pinned = self.timers.pinned_until is not None
        return WorklistEntry(self.name, place(self.t0, self.order, self.level, pinned=pinned))


class Desk:
    """Studies, readers and a clock."""

    def __init__(self, seed):
        self.rng = random.Random(seed)  # noqa: S311 - a walk, not a secret
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.papers = {}
        self.closed = 0
        self.refused = 0
        self.second_reads = 0
        self.refused_again = 0
        self.holders = 0

    def step(self):
        self.now += timedelta(seconds=self.rng.randrange(240))
        for paper in self.papers.values():
            self.let_run_out(paper)
        if len(self.papers) < OPEN_STUDIES:
            name = f"{self.closed + len(self.papers):06d}"
            self.papers[name] = Paper(name, self.now, self.rng.choice(list(OrderClass)))
        paper = self.rng.choice(list(self.papers.values()))
        if self.rng.random() < 0.1:
            self.result(paper, self.rng.choice(list(Level)))
            return
        step = self.rng.choice(BY_PEOPLE)
        try:
            self.take(paper, step, self.rng.choice(PEOPLE))
        except IllegalStep:
            self.refused += 1
        except SameReader:
            self.refused_again += 1

    def take(self, paper, step, person):
        before = paper.state
        key = paper.entry().place.key_ms
        after = take_read_step(before, step)
        need_another_reader(before, step, person, paper.reported_by)
        paper.state = after
        if step in REPORTS:
            if is_second_read(before, step):
                assert person not in paper.reported_by
                self.second_reads += 1
            paper.reported_by.add(person)
        lease_until = pinned_until = None
        if paper.state in CLAIMED_STATES:
            self.holders += step in {ReadStep.CLAIM, ReadStep.TAKE_OVER}
            paper.holder, paper.person = f"token {self.holders}", person
            lease_until = self.now + LEASE
        else:
            paper.holder = None
        if paper.state not in ENDED and paper.state is not ReadState.PRELIMINARY:
            pinned_until = paper.timers.pinned_until
        if step in {ReadStep.PIN, ReadStep.UNPIN}:
            pinned_until = self.now + PIN if step is ReadStep.PIN else None
        paper.timers = Timers(lease_until, pinned_until, None)
        if paper.alert is not None and end_of(paper.alert[0], paper.state) is not None:
            paper.alert = None
        assert paper.entry().place.key_ms == key  # nothing that people do moves the key
        # What is over leaves the desk, but now and then is opened again.
        if paper.state in ENDED and self.rng.random() < 0.7:
            del self.papers[paper.name]
            self.closed += 1

    def let_run_out(self, paper):
        for timer in run_out(paper.timers, self.now):
            if timer is Timer.LEASE:
                paper.state = take_read_step(paper.state, ReadStep.EXPIRE)
                paper.holder = None
                paper.timers = Timers(None, paper.timers.pinned_until, None)
            else:
                paper.timers = Timers(paper.timers.lease_until, None, None)
        if paper.alert is not None:
            kind, stage, raised_at = paper.alert
            onward = next_stage(stage, raised_at, PATIENCE, self.now)
            if onward is not None:
                paper.rings.append(onward)
                paper.alert = (kind, onward, raised_at)

    def result(self, paper, level):
        key = paper.entry().place.key_ms
        paper.level = most_urgent(paper.level, level)
        assert paper.entry().place.key_ms <= key  # promote-only
        kind = alert_for(paper.state, level)
        if kind is not None and not paper.rings:
            paper.alert = (kind, AlertStage.RAISED, self.now)
            paper.rings.append(AlertStage.RAISED)

    def check(self):
        holders = [paper.holder for paper in self.papers.values() if paper.holder is not None]
        assert len(holders) == len(set(holders))
        for paper in self.papers.values():
            held = paper.state in CLAIMED_STATES
            if paper.state is ReadState.CLAIMED_SECOND:
                assert paper.person not in paper.reported_by
            assert held == (paper.holder is not None) == (paper.timers.lease_until is not None)
            wake = wake_at(paper.timers)
            assert wake is None or wake > self.now  # nothing that has run out is still held
            assert len(paper.rings) == len(set(paper.rings))
        self.check_bound()

    def check_bound(self):
        waiting = [one for one in self.papers.values() if one.state is ReadState.UNREAD]
        listed = rank(paper.entry() for paper in waiting)
        assert len(listed) == len(waiting)
        for number, late in enumerate(listed):
            order = self.papers[late.study_id].order
            bound_ms = overtaking_bound_min(DEFAULT_POLICY, order) * MINUTE_MS
            for early in listed[:number]:
                pinned = early.place.lane == PINNED_LANE
                assert pinned or early.place.t0_ms < late.place.t0_ms + bound_ms


def test_no_study_is_lost_held_twice_or_passed_beyond_its_bound():
    desk = Desk(seed=20260101)
    for number in range(STEPS):
        desk.step()
        if number % 20 == 0:
            desk.check()
    assert desk.closed > STEPS / 100
    assert desk.refused > STEPS / 100
    assert desk.holders > STEPS / 100
    assert min(desk.second_reads, desk.refused_again) > STEPS / 1000
