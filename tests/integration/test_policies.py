"""Policies are drafted, compared, put in force and taken back, and what was promised stays."""

from datetime import timedelta

import pytest

from preread.breaking import reset_breaker
from preread.claims import claim_study, release_study
from preread.coordination import pin_study
from preread.db.policies import SHIPPED_POLICY
from preread.keys import Role
from preread.ranking import PINNED_LANE
from preread.terms import HemorrhageType, Level, OrderClass
from tests.builders import caller_for, send_study
from tests.support.seed import pre_read_of
from tests.support.stored import events_of, study_of, waiting_ids
from tests.support.web import bearer, client_of

SDH = (HemorrhageType.SDH,)
WHY = "because of the test"
NO_HEAD_START = {
    "critical": {"target_min": 25, "head_start_min": 0},
    "suspected": {"target_min": 25, "head_start_min": 0},
    "indeterminate": {"target_min": 60, "head_start_min": 0},
}
DRAFT = {"name": "no head starts", "promotions": NO_HEAD_START, "order_target_min": {"STAT": 20}}


@pytest.fixture
def client(resources):
    with client_of(resources) as client:
        client.headers.update(bearer(resources, Role.ADMIN))
        yield client


def stat_and_bleed(resources, clock):
    """A STAT study, and one that came 20 minutes later, is suspected and passes it."""
    stat = send_study(resources, 1, order_class=OrderClass.STAT)
    pre_read_of(resources)
    clock.forward(20 * 60)
    bleed = send_study(resources, 2, order_class=OrderClass.ROUTINE)
    pre_read_of(resources, Level.SUSPECTED, SDH)
    assert waiting_ids(resources) == [bleed, stat]
    return stat, bleed


def put_in_force(client, number, instead_of, step="activate", **headers):
    said = {"reason": WHY, "instead_of": instead_of}
    return client.post(f"/v1/policies/{number}/{step}", json=said, headers=headers)


def test_a_draft_moves_nobody_until_it_is_put_in_force_and_the_way_back_is_open(
    client, resources, clock
):
    stat, bleed = stat_and_bleed(resources, clock)
    due = {one: study_of(resources, one).due_at for one in (stat, bleed)}
    made = client.post("/v1/policies", json=DRAFT)
    assert (made.status_code, made.headers["location"]) == (201, "/v1/policies/1")
    policy = made.json()["policy"]
    assert (policy["state"], policy["allowed_steps"]) == ("draft", ["activate", "discard"])
    assert policy["bound_min"]["STAT"] == 70
    foreseen = client.get("/v1/policies/1/diff").json()["preview"]["moves"]
    assert [(one["study_id"], one["before"], one["after"]) for one in foreseen] == [
        (stat, 2, 1),
        (bleed, 1, 2),
    ]
    assert waiting_ids(resources) == [bleed, stat]

    activated = put_in_force(client, 1, 0).json()
    assert waiting_ids(resources) == [stat, bleed]
    (change,) = activated["changes"]
    assert (change["step"], change["number_before"], change["reason"]) == ("activate", 0, WHY)
    assert (change["effect"]["moved_count"], change["effect"]["ranked_count"]) == (2, 2)
    assert {one: study_of(resources, one).due_at for one in (stat, bleed)} == due
    assert study_of(resources, bleed).policy_version == "p1/2026-1"
    (told,) = events_of(resources, stat, "policy_activated")
    assert (told.detail["policy_version"], told.detail["policy_before"]) == ("p1", "2026-1")
    (moved,) = events_of(resources, bleed, "rank_changed")[-1:]
    assert (moved.detail["cause"], moved.detail["policy_version"]) == (
        "policy_activated",
        "p1/2026-1",
    )

    back = put_in_force(client, 0, 1, "revert").json()
    assert (back["active"], waiting_ids(resources)) == (0, [bleed, stat])
    assert study_of(resources, bleed).policy_version == "2026-1"
    everything = client.get("/v1/policies").json()
    assert [one["step"] for one in everything["changes"]] == ["revert", "activate"]
    assert [(one["number"], one["state"]) for one in everything["policies"]] == [
        (0, "active"),
        (1, "retired"),
    ]


def test_what_is_complete_afterwards_is_promised_the_targets_of_the_new_policy(
    client, resources, clock
):
    before = send_study(resources, 1, order_class=OrderClass.STAT)
    client.post("/v1/policies", json=DRAFT)
    put_in_force(client, 1, 0)
    after = send_study(resources, 2, order_class=OrderClass.STAT)
    waits = [study_of(resources, one).due_at - clock() for one in (before, after)]
    assert waits == [timedelta(minutes=30), timedelta(minutes=20)]
    assert study_of(resources, after).policy_version == "p1"
    assert client.get("/version").json()["policy_version"] == "p1"
    assert client.get("/v1/sites/north/targets").json()["current"]["targets_min"]["STAT"] == 20
    effects = []
    for study_id in (pre_read_of(resources, Level.CRITICAL, SDH) for _ in range(2)):
        effect = client.get(f"/v1/studies/{study_id}/pre-read").json()["triage_effect"]
        effects.append([effect[name] for name in ("target_min", "policy_version", "applied")])
    assert effects == [[20, "p1", False], [10, "p1/2026-1", True]]
    put_in_force(client, 0, 1, "revert")
    assert [study_of(resources, one).due_at - clock() for one in (before, after)] == [
        timedelta(minutes=10),  # critical under the policy that it was promised
        timedelta(minutes=20),
    ]


def test_pins_and_claims_stay_and_a_released_study_goes_to_its_place_of_now(
    client, resources, clock
):
    stat, bleed = stat_and_bleed(resources, clock)
    by = caller_for(resources, Role.COORDINATOR)
    lease = claim_study(resources, bleed, by=by)
    pin_study(resources, stat, by=by, reason=WHY, minutes=30)
    before = study_of(resources, bleed), study_of(resources, stat)
    client.post("/v1/policies", json=DRAFT)
    put_in_force(client, 1, 0)
    after = study_of(resources, bleed), study_of(resources, stat)
    assert [one.handling for one in after] == [one.handling for one in before]
    assert after[1].lane == PINNED_LANE
    release_study(resources, bleed, by=by, token=lease.token)
    assert study_of(resources, bleed).key_ms == after[0].key_ms
    assert waiting_ids(resources) == [stat, bleed]


def test_at_a_site_whose_breaker_is_tripped_no_policy_moves_anybody(client, resources, clock):
    stat, bleed = stat_and_bleed(resources, clock)
    elsewhere = send_study(resources, 3, site="south", order_class=OrderClass.ROUTINE)
    pre_read_of(resources, Level.SUSPECTED, SDH)
    with resources.unit_of_work() as work:
        breaker = work.breakers.locked("north")
        row = type(breaker)(breaker.site, breaker.window, None, clock(), bleed)
        work.breakers.store(row)
        work.commit()
    withheld = send_study(resources, 4, order_class=OrderClass.STAT)
    pre_read_of(resources, Level.CRITICAL, SDH)
    kept = {one: study_of(resources, one) for one in (stat, bleed, withheld)}
    client.post("/v1/policies", json=DRAFT)
    foreseen = client.get("/v1/policies/1/diff?site=north").json()["preview"]["moves"]
    effect = put_in_force(client, 1, 0).json()["changes"][0]["effect"]
    assert (effect["kept_sites"], effect["ranked_count"], foreseen) == (["north"], 1, [])
    assert {one: study_of(resources, one) for one in kept} == kept
    assert study_of(resources, withheld).key_ms == study_of(resources, withheld).t0_ms + 1_800_000
    assert study_of(resources, elsewhere).policy_version == "p1/2026-1"
    reset_breaker(resources, "north", actor="x", reason=WHY, share=None)
    assert {one: study_of(resources, one) for one in kept} == kept


def test_a_step_that_a_policy_cannot_take_names_those_that_it_can(client):
    client.post("/v1/policies", json=DRAFT)
    refused = put_in_force(client, 1, 0, "revert")
    assert (refused.status_code, refused.json()["allowed"]) == (409, ["activate", "discard"])
    assert (refused.json()["code"], refused.json()["state"]) == ("illegal-step", "draft")
    late = put_in_force(client, 1, 1)
    assert (late.json()["code"], late.json()["active"]) == ("policy-replaced", 0)
    assert client.post("/v1/policies/1/discard", json={"reason": WHY}).status_code == 200
    assert put_in_force(client, 1, 0).json()["allowed"] == []
    assert put_in_force(client, 0, 0, "revert").json()["state"] == "active"
    assert put_in_force(client, 2, 0).json()["code"] == "policy-not-found"
    too_long = {**NO_HEAD_START, "critical": {"target_min": 10, "head_start_min": 61}}
    answer = client.post("/v1/policies", json={**DRAFT, "promotions": too_long})
    assert (answer.status_code, answer.json()["errors"][0]["rule"]) == (422, "policy")


def test_the_same_request_again_is_answered_as_before_and_another_one_is_refused(client):
    client.post("/v1/policies", json=DRAFT)
    key = {"Idempotency-Key": "night-shift-1"}
    first, again = (put_in_force(client, 1, 0, **key) for _ in range(2))
    assert (first.status_code, first.json()) == (200, again.json())
    other = put_in_force(client, 0, 1, "revert", **key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert len(client.get("/v1/policies").json()["changes"]) == 1


def test_only_an_administrator_of_all_sites_goes_forward_and_a_coordinator_may_go_back(
    client, resources
):
    coordinator, bound = bearer(resources), bearer(resources, Role.ADMIN, "north")
    assert client.post("/v1/policies", json=DRAFT, headers=coordinator).status_code == 201
    assert client.post("/v1/policies", json=DRAFT, headers=bound).status_code == 403
    assert put_in_force(client, 1, 0, **coordinator).status_code == 403
    assert put_in_force(client, 1, 0, **bound).status_code == 403
    assert put_in_force(client, 1, 0).status_code == 200
    assert put_in_force(client, 0, 1, "revert", **coordinator).status_code == 200
    assert client.get("/v1/policies", headers=bound).json()["policies"][0]["name"] == (
        SHIPPED_POLICY.name
    )
