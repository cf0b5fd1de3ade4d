from contextlib import contextmanager
from dataclasses import replace

import pytest

from preread.db.events import EventKind
from preread.findings import PreRead
from preread.keys import Role
from preread.ranking import place
from preread.terms import HemorrhageType, Level, OrderClass
from preread.work import claim_next, finish_claim
from tests.builders import instance_bytes, result, send, send_study
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


def judged(client, resources, study, probability, *, types=(), reported=True, said=True):
    """Let a flag promise a probability, be reported, and be judged by a reader."""
    send_study(resources, study, order_class=OrderClass.ROUTINE)
    claim = claim_next(resources, "w1")
    brought = result(claim, Level.SUSPECTED, [HemorrhageType.SDH])
    assessment = brought.document.assessment
    promised = assessment.any_hemorrhage.model_copy(update={"probability": probability})
    assessment = assessment.model_copy(update={"any_hemorrhage": promised})
    document = brought.document.model_copy(update={"assessment": assessment})
    finish_claim(resources, claim, replace(brought, document=document), worker="w1")
    path = f"/v1/studies/{claim.study.id}"
    headers = bearer(resources, Role.READER)
    if reported:
        client.post(f"{path}/report", headers=headers, json={"status": "final"})
    if said:
        body = {"revision": 1, "score": 4 if types else 0, "types": list(types)}
        assert client.post(f"{path}/feedback", headers=headers, json=body).status_code == 201
    return claim.study.id


def test_flags_that_promise_more_than_readers_find_trip_it_until_a_person_looked(
    client, resources, clock
):
    def breaker():
        return client.get("/v1/sites/north/breaker", headers=bearer(resources)).json()

    # The site's own share lets the AI flag all of these.
    client.post(
        "/v1/sites/north/breaker/reset",
        headers=bearer(resources),
        json={"reason": "a trauma center", "expected_share": 0.9},
    )
    clock.forward(1)
    for study in range(1, 7):
        judged(client, resources, study, 0.9, types=["SDH"])
    for study in range(7, 10):
        judged(client, resources, study, 0.9, reported=False)  # not final: does not count
    judged(client, resources, 10, 0.9, said=False)  # nobody said: counts as promised
    for study in range(11, 23):
        judged(client, resources, study, 0.9)
        clock.forward(60)
    assert breaker()["tripped_at"] is None
    last = judged(client, resources, 23, 0.9)
    view = breaker()
    assert (view["cause"], view["tripped_by_study"]) == ("calibration", last)
    change = view["changes"][0]
    assert (change["cause"], change["flagged_count"], change["counted"]) == ("calibration", 13, 20)
    assert change["expected_share"] == pytest.approx(0.1)
    assert "13 of the last 20 flagged studies" in view["banner"]["text"]
    assert "promised 2" in view["banner"]["text"]
    withheld = flood(resources, 1, first=60)[0]
    with read_of(resources, withheld) as (work, study):
        assert study.key_ms > study.t0_ms
        tripped = [one for one in work.events.of_study(last) if one.kind == "breaker_tripped"]
        assert tripped[0].detail["cause"] == "calibration"
    client.post(
        "/v1/sites/north/breaker/reset", headers=bearer(resources), json={"reason": "a new model"}
    )
    clock.forward(1)
    judged(client, resources, 70, 0.9)  # what was before the reset is forgotten
    assert breaker()["tripped_at"] is None
