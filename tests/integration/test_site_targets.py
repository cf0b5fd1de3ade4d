"""Target times of sites: versions, and no effect on what was promised before."""

import pytest

from preread.keys import Role
from preread.terms import Level, OrderClass
from tests.builders import instance_bytes, send, send_study
from tests.support.seed import pre_read_of
from tests.support.stored import study_of
from tests.support.web import bearer, client_of

MINUTES = {"STAT": 15, "ER": 45, "INPATIENT": 120, "ROUTINE": 720}


@pytest.fixture
def client(resources):
    with client_of(resources) as client:
        client.headers.update(bearer(resources, Role.ADMIN))
        yield client


def test_new_targets_apply_to_studies_that_are_complete_afterwards(client, resources, clock):
    before = send_study(resources, 1, order_class=OrderClass.ER)
    promised = study_of(resources, before)
    client.put("/v1/sites/north/targets", json=MINUTES)
    after = send_study(resources, 2, order_class=OrderClass.ER)
    elsewhere = send_study(resources, 3, order_class=OrderClass.ER, site="south")
    waits_min = {
        name: (study_of(resources, one).due_at - clock()).total_seconds() / 60
        for name, one in (("before", before), ("after", after), ("elsewhere", elsewhere))
    }
    assert waits_min == {"before": 60, "after": 45, "elsewhere": 60}
    assert study_of(resources, after).policy_version == "2026-1+t1"
    # Neither late images nor a result bring the new targets to a study that was promised others.
    send(resources, instance_bytes(1, number=2), complete=True)
    pre_read_of(resources, Level.NONE)
    assert study_of(resources, before).due_at == promised.due_at
    assert study_of(resources, before).policy_version == "2026-1"


def test_targets_are_versions_and_the_same_again_is_no_new_one(client):
    shipped = client.get("/v1/sites/north/targets").json()
    assert (shipped["current"]["version"], shipped["earlier"]) == (0, [])
    client.put("/v1/sites/north/targets", json=MINUTES)
    client.put("/v1/sites/north/targets", json=MINUTES)
    body = client.put("/v1/sites/north/targets", json={**MINUTES, "STAT": 20}).json()
    assert [one["version"] for one in body["earlier"]] == [0, 1]
    assert (body["current"]["version"], body["current"]["targets_min"]["STAT"]) == (2, 20)
    assert body["earlier"][1]["targets_min"] == MINUTES


@pytest.mark.parametrize(
    "body", [{"STAT": 15}, {**MINUTES, "STAT": 9}, {**MINUTES, "ROUTINE": 10_081}, {}]
)
def test_targets_that_break_the_rules_are_refused(client, body):
    assert client.put("/v1/sites/north/targets", json=body).status_code == 422


def test_a_key_of_a_site_sees_and_sets_the_targets_of_that_site_only(client, resources):
    headers = bearer(resources, Role.ADMIN, "south")
    assert client.get("/v1/sites/north/targets", headers=headers).status_code == 403
    assert client.put("/v1/sites/north/targets", json=MINUTES, headers=headers).status_code == 403
