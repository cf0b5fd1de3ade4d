import pytest

from preread.errors import IllegalStep
from preread.reading import (
    CLAIMED_STATES,
    ReadStep,
    allowed_read_steps,
    take_read_step,
)
from preread.study import ReadState


def walk(*steps):
    state = ReadState.UNREAD
    for step in steps:
        state = take_read_step(state, step)
    return state


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ([ReadStep.FINAL_REPORT], ReadState.FINAL),
        ([ReadStep.CLAIM, ReadStep.EXPIRE], ReadState.UNREAD),
        ([ReadStep.CLAIM, ReadStep.HOLD, ReadStep.RESUME], ReadState.UNREAD),
        ([ReadStep.CLAIM, ReadStep.PRELIMINARY_REPORT, ReadStep.FINAL_REPORT], ReadState.FINAL),
        ([ReadStep.FINAL_REPORT, ReadStep.REOPEN, ReadStep.CLAIM], ReadState.CLAIMED),
        (
            [ReadStep.FINAL_REPORT, ReadStep.REQUEST_SECOND_READ, ReadStep.CLAIM, ReadStep.EXPIRE],
            ReadState.SECOND_REQUESTED,
        ),
        (
            [
                ReadStep.FINAL_REPORT,
                ReadStep.REQUEST_SECOND_READ,
                ReadStep.CLAIM,
                ReadStep.FINAL_REPORT,
            ],
            ReadState.FINAL,
        ),
    ],
)
def test_the_usual_ways_through_the_reading(steps, state):
    assert walk(*steps) is state


@pytest.mark.parametrize(
    ("state", "step", "allowed"),
    [
        (ReadState.FINAL, ReadStep.FINAL_REPORT, ("reopen", "request_second_read")),
        (ReadState.FINAL, ReadStep.CANCEL, ("reopen", "request_second_read")),
        (ReadState.PRELIMINARY, ReadStep.PRELIMINARY_REPORT, ("final_report", "cancel")),
        (ReadState.CANCELLED, ReadStep.CLAIM, ("reopen",)),
        (ReadState.ON_HOLD, ReadStep.CLAIM, ("resume", "cancel")),
    ],
)
def test_an_illegal_step_names_the_legal_ones(state, step, allowed):
    with pytest.raises(IllegalStep) as caught:
        take_read_step(state, step)
    assert caught.value.allowed == allowed


def test_nobody_can_claim_what_is_claimed():
    for state in CLAIMED_STATES:
        assert ReadStep.CLAIM not in allowed_read_steps(state)


@pytest.mark.parametrize("state", list(ReadState))
def test_every_state_leads_to_a_final_report(state):
    seen, edge = {state}, [state]
    while edge:
        here = edge.pop()
        for step in allowed_read_steps(here):
            there = take_read_step(here, step)
            if there not in seen:
                seen.add(there)
                edge.append(there)
    assert ReadState.FINAL in seen
