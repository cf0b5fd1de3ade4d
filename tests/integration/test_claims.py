"""A reader's hold on a study, on both databases."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from preread.claims import claim_first, claim_study, keep_lease, release_study, take_over
from preread.db.events import EventKind
from preread.db.worklist import NextQuery
from preread.errors import ClaimNotHeld, Conflict, IllegalStep, StudyNotFound
from preread.keys import Role
from preread.reading import ReadStep
from preread.report import report_study
from preread.study import ReadState
from preread.terms import Level, OrderClass
from preread.upkeep import let_time_pass
from preread.work import claim_next, finish_claim
from tests.builders import caller_for, result, send_study
from tests.support.stored import events_of, study_of

MINE = "a-token-of-the-page-1"


@pytest.fixture
def reader(resources):
    return caller_for(resources)


def place_of(resources, study_id):
    study = study_of(resources, study_id)
    return study.ranked, study.lane, study.key_ms, study.t0_ms, study.due_at


def at_once(count, attempt):
    """Let many threads do the same at the same moment; return what each got."""
    gate = threading.Barrier(count)

    def one(number):
        gate.wait()
        try:
            return attempt(number)
        except (IllegalStep, Conflict) as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_of_fifty_claims_at_once_one_wins(resources, reader):
    study_id = send_study(resources)
    answers = at_once(50, lambda _: claim_study(resources, study_id, by=reader))
    won = [answer for answer in answers if not isinstance(answer, Exception)]
    assert len(won) == 1
    assert {answer.state for answer in answers if answer is not won[0]} == {"claimed"}
    assert len(events_of(resources, study_id, EventKind.CLAIMED)) == 1
    report_study(resources, study_id, ReadStep.FINAL_REPORT, by=reader, token=won[0].token)


def test_readers_that_ask_for_the_next_study_at_once_get_different_ones(resources, reader):
    studies = {send_study(resources, number) for number in range(1, 7)}
    answers = at_once(8, lambda _: claim_first(resources, NextQuery(), by=reader))
    given = [answer.study.id for answer in answers if answer is not None]
    assert sorted(given) == sorted(studies)


def test_a_claimed_study_is_off_the_list_and_comes_back_to_its_place(resources, clock, reader):
    study_id = send_study(resources)
    before = place_of(resources, study_id)
    clock.forward(60)
    lease = claim_study(resources, study_id, by=reader)
    claimed = study_of(resources, study_id)
    assert (claimed.read_state, claimed.ranked) == (ReadState.CLAIMED, False)
    assert claimed.handling.claimed_by_name == "Dr. Test"
    clock.forward(60)
    release_study(resources, study_id, by=reader, token=lease.token)
    assert place_of(resources, study_id) == before


def test_a_lease_without_a_sign_of_life_runs_out_and_its_token_is_void(resources, clock, reader):
    study_id = send_study(resources)
    before = place_of(resources, study_id)
    lease = claim_study(resources, study_id, by=reader)
    clock.forward(400)
    keep_lease(resources, study_id, by=reader, token=lease.token)
    clock.forward(599)
    assert let_time_pass(resources) == 0
    clock.forward(1)
    assert let_time_pass(resources) == 1
    assert place_of(resources, study_id) == before
    (event,) = events_of(resources, study_id, EventKind.CLAIM_EXPIRED)
    assert (event.actor, event.detail["from"], event.detail["to"]) == (
        "service",
        "claimed",
        "unread",
    )
    for attempt in (
        lambda: keep_lease(resources, study_id, by=reader, token=lease.token),
        lambda: release_study(resources, study_id, by=reader, token=lease.token),
        lambda: report_study(
            resources, study_id, ReadStep.FINAL_REPORT, by=reader, token=lease.token
        ),
    ):
        with pytest.raises(ClaimNotHeld):
            attempt()


def test_a_lapsed_study_can_be_claimed_before_the_clock_was_looked_at(resources, clock, reader):
    study_id = send_study(resources)
    claim_study(resources, study_id, by=reader)
    clock.forward(601)
    again = claim_study(resources, study_id, by=caller_for(resources, label="Dr. Next"))
    assert again.study.handling.claimed_by_name == "Dr. Next"


def test_the_same_request_again_gives_the_same_claim(resources, reader):
    study_id, other = send_study(resources, order_class=OrderClass.ER), send_study(resources, 2)
    first = claim_first(resources, NextQuery(), by=reader, token=MINE)
    assert claim_first(resources, NextQuery(), by=reader, token=MINE) == first
    assert claim_study(resources, study_id, by=reader, token=MINE) == first
    with pytest.raises(Conflict):
        claim_study(resources, other, by=reader, token=MINE)
    assert len(events_of(resources, study_id, EventKind.CLAIMED)) == 1


def test_a_token_whose_claim_ran_out_claims_anew(resources, clock, reader):
    study_id = send_study(resources)
    claim_first(resources, NextQuery(), by=reader, token=MINE)
    clock.forward(601)  # and nobody has looked at the clock yet
    again = claim_first(resources, NextQuery(), by=reader, token=MINE)
    assert (again.study.id, again.study.handling.claimed_at) == (study_id, clock())


def test_next_gives_the_first_of_what_the_reader_asks_for(resources, clock, reader):
    south = send_study(resources, 1, site="south", order_class=OrderClass.STAT)
    north = send_study(resources, 2, site="north")
    clock.forward(60)
    urgent = send_study(resources, 3, site="north", order_class=OrderClass.STAT)
    of_north = caller_for(resources, site="north")
    assert claim_first(resources, NextQuery(modality="MR"), by=reader) is None
    assert (
        claim_first(resources, NextQuery(sites=frozenset({"north"})), by=of_north).study.id
        == urgent
    )
    assert (
        claim_first(resources, NextQuery(sites=frozenset({"north"})), by=of_north).study.id == north
    )
    assert claim_first(resources, NextQuery(sites=frozenset({"north"})), by=of_north) is None
    assert claim_first(resources, NextQuery(), by=reader).study.id == south


def test_the_rank_at_the_claim_is_noted(resources, clock, reader):
    ids = []
    for number in range(1, 5):
        ids.append(send_study(resources, number))
        clock.forward(60)
    claim_study(resources, ids[2], by=reader)
    claim_first(resources, NextQuery(), by=reader)
    (chosen,) = events_of(resources, ids[2], EventKind.CLAIMED)
    (given,) = events_of(resources, ids[0], EventKind.CLAIMED)
    assert (chosen.detail["rank"], chosen.detail["via"]) == (3, "claim")
    assert (given.detail["rank"], given.detail["via"]) == (1, "next")
    assert chosen.detail["policy_version"] == "2026-1"


def test_only_the_holder_reports_a_claimed_study(resources, reader):
    study_id = send_study(resources)
    lease = claim_study(resources, study_id, by=reader)
    for token in (None, "x" * 20):
        with pytest.raises(ClaimNotHeld) as caught:
            report_study(resources, study_id, ReadStep.FINAL_REPORT, by=reader, token=token)
        assert caught.value.state == "claimed"
    report_study(resources, study_id, ReadStep.PRELIMINARY_REPORT, by=reader, token=lease.token)
    report_study(resources, study_id, ReadStep.FINAL_REPORT, by=reader)
    assert study_of(resources, study_id).read_state is ReadState.FINAL
    assert study_of(resources, study_id).handling.claimed_by is None


def test_taking_over_voids_the_token_of_the_colleague(resources, reader):
    study_id = send_study(resources)
    old = claim_study(resources, study_id, by=reader)
    other = caller_for(resources, label="Dr. Other")
    new = take_over(resources, study_id, by=other, reason="went home")
    with pytest.raises(ClaimNotHeld):
        release_study(resources, study_id, by=reader, token=old.token)
    (event,) = events_of(resources, study_id, EventKind.TAKEN_OVER)
    assert (event.actor, event.detail["reason"]) == (other.key_id, "went home")
    assert event.detail["taken_from"] == "Dr. Test"
    release_study(resources, study_id, by=other, token=new.token)
    with pytest.raises(IllegalStep):
        take_over(resources, study_id, by=other, reason="again")


def test_a_flag_after_the_claim_moves_nothing_until_the_study_comes_back(resources, reader):
    study_id = send_study(resources)
    before = study_of(resources, study_id)
    task = claim_next(resources, "w")
    lease = claim_study(resources, study_id, by=reader)
    finish_claim(resources, task, result(task, Level.CRITICAL), worker="w")
    during = study_of(resources, study_id)
    assert (during.read_state, during.ranked) == (ReadState.CLAIMED, False)
    assert events_of(resources, study_id, EventKind.FLAGGED_AFTER_CLAIM)
    back = release_study(resources, study_id, by=reader, token=lease.token)
    assert back.ranked
    assert back.key_ms < before.key_ms


def test_a_study_of_another_site_cannot_be_claimed(resources):
    study_id = send_study(resources, site="south")
    with pytest.raises(StudyNotFound):
        claim_study(resources, study_id, by=caller_for(resources, Role.READER, "north"))
