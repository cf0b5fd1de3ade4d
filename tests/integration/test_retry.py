import pytest

from preread.errors import IllegalStep
from preread.giving_back import fail_claim
from preread.keys import Role, caller_of_key
from preread.reasons import ReasonCode
from preread.retry import retry_pre_read
from preread.study import AiState
from preread.work import claim_next, finish_claim
from tests.builders import key_for, result, send_study
from tests.support.stored import study_of


def test_a_failed_study_that_a_person_retries_is_tried_as_if_new(resources):
    study_id = send_study(resources)
    by = caller_of_key(resources, key_for(resources, Role.COORDINATOR))
    before = study_of(resources, study_id)
    with pytest.raises(IllegalStep):
        retry_pre_read(resources, study_id, by=by)
    claim = claim_next(resources, "w")
    fail_claim(resources, claim, ReasonCode.TIMED_OUT, worker="w", retry=False)
    retried = retry_pre_read(resources, study_id, by=by)
    assert (retried.ai_state, retried.ai_reason) == (AiState.QUEUED, None)
    assert (retried.key_ms, retried.due_at) == (before.key_ms, before.due_at)
    again = claim_next(resources, "w")
    assert (again.study.id, again.attempt) == (study_id, 1)
    finish_claim(resources, again, result(again), worker="w")
    assert study_of(resources, study_id).ai_state is AiState.SUCCEEDED
