"""No study is lost, in two states, claimed by two or passed beyond its bound, whatever happens."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from preread.db.events import EventKind
from tests.support.lifecycle import Lifecycle

MUST_HAPPEN = {
    *(EventKind.CLAIMED, EventKind.RELEASED, EventKind.TAKEN_OVER, EventKind.CLAIM_EXPIRED),
    *(EventKind.REPORTED, EventKind.HELD, EventKind.CANCELLED, EventKind.STUDY_GREW),
    *(EventKind.PRE_READ_SUCCEEDED, EventKind.PRE_READ_RETURNED, EventKind.BREAKER_TRIPPED),
    *(EventKind.ALERT_RAISED, EventKind.ALERT_CLOSED, EventKind.ASSIGNED),
}
"""Without these a run has shown little; what else happens, varies."""


def live(resources, clock, *, lives, steps):
    """Let so many worlds begin empty and take up to so many steps; return what happened in them."""
    reached = Counter()
    run_state_machine_as_test(
        lambda: Lifecycle(resources, clock, reached),
        settings=settings(
            max_examples=lives,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return reached


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_study_keeps_its_place_whatever_happens(resources, clock):
    assert live(resources, clock, lives=3, steps=60)


@pytest.mark.slow
@pytest.mark.timeout(600)  # on a machine with other things to do
def test_every_study_keeps_its_place_whatever_happens_for_long(resources, clock):
    many = 30 if resources.database.engine.dialect.name == "sqlite" else 10
    reached = live(resources, clock, lives=many, steps=150)
    assert set(reached) >= MUST_HAPPEN, sorted(MUST_HAPPEN - set(reached))
