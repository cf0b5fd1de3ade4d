"""Who may do what: every route, every role, and no key at all."""

import pytest
from fastapi.routing import iter_route_contexts

from preread.keys import Role, list_keys, revoke_key, sign_in
from preread.terms import HemorrhageType, Level
from tests.builders import key_for, send_study
from tests.support.seed import pre_read_of
from tests.support.web import bearer, client_of

EVERYBODY = {None, *Role}
READERS = {Role.READER, Role.COORDINATOR, Role.ADMIN}
SENDERS = {Role.SENDER, Role.COORDINATOR, Role.ADMIN}
OPERATORS = {Role.COORDINATOR, Role.ADMIN}

ALLOWED = {
    ("GET", "/health/live"): EVERYBODY,
    ("GET", "/health/ready"): EVERYBODY,
    ("GET", "/problems/{code}"): EVERYBODY,
    ("GET", "/sign-in"): EVERYBODY,
    ("POST", "/sign-in"): EVERYBODY,
    ("POST", "/sign-out"): EVERYBODY,
    ("GET", "/sign-in/oidc"): EVERYBODY,
    ("GET", "/sign-in/oidc/return"): EVERYBODY,
    ("GET", "/version"): set(Role),
    ("GET", "/openapi.json"): set(Role),
    ("GET", "/metrics"): OPERATORS,
    ("POST", "/v1/studies"): SENDERS,
    ("GET", "/v1/studies"): set(Role),
    ("POST", "/dicom-web/studies"): SENDERS,
    ("POST", "/dicom-web/studies/{study_instance_uid}"): SENDERS,
    ("POST", "/v1/studies/{study_id}/complete"): SENDERS,
    ("GET", "/v1/studies/{study_id}"): set(Role),
    ("GET", "/v1/studies/{study_id}/events"): READERS,
    ("GET", "/v1/studies/{study_id}/pre-read"): READERS,
    ("GET", "/v1/studies/{study_id}/key-images/{number}.png"): READERS,
    ("POST", "/v1/studies/{study_id}/report"): READERS,
    ("POST", "/v1/studies/{study_id}/claim"): READERS,
    ("POST", "/v1/studies/{study_id}/heartbeat"): READERS,
    ("POST", "/v1/studies/{study_id}/release"): READERS,
    ("POST", "/v1/studies/{study_id}/take-over"): READERS,
    ("POST", "/v1/studies/{study_id}/hold"): READERS,
    ("POST", "/v1/studies/{study_id}/resume"): READERS,
    ("POST", "/v1/studies/{study_id}/pin"): OPERATORS,
    ("POST", "/v1/studies/{study_id}/unpin"): OPERATORS,
    ("POST", "/v1/studies/{study_id}/assign"): OPERATORS,
    ("POST", "/v1/studies/{study_id}/cancel"): OPERATORS,
    ("POST", "/v1/studies/{study_id}/reopen"): READERS,
    ("POST", "/v1/studies/{study_id}/second-read"): READERS,
    ("POST", "/v1/studies/{study_id}/second-read/withdraw"): READERS,
    ("GET", "/v1/readers"): OPERATORS,
    ("GET", "/v1/alerts"): READERS,
    ("GET", "/v1/sites/{site}/targets"): READERS,
    ("PUT", "/v1/sites/{site}/targets"): {Role.ADMIN},
    ("POST", "/v1/alerts/{alert_id}/acknowledge"): READERS,
    ("POST", "/v1/studies/{study_id}/feedback"): READERS,
    ("GET", "/v1/studies/{study_id}/feedback"): OPERATORS,
    ("GET", "/v1/sites/{site}/breaker"): READERS,
    ("POST", "/v1/sites/{site}/breaker/reset"): OPERATORS,
    ("GET", "/v1/turnaround"): OPERATORS,
    ("GET", "/v1/quality"): OPERATORS,
    ("POST", "/v1/policies/preview"): OPERATORS,
    ("GET", "/v1/policies"): OPERATORS,
    ("POST", "/v1/policies"): OPERATORS,
    ("GET", "/v1/policies/{number}"): OPERATORS,
    ("GET", "/v1/policies/{number}/diff"): OPERATORS,
    ("POST", "/v1/policies/{number}/activate"): {Role.ADMIN},
    ("POST", "/v1/policies/{number}/revert"): OPERATORS,
    ("POST", "/v1/policies/{number}/discard"): OPERATORS,
    ("GET", "/v1/keys"): {Role.ADMIN},
    ("POST", "/v1/keys"): {Role.ADMIN},
    ("POST", "/v1/keys/{key_id}/revoke"): {Role.ADMIN},
    ("GET", "/v1/sites"): READERS,
    ("PUT", "/v1/sites/{site}"): {Role.ADMIN},
    ("POST", "/v1/webhooks"): {Role.ADMIN},
    ("GET", "/v1/webhooks"): {Role.ADMIN},
    ("DELETE", "/v1/webhooks/{webhook_id}"): {Role.ADMIN},
    ("POST", "/v1/webhooks/{webhook_id}/disable"): {Role.ADMIN},
    ("POST", "/v1/webhooks/{webhook_id}/enable"): {Role.ADMIN},
    ("POST", "/v1/webhooks/{webhook_id}/ping"): {Role.ADMIN},
    ("GET", "/v1/webhooks/{webhook_id}/deliveries"): {Role.ADMIN},
    ("POST", "/v1/webhooks/{webhook_id}/deliveries/{message_id}/retry"): {Role.ADMIN},
    ("POST", "/v1/worklist/next"): READERS,
    ("GET", "/v1/worklist"): READERS,
    ("GET", "/v1/worklist/events"): READERS,
    ("GET", "/v1/studies/{study_id}/slices"): READERS,
    ("GET", "/v1/studies/{study_id}/slices/{index}.png"): READERS,
    ("GET", "/v1/studies/{study_id}/segmentation"): READERS,
    ("POST", "/v1/studies/{study_id}/retry"): OPERATORS,
}
PAGE = {
    ("GET", "/"): READERS,
    ("POST", "/next"): READERS,
    ("POST", "/heartbeat"): READERS,
    ("GET", "/studies/{study_id}"): READERS,
    **{
        ("POST", f"/studies/{{study_id}}/{step}"): READERS
        for step in (
            *("claim", "release", "take-over", "report", "feedback"),
            *("hold", "resume", "reopen", "second-read", "second-read/withdraw"),
        )
    },
    **{
        ("POST", f"/studies/{{study_id}}/{step}"): OPERATORS
        for step in ("retry", "pin", "unpin", "assign", "cancel")
    },
    ("POST", "/alerts/{alert_id}/acknowledge"): READERS,
    ("POST", "/sites/{site}/breaker/reset"): OPERATORS,
    ("GET", "/turnaround"): OPERATORS,
    ("GET", "/quality"): OPERATORS,
    ("GET", "/sites"): {Role.ADMIN},
    ("POST", "/sites"): {Role.ADMIN},
    ("GET", "/sites/{site}"): {Role.ADMIN},
    ("POST", "/sites/{site}"): {Role.ADMIN},
    ("POST", "/sites/{site}/targets"): {Role.ADMIN},
    ("GET", "/policies"): OPERATORS,
    ("POST", "/policies"): OPERATORS,
    ("GET", "/policies/{number}"): OPERATORS,
    ("POST", "/policies/{number}/activate"): {Role.ADMIN},
    ("POST", "/policies/{number}/revert"): OPERATORS,
    ("POST", "/policies/{number}/discard"): OPERATORS,
    ("GET", "/keys"): {Role.ADMIN},
    ("POST", "/keys"): {Role.ADMIN},
    ("POST", "/keys/{key_id}/revoke"): {Role.ADMIN},
    ("GET", "/webhooks"): {Role.ADMIN},
    ("POST", "/webhooks"): {Role.ADMIN},
    ("GET", "/webhooks/{webhook_id}"): {Role.ADMIN},
    **{
        ("POST", f"/webhooks/{{webhook_id}}/{step}"): {Role.ADMIN}
        for step in ("ping", "disable", "enable", "delete", "messages/{message_id}/retry")
    },
}
ALLOWED |= PAGE
# Allowed, and told that there is none: the seeded pre-read kept no slices; no key has this ID.
NOTHING_THERE = {
    ("POST", "/v1/keys/{key_id}/revoke"),
    ("POST", "/keys/{key_id}/revoke"),
    ("GET", "/v1/studies/{study_id}/slices"),
    ("GET", "/v1/studies/{study_id}/slices/{index}.png"),
    ("GET", "/v1/studies/{study_id}/segmentation"),
    *(
        (method, path)
        for method, path in ALLOWED
        if "{webhook_id}" in path and not path.startswith("/webhooks/{webhook_id}/delete")
    ),
}
NAMES = {
    "number": 1,
    "index": 0,
    "alert_id": 1,
    "site": "north",
    "code": "forbidden",
    "key_id": "0" * 8,
    "webhook_id": "wh_0",
    "message_id": "msg_0",
    "study_instance_uid": "1.2.3",
}
STREAM = ("GET", "/v1/worklist/events")  # never ends; asked without a key and with a wrong role


@pytest.fixture
def client(resources):
    with client_of(resources) as client:
        yield client


@pytest.fixture
def study_id(resources):
    study_id = send_study(resources)
    pre_read_of(resources, Level.CRITICAL, (HemorrhageType.SDH,))
    return study_id


def routes(app):
    for route in iter_route_contexts(app.routes):
        for method in sorted(route.methods or {"GET"}):
            yield method, route.path


def ask(client, method, path, study_id, headers=None):
    # The shipped policy is number 0; the other numbers are of revisions.
    names = NAMES | ({"number": 0} if "policies" in path else {})
    url = path.format(**names, study_id=study_id)
    body = {"json": {"status": "final"}} if path.endswith("/report") else {}
    return client.request(method, url, headers=headers, **body)


def test_every_route_is_in_the_table_of_rights(client):
    found = {route for route in routes(client.app) if route[1] != "/static"}
    assert found == set(ALLOWED)


def test_nothing_but_health_sign_in_and_static_files_is_open(client, study_id):
    for (method, path), allowed in ALLOWED.items():
        if None in allowed:
            continue
        answer = ask(client, method, path, study_id)
        if (method, path) in PAGE:
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/sign-in")
        else:
            assert answer.status_code == 401, path
            assert answer.json()["code"] == "unauthenticated"
            assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("role", list(Role))
def test_each_role_does_what_the_table_says_and_nothing_else(client, resources, study_id, role):
    headers = bearer(resources, role)
    for (method, path), allowed in ALLOWED.items():
        if None in allowed or ((method, path) == STREAM and role in allowed):
            continue
        answer = ask(client, method, path, study_id, headers)
        if role in allowed:
            expected = {404} if (method, path) in NOTHING_THERE else set(range(200, 500))
            assert answer.status_code in expected - {401, 403, 405}, path
            assert (answer.status_code == 404) == ((method, path) in NOTHING_THERE), path
        else:
            assert answer.status_code == 403, path
            assert answer.json()["code"] == "forbidden"


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer pr_00000000_" + "A" * 43},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"X-API-Key": "x" * 5000},
        {"Cookie": "preread_session=" + "A" * 43},
    ],
)
def test_a_key_that_is_none_is_not_authenticated(client, headers):
    answer = client.get("/v1/worklist", headers=headers)
    assert answer.status_code == 401


def test_a_revoked_key_ends_its_sessions_too(client, resources):
    key = key_for(resources)
    _, token = sign_in(resources, key)
    cookie = {"Cookie": f"preread_session={token}"}
    assert client.get("/v1/worklist", headers=cookie).status_code == 200

    revoke_key(resources, list_keys(resources)[0].key_id)

    assert client.get("/v1/worklist", headers=cookie).status_code == 401
    assert client.get("/v1/worklist", headers={"X-API-Key": key}).status_code == 401


def test_a_session_ends_by_itself(client, resources, clock):
    _, token = sign_in(resources, key_for(resources))
    clock.forward(resources.settings.session_hours * 3600 + 1)
    cookie = {"Cookie": f"preread_session={token}"}
    assert client.get("/v1/worklist", headers=cookie).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"}, 403),
        ({"Origin": "http://testserver"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
def test_a_cookie_alone_changes_nothing_from_another_page(
    client, resources, study_id, headers, status
):
    _, token = sign_in(resources, key_for(resources, Role.READER))
    answer = client.post(
        f"/v1/studies/{study_id}/report",
        json={"status": "final"},
        headers={"Cookie": f"preread_session={token}", **headers},
    )
    assert answer.status_code == status


def test_the_metrics_of_all_sites_are_not_for_a_key_of_one(client, resources):
    headers = bearer(resources, Role.COORDINATOR, "north")
    assert client.get("/metrics", headers=headers).status_code == 403
