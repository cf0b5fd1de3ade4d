"""Messages to other systems, received on real sockets."""

import base64
import hashlib
import hmac
import json
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest

from preread.alerts import pass_on
from preread.breaker import Window
from preread.breaking import reset_breaker
from preread.keys import Role
from preread.reconcile import forget_old
from preread.terms import HemorrhageType, Level
from preread.webhooks.attempts import DeliveryFailure, Outcome
from preread.webhooks.courier import Courier
from preread.webhooks.outbox import queue_messages, settle, take_next
from preread.webhooks.posting import HttpPoster
from tests.builders import send_study
from tests.support.processes import wait_until
from tests.support.receiver import receiving
from tests.support.seed import pre_read_of
from tests.support.web import bearer, client_of, server_of, with_settings

ALL = ["study.flagged", "alert.raised", "alert.escalated", "breaker.tripped", "breaker.reset"]


@pytest.fixture
def at_home(resources):
    """Resources under settings that let messages go to this machine."""
    return with_settings(resources, webhook_allow_http=True, webhook_allow_private=True)


@pytest.fixture
def client(at_home):
    with client_of(at_home) as client:
        yield client


@pytest.fixture
def admin(resources):
    return bearer(resources, Role.ADMIN)


def subscribed(client, admin, url, types=("study.flagged",), sites=()):
    body = {"url": url, "types": list(types), "sites": list(sites)}
    answer = client.post("/v1/webhooks", headers=admin, json=body)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return f"/v1/webhooks/{made['webhook']['id']}", made["secret"]


def deliveries(client, admin, path, state=""):
    query = f"?state={state}" if state else ""
    return client.get(f"{path}/deliveries{query}", headers=admin).json()["deliveries"]


def flagged(resources, study=1, level=Level.SUSPECTED, **said):
    send_study(resources, study, **said)
    return pre_read_of(resources, level, [HemorrhageType.SDH], images=0)


@contextmanager
def courier_of(resources, timeout_s=2.0):
    courier = Courier(resources, HttpPoster(timeout_s, allow_private=True))
    try:
        yield courier
    finally:
        courier.close()


def told(receiver):
    return [json.loads(body)["type"] for body in receiver.bodies()]


def carried(resources, timeout_s=2.0):
    """Send everything that may be sent now, and wait for it."""
    with courier_of(resources, timeout_s) as courier:
        courier.look()
        wait_until(lambda: not courier.busy, timeout_s=20)


def test_a_flag_is_told_signed_and_without_anything_of_the_patient(client, at_home, admin):
    with receiving() as receiver:
        path, secret = subscribed(client, admin, receiver.url)
        study_id = flagged(at_home)
        flagged(at_home, 2, Level.NONE)
        carried(at_home)
        ((headers, body),) = receiver.heard
    assert json.loads(body)["data"]["study_id"] == study_id
    assert all(word not in body.decode() for word in ("ACC1", "SYNTHETIC", "1.2.826"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    (delivery,) = deliveries(client, admin, path)
    assert (delivery["state"], delivery["attempts"], delivery["last_status"]) == (
        "delivered",
        1,
        204,
    )


def test_breaker_and_critical_alert_with_its_escalation_are_told_in_their_order(
    client, at_home, admin, clock
):
    with receiving() as receiver:
        subscribed(client, admin, receiver.url, ALL, sites=["north"])
        flagged(at_home, 1, Level.CRITICAL)
        flagged(at_home, 2, Level.CRITICAL, site="south")
        clock.forward(at_home.settings.alert_escalate_s + 1)
        pass_on(at_home)
        with at_home.unit_of_work() as work:
            window = Window((True,) * 19)
            work.breakers.store(replace(work.breakers.locked("north"), window=window))
            work.commit()
        flagged(at_home, 3)
        reset_breaker(at_home, "north", actor="test", reason="looked at it", share=None)
        carried(at_home)
        heard = told(receiver)
    assert heard[:3] == ["study.flagged", "alert.raised", "alert.escalated"]
    assert heard.index("breaker.tripped") < heard.index("breaker.reset") == len(heard) - 1
    assert heard.count("alert.raised") == 1  # not that of the other site


def test_a_receiver_that_fails_once_gets_the_same_message_again_later(
    client, at_home, admin, clock
):
    with receiving(statuses=[500, 200]) as receiver:
        path, _ = subscribed(client, admin, receiver.url)
        flagged(at_home)
        carried(at_home)
        (waiting,) = deliveries(client, admin, path, "pending")
        assert (waiting["reason"], waiting["last_status"]) == ("status", 500)
        carried(at_home)
        assert len(receiver.heard) == 1  # its pause is not over
        clock.forward(7)
        carried(at_home)
    (first, body), (second, again) = receiver.heard
    assert body == again
    assert first["webhook-id"] == second["webhook-id"]
    assert first["webhook-timestamp"] != second["webhook-timestamp"]
    assert deliveries(client, admin, path)[0]["state"] == "delivered"


@pytest.mark.parametrize("behavior", [{"hang_s": 30.0}, {"drip_s": 0.05}])
def test_a_receiver_that_hangs_or_drips_is_left_in_time_and_delays_no_other(
    client, at_home, admin, behavior
):
    with receiving(**behavior) as slow, receiving() as good, courier_of(at_home) as courier:
        path, _ = subscribed(client, admin, slow.url)
        subscribed(client, admin, good.url)
        flagged(at_home)
        began = time.monotonic()
        courier.look()
        assert courier.busy  # nor whoever looks: the slow one is still in hand
        wait_until(lambda: good.heard, timeout_s=10)
        wait_until(lambda: not courier.busy, timeout_s=20)
        assert time.monotonic() - began < 20  # long before the receiver would let go
    assert deliveries(client, admin, path)[0]["reason"] == "timed_out"


def test_what_a_process_had_in_hand_when_it_died_is_sent_by_the_next_one(
    client, at_home, admin, clock
):
    with receiving() as receiver:
        path, _ = subscribed(client, admin, receiver.url)
        webhook_id = path.rsplit("/", 1)[1]
        flagged(at_home)
        queue_messages(at_home)
        lost = take_next(at_home, webhook_id)  # and the process dies here, or after sending
        assert take_next(at_home, webhook_id) is None
        carried(at_home)
        assert receiver.heard == []
        clock.forward(at_home.settings.webhook_timeout_s + 11)
        carried(at_home)
        assert len(receiver.heard) == 1
    settle(at_home, lost, Outcome(DeliveryFailure.TIMED_OUT))  # it comes back too late
    (delivery,) = deliveries(client, admin, path)
    assert (delivery["state"], delivery["attempts"]) == ("delivered", 2)


def test_an_event_becomes_one_message_however_often_and_by_whom_it_is_looked_at(
    client, at_home, admin
):
    path, _ = subscribed(client, admin, "http://127.0.0.1:9/", ["pre_read.ready", "study.flagged"])
    flagged(at_home)
    assert [queue_messages(at_home) for _ in range(3)] == [2, 0, 0]
    assert len(deliveries(client, admin, path)) == 2


def test_messages_of_a_study_keep_their_order_and_those_of_others_pass(
    client, at_home, admin, clock
):
    with receiving(statuses=[500, 204]) as receiver:
        subscribed(client, admin, receiver.url, ["study.flagged", "alert.raised"])
        first = flagged(at_home, 1, Level.CRITICAL)
        second = flagged(at_home, 2, Level.CRITICAL)
        for _ in range(3):
            carried(at_home)
        heard = [json.loads(body) for body in receiver.bodies()]
        assert [(one["type"], one["data"]["study_id"]) for one in heard] == [
            ("study.flagged", first),
            ("study.flagged", second),
            ("alert.raised", second),
        ]
        clock.forward(7)
        carried(at_home)
        later = [json.loads(body) for body in receiver.bodies()[3:]]
        assert [one["type"] for one in later] == ["study.flagged", "alert.raised"]


def test_a_message_that_nobody_takes_is_given_up_with_its_reason_and_can_be_tried_anew(
    client, at_home, admin, clock
):
    impatient = with_settings(at_home, webhook_attempts=2)
    with receiving(statuses=[302]) as receiver:
        path, _ = subscribed(client, admin, receiver.url)
        flagged(at_home)
        for _ in range(3):
            carried(impatient)
            clock.forward(60)
        (dead,) = deliveries(client, admin, path, "dead")
        assert (dead["reason"], dead["attempts"], dead["next_attempt_at"]) == (
            "redirected",
            2,
            None,
        )
        assert len(receiver.heard) == 2  # no redirect was followed
        metrics = client.get("/metrics", headers=admin).text
        assert 'preread_webhook_messages{state="dead"} 1.0' in metrics
        receiver.statuses = [200]
        again = f"{path}/deliveries/{dead['message_id']}/retry"
        assert client.post(again, headers=admin).status_code == 202
        assert client.post(again, headers=admin).status_code == 409
        carried(impatient)
    (delivery,) = deliveries(client, admin, path)
    assert delivery["state"] == "delivered"
    clock.forward(at_home.settings.webhook_retention_days * 86_400 + 1)
    forget_old(at_home)
    assert deliveries(client, admin, path) == []


def test_a_receiver_that_is_gone_is_disabled_and_hears_again_of_what_comes_after_it_is_enabled(
    client, at_home, admin
):
    with receiving(statuses=[410, 204]) as receiver:
        path, _ = subscribed(client, admin, receiver.url)
        flagged(at_home, 1)
        carried(at_home)
        (listed,) = client.get("/v1/webhooks", headers=admin).json()["webhooks"]
        assert "410" in listed["disabled_reason"]
        assert client.post(f"{path}/ping", headers=admin).status_code == 409
        flagged(at_home, 2)
        carried(at_home)
        assert client.post(f"{path}/enable", headers=admin).json()["disabled_at"] is None
        third = flagged(at_home, 3)
        carried(at_home)
        assert json.loads(receiver.bodies()[-1])["data"]["study_id"] == third
        assert len(receiver.heard) == 2
        assert client.post(f"{path}/disable", headers=admin).json()["disabled_at"] is not None
        assert client.delete(path, headers=admin).status_code == 204
    assert client.get("/v1/webhooks", headers=admin).json() == {"webhooks": []}
    assert client.get(f"{path}/deliveries", headers=admin).status_code == 404


def test_the_shipped_settings_send_nothing_inside(resources, admin):
    refused = {"url": "http://127.0.0.1/", "types": ["study.flagged"]}
    with client_of(resources) as client:
        assert client.post("/v1/webhooks", headers=admin, json=refused).status_code == 400
        refused["url"] = "https://169.254.169.254/latest"
        assert client.post("/v1/webhooks", headers=admin, json=refused).status_code == 400
    with receiving() as receiver:
        strict = HttpPoster(1.0, allow_private=False)
        by_name = receiver.url.replace("127.0.0.1", "localhost")
        for url in (by_name, receiver.url.replace("127.0.0.1", "2130706433"), receiver.url):
            assert strict(url, {}, b"{}").failure is DeliveryFailure.ADDRESS_REFUSED
        assert receiver.heard == []


@pytest.mark.parametrize(
    ("url", "failure"),
    [
        ("http://127.0.0.1:9/", DeliveryFailure.CONNECTION_FAILED),
        ("http://no-such-host.invalid/", DeliveryFailure.NAME_NOT_RESOLVED),
    ],
)
def test_a_receiver_that_is_not_there_has_its_own_reason(url, failure):
    assert HttpPoster(2.0, allow_private=True)(url, {}, b"{}").failure is failure


def test_an_administrator_of_one_site_sees_and_makes_webhooks_of_that_site_only(
    client, at_home, admin
):
    other, _ = subscribed(client, admin, "https://ris.example/")
    own = bearer(at_home, Role.ADMIN, "north")
    body = {"url": "https://ris.example/", "types": ["study.flagged"]}
    for sites in ([], ["south"], ["north", "south"]):
        answer = client.post("/v1/webhooks", headers=own, json={**body, "sites": sites})
        assert answer.status_code == 403
    path, _ = subscribed(client, own, "https://ris.example/", sites=["north"])
    listed = client.get("/v1/webhooks", headers=own).json()["webhooks"]
    assert [one["id"] for one in listed] == [path.rsplit("/", 1)[1]]
    assert client.delete(other, headers=own).status_code == 404
    assert "whsec_" not in client.get("/v1/webhooks", headers=admin).text


def test_the_running_service_sends_by_itself_and_again_after_a_restart(at_home, admin):
    live = with_settings(at_home, reconcile_interval_s=0.05)
    with receiving(statuses=[503, 204]) as receiver:
        with client_of(live) as client:
            path, _ = subscribed(client, admin, receiver.url)
            assert client.post(f"{path}/ping", headers=admin).status_code == 202
        with server_of(live):
            wait_until(lambda: receiver.heard, timeout_s=20)
            wait_until(lambda: _attempts(live, path) == 1, timeout_s=20)
        live.clock.forward(7)
        with server_of(live):
            wait_until(lambda: len(receiver.heard) == 2, timeout_s=20)
    assert told(receiver) == ["webhook.ping"] * 2


def _attempts(resources, path):
    with resources.reading() as work:
        (row,) = work.webhooks.deliveries(path.rsplit("/", 1)[1], state=None, limit=5)
        return row.attempts if row.reason is not None else 0


def test_types_that_do_not_exist_and_unknown_sites_words_are_refused(client, admin):
    good = {"url": "https://ris.example/", "types": ["study.flagged"], "sites": []}
    for wrong in ({"types": []}, {"types": ["study.eaten"]}, {"sites": ["a b"]}, {"secret": "x"}):
        answer = client.post("/v1/webhooks", headers=admin, json={**good, **wrong})
        assert answer.status_code == 422
