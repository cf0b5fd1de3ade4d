import threading

import pytest

from preread.db.events import EventKind
from preread.errors import StaleClaim
from preread.giving_back import fail_claim, return_expired_tasks, return_tasks_of
from preread.reading import ReadStep
from preread.reasons import ReasonCode
from preread.reconcile import forget_old, reconcile
from preread.report import report_study
from preread.study import AiState, TaskState
from preread.terms import HemorrhageType, Level, OrderClass
from preread.work import claim_next, finish_claim, keep_claim
from tests.builders import caller_for, instance_bytes, result, send, send_study
from tests.support.stored import kinds_of_events, study_of


def test_the_study_that_is_first_on_the_worklist_is_read_first(resources, clock):
    routine = send_study(resources, 1, order_class=OrderClass.ROUTINE)
    clock.forward(60)
    stat = send_study(resources, 2, order_class=OrderClass.STAT)
    claimed = [claim_next(resources, "w").study.id for _ in range(2)]
    assert claimed == [stat, routine]
    assert claim_next(resources, "w") is None


def test_a_finished_pre_read_raises_the_study_and_says_so(resources):
    study_id = send_study(resources)
    before = study_of(resources, study_id)
    claim = claim_next(resources, "w")
    finish_claim(resources, claim, result(claim, Level.SUSPECTED, [HemorrhageType.SDH]), worker="w")
    after = study_of(resources, study_id)
    assert after.ai_state is AiState.SUCCEEDED
    assert after.key_ms < before.key_ms
    assert after.findings[0].type is HemorrhageType.SDH
    assert kinds_of_events(resources, study_id) == [
        EventKind.STUDY_RECEIVED,
        EventKind.STUDY_COMPLETED,
        EventKind.RANK_CHANGED,
        EventKind.PRE_READ_STARTED,
        EventKind.PRE_READ_SUCCEEDED,
        EventKind.RANK_CHANGED,
    ]


def test_a_flag_that_comes_after_the_report_is_told(resources):
    study_id = send_study(resources)
    claim = claim_next(resources, "w")
    report_study(resources, study_id, ReadStep.FINAL_REPORT, by=caller_for(resources))
    finish_claim(resources, claim, result(claim, Level.CRITICAL), worker="w")
    assert EventKind.FLAGGED_AFTER_REPORT in kinds_of_events(resources, study_id)
    assert not study_of(resources, study_id).ranked


def test_a_study_that_cannot_be_assessed_keeps_its_place_and_shows_why(resources):
    study_id = send_study(resources)
    before = study_of(resources, study_id)
    claim = claim_next(resources, "w")
    finish_claim(resources, claim, result(claim, Level.NOT_ASSESSED), worker="w")
    after = study_of(resources, study_id)
    assert (after.ai_state, after.ai_reason) == (AiState.NOT_ASSESSED, ReasonCode.NOT_HEAD)
    assert (after.ranked, after.key_ms) == (True, before.key_ms)


def test_a_paused_worker_comes_back_too_late(resources, clock):
    study_id = send_study(resources)
    paused = claim_next(resources, "paused")
    clock.forward(resources.settings.lease_s + 1)
    assert return_expired_tasks(resources) == 1
    clock.forward(10)
    other = claim_next(resources, "other")
    with pytest.raises(StaleClaim):
        keep_claim(resources, paused)
    with pytest.raises(StaleClaim):
        fail_claim(resources, paused, ReasonCode.INTERNAL_ERROR, worker="paused", retry=True)
    finish_claim(resources, other, result(other), worker="other")
    with pytest.raises(StaleClaim):
        finish_claim(resources, paused, result(paused, Level.CRITICAL), worker="paused")
    assert study_of(resources, study_id).level is Level.NONE


def test_a_sign_of_life_keeps_the_lease(resources, clock):
    send_study(resources)
    claim = claim_next(resources, "w")
    for _ in range(5):
        clock.forward(resources.settings.lease_s - 1)
        keep_claim(resources, claim)
        assert return_expired_tasks(resources) == 0


def test_a_poisonous_study_fails_after_three_attempts_and_stays_in_its_place(resources, clock):
    study_id = send_study(resources)
    before = study_of(resources, study_id)
    for attempt in (1, 2, 3):
        clock.forward(60)
        claim = claim_next(resources, f"w{attempt}")
        assert claim.attempt == attempt
        assert return_tasks_of(resources, f"w{attempt}", ReasonCode.WORKER_LOST) == 1
    clock.forward(60)
    assert claim_next(resources, "w4") is None
    after = study_of(resources, study_id)
    assert (after.ai_state, after.ai_reason) == (AiState.FAILED, ReasonCode.WORKER_LOST)
    assert (after.ranked, after.key_ms) == (True, before.key_ms)


def test_a_failure_that_cannot_get_better_is_not_tried_again(resources):
    study_id = send_study(resources)
    claim = claim_next(resources, "w")
    fail_claim(resources, claim, ReasonCode.INTERNAL_ERROR, worker="w", retry=False)
    assert study_of(resources, study_id).ai_state is AiState.FAILED


def test_a_new_revision_supersedes_the_task_that_waits(resources):
    study_id = send_study(resources)
    send(resources, instance_bytes(number=2), complete=True)
    claim = claim_next(resources, "w")
    assert claim.revision == 2
    assert claim_next(resources, "w") is None
    with resources.reading() as work:
        assert work.tasks.counts()[TaskState.SUPERSEDED] == 1
    finish_claim(resources, claim, result(claim), worker="w")
    assert study_of(resources, study_id).ai_state is AiState.SUCCEEDED


def test_a_result_for_an_older_revision_may_raise_the_study_but_is_not_shown(resources):
    study_id = send_study(resources)
    old = claim_next(resources, "w")
    send(resources, instance_bytes(number=2), complete=True)
    finish_claim(resources, old, result(old, Level.CRITICAL, [HemorrhageType.EDH]), worker="w")
    between = study_of(resources, study_id)
    assert (between.level, between.rank_level) == (None, Level.CRITICAL)
    assert between.ai_state is AiState.QUEUED
    new = claim_next(resources, "w")
    assert new.supersedes is not None
    finish_claim(resources, new, result(new), worker="w")
    assert study_of(resources, study_id).level is Level.NONE


def test_many_workers_share_the_tasks_without_taking_one_twice(resources):
    for study in range(1, 13):
        send_study(resources, study)
    claimed = []

    def work_until_empty(name):
        while (claim := claim_next(resources, name)) is not None:
            claimed.append(claim.task_id)

    threads = [threading.Thread(target=work_until_empty, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == 12
    assert len(set(claimed)) == 12


def test_the_reconciler_rings_for_work_that_redis_forgot(resources, doorbell):
    def rung():
        before = doorbell.rings
        reconcile(resources)
        return doorbell.rings - before

    doorbell.broken = True
    send_study(resources)
    assert rung() == 0
    doorbell.broken = False
    assert rung() == 1
    assert rung() == 0  # that ring still waits
    doorbell.answered = doorbell.rings
    claim_next(resources, "w")
    assert rung() == 0


def test_old_answers_are_forgotten_and_young_ones_are_not(resources, clock):
    send(resources, instance_bytes(), idempotency_key="old")
    clock.forward(47 * 3600)
    send(resources, instance_bytes(), idempotency_key="young")
    clock.forward(2 * 3600)
    forget_old(resources)
    with resources.reading() as work:
        assert work.keys.answer("sender", "old") is None
        assert work.keys.answer("sender", "young") is not None
