"""Health, metrics, versions, and how errors and every answer look."""

import json
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from api.problems import MEANING
from preread.keys import Role
from preread.resources import Resources
from tests.builders import send_study
from tests.support.seed import every_state
from tests.support.web import bearer, client_of


@pytest.fixture
def client(resources):
    with client_of(resources) as client:
        yield client


def test_alive_says_so(client):
    assert client.get("/health/live").json() == {"status": "ok"}


def test_ready_checks_what_requests_need(client):
    body = client.get("/health/ready").json()
    assert body == {"status": "ok", "checks": {"database": "ok", "store": "ok", "redis": "ok"}}


def test_without_redis_the_service_is_ready_but_degraded(client, doorbell):
    doorbell.broken = True
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["checks"]["redis"] == "unreachable"


@pytest.fixture
def another_schema(resources):
    """The database says that it is of another version; the next test's must not."""
    change = sa.text("UPDATE alembic_version SET version_num = :version")
    with resources.database.engine.begin() as connection:
        own = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()
        connection.execute(change, {"version": "other"})
    yield
    with resources.database.engine.begin() as connection:
        connection.execute(change, {"version": own})


@pytest.mark.usefixtures("another_schema")
def test_a_database_of_another_schema_is_not_ready(client):
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["checks"]["database"] == "not migrated"


def test_a_store_that_cannot_be_written_is_not_ready(client, resources, monkeypatch):
    monkeypatch.setattr(type(resources.store), "writable", lambda _: False)
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["store"] == "not writable"


def test_the_version_names_all_contracts(client, resources):
    body = client.get("/version", headers=bearer(resources, Role.SENDER)).json()
    assert body["pre_read_schema_version"] == "1.2"
    assert body["policy_version"]
    assert body["mode"] == "research_preread"


def test_metrics_count_by_route_and_never_name_a_study(client, resources, clock):
    made = every_state(resources)
    clock.forward(90)
    headers = bearer(resources)
    for name in made.values():
        client.get(f"/v1/studies/{name}", headers=headers)
    client.get("/nowhere")
    client.request("MADEUP", "/nowhere")

    text = client.get("/metrics", headers=headers).text

    assert 'route="/v1/studies/{study_id}",status="200"' in text
    assert 'route="none",status="404"' in text
    assert "MADEUP" not in text
    assert 'preread_tasks{state="ready"} 1.0' in text
    assert 'preread_tasks{state="dead"} 1.0' in text
    assert "preread_oldest_ready_seconds 90.0" in text
    assert 'worklist_studies{condition="critical"} 1.0' in text
    assert not any(study_id in text for study_id in made.values())


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", "/v1/studies/", 404, "not-found"),
        ("GET", "/static/nothing.js", 404, "not-found"),
        ("GET", "/static/../main.py", 404, "not-found"),
        ("GET", "/docs", 404, "not-found"),
        ("DELETE", "/v1/studies", 405, "method-not-allowed"),
        ("PUT", "/health/live", 405, "method-not-allowed"),
    ],
)
def test_unknown_addresses_and_methods_are_problems(client, method, path, status, code):
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == f"/problems/{code}"
    assert problem["status"] == status
    assert (status == 405) == ("allow" in answer.headers)


@pytest.mark.parametrize("code", list(MEANING))
def test_every_problem_type_can_be_looked_up(client, code):
    answer = client.get(f"/problems/{code}")
    assert answer.status_code == 200
    assert MEANING[code].title in answer.text


def test_a_busy_database_is_unavailable_and_says_when_to_come_again(client, resources, monkeypatch):
    headers = bearer(resources)

    def busy(self):
        del self
        raise sa.exc.OperationalError("SELECT secret", {}, Exception("locked"))

    monkeypatch.setattr(Resources, "reading", busy)
    with capture_logs() as logs:
        answer = client.get("/v1/worklist", headers=headers)
    assert answer.status_code == 503
    assert "database_unavailable" in {line["event"] for line in logs}
    assert answer.headers["retry-after"]
    assert "secret" not in answer.text


def test_an_error_of_ours_tells_nothing_but_its_number(client, resources, monkeypatch):
    headers = bearer(resources)
    send_study(resources)

    def broken(*_arguments, **_more):
        message = "PATIENT^NAME"
        raise RuntimeError(message)

    monkeypatch.setattr("api.worklist.study_view", broken)
    with capture_logs() as logs:
        answer = client.get("/v1/worklist", headers={**headers, "X-Request-ID": "mine-7"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == "mine-7"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "PATIENT" not in answer.text
    assert "request_failed" in {line["event"] for line in logs}


@pytest.mark.parametrize("path", ["/health/live", "/v1/worklist", "/nowhere", "/sign-in"])
def test_every_answer_has_an_id_and_the_headers_of_safety(client, path):
    answer = client.get(path)
    assert len(answer.headers["x-request-id"]) == 32
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("wanted", ["a b", "x" * 65, "é".encode(), '"'])
def test_a_request_id_that_could_harm_a_log_is_replaced(client, wanted):
    answer = client.get("/health/live", headers={"X-Request-ID": wanted})
    assert len(answer.headers["x-request-id"]) == 32


def test_a_large_form_where_a_small_one_belongs_is_too_large(client):
    answer = client.post("/sign-in", data={"key": "x" * 70_000})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    path=st.sampled_from(
        ["/v1/worklist", "/v1/studies/{}", "/v1/studies/{}/pre-read", "/", "/problems/{}"]
    ),
    name=st.text(max_size=20),
    query=st.dictionaries(
        st.sampled_from(["site", "cursor", "limit", "level", "revision", "after", "flagged"]),
        st.text(max_size=30) | st.integers().map(str),
        max_size=4,
    ),
    headers=st.dictionaries(
        st.sampled_from(["If-None-Match", "X-Request-ID", "Last-Event-ID", "X-API-Key", "Cookie"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
        max_size=2,
    ),
)
def test_no_request_makes_the_service_fail(client, resources, path, name, query, headers):
    if "Authorization" not in client.headers:
        client.headers.update(bearer(resources))
    url = path.format(quote(name, safe=""))
    answer = client.get(url, params=query, headers=headers)
    assert answer.status_code < 500
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"


def test_the_contract_is_served_to_who_has_a_key(client, resources):
    answer = client.get("/openapi.json", headers=bearer(resources, Role.SENDER))
    assert json.loads(answer.text)["openapi"].startswith("3.1")
