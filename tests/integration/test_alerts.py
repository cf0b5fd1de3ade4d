"""Alerts ring once, are repeated once, go to the coordinators, and are ended by name."""

import pytest

from preread.alerts import acknowledge, pass_on
from preread.claims import claim_study, release_study, take_over
from preread.client import PreReadClient
from preread.keys import Role
from preread.terms import Level
from preread.work import claim_next, finish_claim
from tests.builders import caller_for, instance_bytes, key_for, result, send, send_study
from tests.support.seed import pre_read_of
from tests.support.web import bearer, client_of, server_of


def alerts_of(resources, *, only_open=True):
    with resources.reading() as work:
        return work.alerts.listed(sites=None, only_open=only_open)


def rings(resources, study_id):
    with resources.reading() as work:
        events = work.events.of_study(study_id)
    return [event.kind.value for event in events if event.kind.value.startswith("alert_")]


@pytest.mark.parametrize("level", [Level.SUSPECTED, Level.INDETERMINATE, Level.NONE])
def test_only_a_critical_result_calls_for_a_study_that_waits(resources, level):
    send_study(resources)
    pre_read_of(resources, level)
    assert alerts_of(resources) == ()


def test_an_alert_rings_is_repeated_and_goes_to_the_coordinators_once_each(resources, clock):
    study_id = send_study(resources)
    pre_read_of(resources, Level.CRITICAL)
    (alert,) = alerts_of(resources)
    assert (alert.kind, alert.stage, alert.addressee) == ("new_critical", "raised", None)
    passed = []
    for seconds in (119, 1, 1, 238, 1, 600):
        clock.forward(seconds)
        passed.append(pass_on(resources))
    assert passed == [0, 1, 0, 0, 1, 0]
    assert rings(resources, study_id) == ["alert_raised", "alert_nagged", "alert_escalated"]


def test_an_alert_is_acknowledged_by_name_and_the_first_name_stays(resources, clock):
    study_id = send_study(resources)
    pre_read_of(resources, Level.CRITICAL)
    (alert,) = alerts_of(resources)
    acknowledge(resources, alert.id, by=caller_for(resources), name="Dr. First")
    later = acknowledge(resources, alert.id, by=caller_for(resources), name="Dr. Second")
    assert (later.closed_how, later.closed_name) == ("acknowledged", "Dr. First")
    clock.forward(1000)
    assert pass_on(resources) == 0
    assert rings(resources, study_id) == ["alert_raised", "alert_closed"]


def test_a_claim_ends_the_call_for_a_reader(resources):
    send_study(resources)
    study_id = pre_read_of(resources, Level.CRITICAL)
    claim_study(resources, study_id, by=caller_for(resources))
    assert alerts_of(resources) == ()
    (ended,) = alerts_of(resources, only_open=False)
    assert (ended.closed_how, ended.closed_name) == ("claimed", "Dr. Test")


def test_a_flag_after_the_claim_calls_whoever_has_the_study(resources):
    study_id = send_study(resources)
    task = claim_next(resources, "w")
    mine, other = caller_for(resources), caller_for(resources, label="Dr. Other")
    claim_study(resources, study_id, by=mine)
    finish_claim(resources, task, result(task, Level.SUSPECTED), worker="w")
    assert [one.addressee for one in alerts_of(resources)] == [mine.key_id]
    lease = take_over(resources, study_id, by=other, reason="went home")
    assert [one.addressee for one in alerts_of(resources)] == [other.key_id]
    release_study(resources, study_id, by=other, token=lease.token)
    (alert,) = alerts_of(resources)
    assert (alert.kind, alert.addressee) == ("flagged_after_claim", None)


def test_the_same_revision_never_rings_twice_and_a_new_one_may(resources):
    study_id = send_study(resources)
    pre_read_of(resources, Level.CRITICAL)
    send(resources, instance_bytes(), complete=True)  # the same bytes again
    assert claim_next(resources, "w") is None
    assert rings(resources, study_id) == ["alert_raised"]
    send(resources, instance_bytes(number=2), complete=True)
    pre_read_of(resources, Level.CRITICAL)
    assert [alert.revision for alert in alerts_of(resources)] == [1, 2]


def test_alerts_are_those_of_the_keys_site(resources):
    send_study(resources, site="south")
    pre_read_of(resources, Level.CRITICAL)
    with client_of(resources) as client:
        elsewhere = bearer(resources, Role.READER, "north")
        assert client.get("/v1/alerts", headers=elsewhere).json()["alerts"] == []
        refused = client.post("/v1/alerts/1/acknowledge", headers=elsewhere)
        assert (refused.status_code, refused.json()["code"]) == (404, "alert-not-found")


def test_the_client_lists_and_acknowledges(resources):
    send_study(resources)
    study_id = pre_read_of(resources, Level.CRITICAL)
    with (
        server_of(resources) as (url, _),
        PreReadClient(url, key_for(resources, Role.READER)) as client,
    ):
        (alert,) = client.alerts()
        assert (alert.study_id, alert.mine) == (study_id, False)
        assert client.acknowledge(alert.alert_id, "Dr. Heard").closed_name == "Dr. Heard"
        assert client.alerts() == ()
