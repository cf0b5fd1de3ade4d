import sqlalchemy as sa

from preread.completion import complete_quiet_studies
from preread.db.tables.study import StudyRow
from preread.db.worklist import WorklistQuery
from preread.study import AiState
from preread.terms import HemorrhageType, Level
from preread.work import claim_next, finish_claim
from tests.builders import instance_bytes, result, send, send_study
from tests.support.stored import study_of


def test_a_study_is_complete_when_nothing_came_for_the_quiet_period(resources, clock):
    study_id = send(resources, instance_bytes()).studies[0].study_id
    clock.forward(9.9)
    assert complete_quiet_studies(resources) == 0
    clock.forward(0.1)
    assert complete_quiet_studies(resources) == 1
    assert complete_quiet_studies(resources) == 0
    assert study_of(resources, study_id).ranked


def test_every_new_slice_starts_the_quiet_period_again(resources, clock):
    send(resources, instance_bytes(number=1))
    clock.forward(8)
    send(resources, instance_bytes(number=2))
    clock.forward(8)
    assert complete_quiet_studies(resources) == 0


def test_a_study_that_never_gets_quiet_is_complete_at_the_cap(resources, clock):
    for number in range(15):
        send(resources, instance_bytes(number=number))
        assert complete_quiet_studies(resources) == 0
        clock.forward(8)
    assert complete_quiet_studies(resources) == 1


def test_late_slices_make_a_new_revision_and_no_second_row(resources, clock):
    study_id = send_study(resources)
    first = study_of(resources, study_id)
    clock.forward(300)
    send(resources, instance_bytes(number=2))
    grown = study_of(resources, study_id)
    assert grown.ranked
    assert grown.ai_state is AiState.RECEIVING
    clock.forward(20)
    complete_quiet_studies(resources)
    second = study_of(resources, study_id)
    assert (first.revision, second.revision) == (1, 2)
    assert second.completed_at == first.completed_at
    assert second.key_ms == first.key_ms


def test_nothing_found_is_not_said_of_slices_that_came_later(resources):
    study_id = send_study(resources)
    claim = claim_next(resources, "w")
    finish_claim(resources, claim, result(claim, Level.NONE), worker="w")
    assert "no hemorrhage" in study_of(resources, study_id).rank_reason
    send(resources, instance_bytes(number=2))
    grown = study_of(resources, study_id)
    assert grown.ai_state is AiState.RECEIVING
    assert "no hemorrhage" not in grown.rank_reason
    with resources.reading() as work:
        assert work.worklist.page(WorklistQuery(level=Level.NONE)).studies == ()


def test_a_result_that_comes_amid_late_slices_does_not_speak_for_them(resources):
    study_id = send_study(resources)
    claim = claim_next(resources, "w")
    send(resources, instance_bytes(number=2))
    finish_claim(resources, claim, result(claim, Level.NONE), worker="w")
    assert study_of(resources, study_id).ai_state is AiState.RECEIVING


def test_a_late_slice_never_takes_a_flag_away(resources):
    study_id = send_study(resources)
    claim = claim_next(resources, "w")
    finish_claim(resources, claim, result(claim, Level.CRITICAL, [HemorrhageType.EDH]), worker="w")
    flagged = study_of(resources, study_id)
    send(resources, instance_bytes(number=2), complete=True)
    assert study_of(resources, study_id).key_ms == flagged.key_ms
    claim = claim_next(resources, "w")
    finish_claim(resources, claim, result(claim, Level.NONE), worker="w")
    after = study_of(resources, study_id)
    assert after.level is Level.NONE
    assert after.rank_level is Level.CRITICAL
    assert after.key_ms == flagged.key_ms


def test_a_late_revision_that_is_not_assessed_is_not_said_to_show_nothing(resources):
    study_id = send_study(resources)
    claim = claim_next(resources, "w")
    finish_claim(resources, claim, result(claim, Level.NONE), worker="w")
    assert "flagged no hemorrhage" in study_of(resources, study_id).rank_reason
    send(resources, instance_bytes(number=2), complete=True)
    assert "no AI result" in study_of(resources, study_id).rank_reason
    claim = claim_next(resources, "w")
    finish_claim(resources, claim, result(claim, Level.NOT_ASSESSED), worker="w")
    assert "not assessed" in study_of(resources, study_id).rank_reason


def test_a_row_that_was_read_before_is_read_again_when_it_is_locked(resources):
    # Whoever waited for the lock must see what the one before it did, or completes twice.
    study_id = send(resources, instance_bytes()).studies[0].study_id
    with resources.unit_of_work() as work:
        known = work.session.get(StudyRow, study_id)
        change = sa.update(StudyRow).where(StudyRow.id == study_id).values(revision=7)
        work.session.execute(change.execution_options(synchronize_session=False))
        assert work.studies.locked(study_id).revision == known.revision == 7
