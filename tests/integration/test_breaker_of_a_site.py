from contextlib import contextmanager

import pytest

from preread.db.events import EventKind
from preread.findings import PreRead
from preread.keys import Role
from preread.ranking import place
from preread.terms import HemorrhageType, Level, OrderClass
from tests.builders import instance_bytes, send, send_study
from tests.support.seed import flagged_before, pre_read_of
from tests.support.web import bearer, client_of


@pytest.fixture
def client(resources):
    with client_of(resources) as client:
        yield client


def flood(resources, count, level=Level.SUSPECTED, first=1, site="north"):
    """Let the AI say one thing of many studies of a site; return their IDs."""
    made = []
    for study in range(first, first + count):
        send_study(resources, study, site=site, order_class=OrderClass.ROUTINE)
        made.append(pre_read_of(resources, level, [HemorrhageType.SDH], images=0))
    return made


@contextmanager
def read_of(resources, study_id):
    with resources.reading() as work:
        yield work, work.studies.get(study_id)


def test_a_site_whose_ai_flags_everything_goes_back_to_the_order_of_the_hospital(client, resources):
    flagged_before(resources, 18)
    promoted = flood(resources, 1)[0]
    view = client.get("/v1/sites/north/breaker", headers=bearer(resources)).json()
    assert (view["counted"], view["tripped_at"], view["banner"]) == (19, None, None)
    tripping = flood(resources, 1, first=2)[0]
    with read_of(resources, tripping) as (work, study):
        unaided = place(study.completed_at, OrderClass.ROUTINE, None)
        assert (study.level, study.key_ms) == (Level.SUSPECTED, unaided.key_ms)
        assert "circuit breaker" in study.rank_reason
        document = PreRead.model_validate(work.studies.pre_read(tripping).document)
        assert document.triage_effect.suppressed_by == "circuit_breaker"
        assert (document.triage_effect.applied, document.triage_effect.target_min) == (False, 1440)
        kinds = [event.kind for event in work.events.of_study(tripping)]
        assert EventKind.BREAKER_TRIPPED in kinds
        # What was promoted stays where it is.
        assert work.studies.get(promoted).key_ms < unaided.key_ms
    listed = client.get("/v1/worklist", headers=bearer(resources)).json()
    assert listed["notices"][0]["code"] == "circuit_breaker"
    assert listed["counts"]["flagged"] == 2  # a flag is still to be seen
    elsewhere = client.get("/v1/worklist?site=south", headers=bearer(resources)).json()
    assert elsewhere["notices"] == []


def test_a_critical_study_of_a_tripped_site_rings_nobody(client, resources):
    def ringing():
        return client.get("/v1/alerts", headers=bearer(resources)).json()

    flood(resources, 1, Level.CRITICAL)
    assert len(ringing()["alerts"]) == 1
    flagged_before(resources, 19)
    flood(resources, 2, Level.CRITICAL, first=2)
    assert len(ringing()["alerts"]) == 1


def test_only_a_person_with_a_reason_lets_a_site_promote_again(client, resources):
    flagged_before(resources, 19)
    withheld = flood(resources, 1, first=21)[0]
    path = "/v1/sites/north/breaker/reset"
    reader = bearer(resources, Role.READER)
    good = {"reason": "the scanner was recalibrated", "expected_share": 0.3}
    assert client.post(path, headers=reader, json=good).status_code == 403
    assert client.post(path, headers=bearer(resources), json={"reason": ""}).status_code == 422
    south = bearer(resources, site="south")
    assert client.post(path, headers=south, json=good).status_code == 403
    answer = client.post(path, headers=bearer(resources), json=good).json()
    assert (answer["tripped_at"], answer["counted"], answer["banner"]) == (None, 0, None)
    assert answer["expected_share"] == 0.3
    assert [change["kind"] for change in answer["changes"]] == ["reset", "tripped"]
    promoted = flood(resources, 1, first=22)[0]
    with read_of(resources, promoted) as (work, study):
        kept = work.studies.get(withheld)
        assert study.key_ms - study.t0_ms < 0 < kept.key_ms - kept.t0_ms


def test_a_later_promotion_of_a_withheld_study_counts_once_the_breaker_is_reset(resources, client):
    flagged_before(resources, 19)
    withheld = flood(resources, 1, first=21)[0]
    send(resources, instance_bytes(21, number=2), complete=True)
    with read_of(resources, withheld) as (_, study):
        assert "no AI result" not in study.rank_reason
        assert study.key_ms > study.t0_ms
    path = "/v1/sites/north/breaker/reset"
    client.post(path, headers=bearer(resources), json={"reason": "looked at all of them"})
    assert pre_read_of(resources, Level.CRITICAL, [HemorrhageType.SDH], images=0) == withheld
    with read_of(resources, withheld) as (_, study):
        assert study.key_ms < study.t0_ms


def test_the_other_sites_go_on_and_a_revision_does_not_count_twice(client, resources):
    flagged_before(resources, 18)
    flood(resources, 1, first=19)
    send(resources, instance_bytes(19, number=2), complete=True)
    pre_read_of(resources, Level.SUSPECTED, [HemorrhageType.SDH], images=0)
    view = client.get("/v1/sites/north/breaker", headers=bearer(resources)).json()
    assert (view["counted"], view["flagged_count"], view["tripped_at"]) == (19, 19, None)
    flood(resources, 1, first=20)
    other = flood(resources, 1, first=50, site="south")[0]
    with read_of(resources, other) as (_, study):
        assert study.key_ms < study.t0_ms
    metrics = client.get("/metrics", headers=bearer(resources)).text
    assert 'preread_breaker_tripped{site="north"} 1.0' in metrics
    assert 'preread_breaker_tripped{site="south"} 0.0' in metrics
