from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from hypothesis import given
from hypothesis import strategies as st

from preread.policy import DEFAULT_POLICY, Promotion
from preread.ranking import MINUTE_MS
from preread.shadow import Logged, Waiting, moves, replay, waits
from preread.terms import Level, OrderClass

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def shipped(site):
    del site
    return DEFAULT_POLICY


def logged(name, t0, taken, *, level=None, told=None, order=OrderClass.ROUTINE):
    told = t0 if told is None else told
    return Logged(name, "north", order, level, t0 * MINUTE_MS, told * MINUTE_MS, taken * MINUTE_MS)


def waiting(name, minute, level=None, order=OrderClass.ROUTINE):
    return Waiting(
        name,
        "north",
        START + timedelta(minutes=minute),
        order,
        level,
        pinned=False,
        promise=DEFAULT_POLICY,
    )


def test_only_studies_that_would_stand_elsewhere_are_told():
    listed = [waiting("a", 0), waiting("b", 1), waiting("c", 2, Level.SUSPECTED)]
    found = moves(listed, DEFAULT_POLICY)
    assert [(move.study_id, move.before, move.after) for move in found] == [
        ("c", 3, 1),
        ("a", 1, 2),
        ("b", 2, 3),
    ]
    assert moves(listed[:2], DEFAULT_POLICY) == []


def test_the_replay_takes_the_flagged_study_once_its_flag_was_known():
    log = [
        logged("first", 0, 10),
        logged("flagged", 5, 30, level=Level.CRITICAL, told=15),
        logged("other", 4, 20),
    ]
    taken = replay(log, shipped)
    assert {name: ms // MINUTE_MS for name, ms in taken.items()} == {
        "first": 10,
        "flagged": 20,
        "other": 30,
    }
    assert [(one.group, one.mean_min) for one in waits(log, taken)] == [
        ("flagged", 15),
        ("ROUTINE", 18),
    ]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 300),
            st.integers(0, 200),
            st.sampled_from([None, *Level]),
            st.sampled_from(list(OrderClass)),
        ),
        min_size=1,
        max_size=25,
    )
)
def test_the_replay_takes_every_study_once_after_it_came_and_at_the_same_moments(rows):
    log = [
        logged(f"s{number}", t0, t0 + wait, level=level, order=order)
        for number, (t0, wait, level, order) in enumerate(rows)
    ]
    taken = replay(log, shipped)
    assert sorted(taken.values()) == sorted(one.taken_ms for one in log)
    assert all(taken[one.study_id] >= one.t0_ms for one in log)


def test_a_policy_with_a_longer_head_start_moves_a_study_further():
    longer = replace(
        DEFAULT_POLICY,
        promotions=MappingProxyType(
            {Level.SUSPECTED: Promotion(target_min=10, head_start_min=240)}
        ),
    )
    listed = [waiting("stat", 0, order=OrderClass.STAT), waiting("bleed", 100, Level.SUSPECTED)]
    assert [move.study_id for move in moves(listed, longer)] == ["bleed", "stat"]
