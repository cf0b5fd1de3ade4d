"""The client against a service that answers what the test says."""

import json
from itertools import islice

import httpx
import pytest

from preread.client import PreReadClient, PreReadFailed, ProblemError
from preread.terms import OrderClass
from tests.builders import instance_bytes

RECEIPT = {
    "studies": [{"study_id": "s1", "created": True, "complete": True, "instance_count": 1}],
    "files": [{"number": 1, "status": "stored", "code": None, "study_id": "s1"}],
}
PROBLEM = {"content-type": "application/problem+json"}


class Service:
    """Answers with what it was given, one after the other, and remembers the requests."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.requests = []

    def __call__(self, request):
        request.read()
        self.requests.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def client_of(pauses):
    clients = []

    def build(service):
        client = PreReadClient(
            "http://preread.test",
            "pr_key",
            transport=httpx.MockTransport(service),
            pause=pauses.append,
        )
        clients.append(client)
        return client

    yield build
    for client in clients:
        client.close()


def row(study_id, **changes):
    said = {
        "study_id": study_id,
        "site": "north",
        "accession_number": None,
        "order_class": "ROUTINE",
        "synthetic": True,
        "instance_count": 1,
        "received_at": "2026-01-01T12:00:00Z",
        "completed_at": None,
        "revision": 1,
        "ai_state": "queued",
        "ai_reason_text": None,
        "read_state": "unread",
        "on_worklist": True,
        "due_at": None,
        "rank_reason": None,
        "level": None,
        "findings": [],
        "summary": None,
        "key_image_count": 0,
        "unknown_to_this_client": 1,
    }
    return {**said, **changes}


def page(*study_ids, cursor=None):
    rows = [{"position": 1, "study": row(study_id)} for study_id in study_ids]
    return httpx.Response(200, json={"studies": rows, "next_cursor": cursor})


def event(seq):
    said = {
        "seq": seq,
        "at": "2026-01-01T12:00:00Z",
        "kind": "study_received",
        "study_id": "s1",
        "site": "north",
        "detail": {},
    }
    return f"id: {seq}\nevent: worklist\ndata: {json.dumps(said)}\n\n"


def stream(*seqs):
    text = ": hello\n\n" + "".join(event(seq) for seq in seqs)
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, text=text)


@pytest.fixture
def study_file(tmp_path):
    path = tmp_path / "1.dcm"
    path.write_bytes(instance_bytes())
    return path


def test_a_study_is_sent_with_what_the_sender_says(client_of, study_file):
    service = Service(httpx.Response(202, json=RECEIPT))
    outcome = client_of(service).send([study_file], site="north", order_class=OrderClass.ER)
    (request,) = service.requests
    assert outcome.studies[0].study_id == "s1"
    assert dict(request.url.params) == {"complete": "true", "site": "north", "order_class": "ER"}
    assert request.headers["authorization"] == "Bearer pr_key"
    assert int(request.headers["content-length"]) == len(request.content)
    assert study_file.read_bytes() in request.content


def test_a_repeated_upload_carries_the_same_key_and_waits_as_it_was_told(
    client_of, study_file, pauses
):
    service = Service(
        httpx.ConnectError("refused"),
        httpx.Response(503, headers={**PROBLEM, "Retry-After": "7"}, json={}),
        httpx.Response(202, json=RECEIPT),
    )
    client_of(service).send([study_file])
    assert len({request.headers["idempotency-key"] for request in service.requests}) == 1
    assert len({request.content for request in service.requests}) == 1
    assert pauses == [0.5, 7.0]


def test_two_uploads_have_two_keys(client_of, study_file):
    service = Service(*(httpx.Response(202, json=RECEIPT) for _ in range(2)))
    client = client_of(service)
    client.send([study_file])
    client.send([study_file])
    assert len({request.headers["idempotency-key"] for request in service.requests}) == 2


def test_a_refusal_is_raised_with_its_code_and_its_files(client_of, study_file):
    body = {
        "status": 400,
        "code": "nothing-stored",
        "title": "Not one file could be stored",
        "detail": "Nothing.",
        "files": [{"number": 1, "code": "not-dicom"}],
    }
    service = Service(httpx.Response(400, headers=PROBLEM, json=body))
    with pytest.raises(ProblemError) as raised:
        client_of(service).send([study_file])
    assert raised.value.status == 400
    assert raised.value.problem_code == "nothing-stored"
    assert raised.value.files == ((1, "not-dicom"),)


def test_a_service_that_stays_away_is_told_in_the_end(client_of, study_file):
    service = Service(*(httpx.ConnectError("refused") for _ in range(6)))
    with pytest.raises(httpx.ConnectError):
        client_of(service).send([study_file])
    assert len(service.requests) == 6


def test_the_worklist_is_followed_over_its_pages(client_of):
    service = Service(page("a", "b", cursor="next"), page("c"))
    studies = list(client_of(service).worklist(site="north"))
    assert [study.study_id for study in studies] == ["a", "b", "c"]
    assert service.requests[1].url.params["cursor"] == "next"
    assert service.requests[1].url.params["site"] == "north"


def test_waiting_ends_with_the_reason_when_the_software_gave_up(client_of):
    running = row("s1", ai_state="running")
    failed = row("s1", ai_state="failed", ai_reason_text="The worker stopped.")
    service = Service(*(httpx.Response(200, json={"study": one}) for one in (running, failed)))
    with pytest.raises(PreReadFailed, match="The worker stopped"):
        client_of(service).wait_for_pre_read("s1")


def test_events_go_on_behind_the_last_one_after_a_lost_connection(client_of):
    service = Service(stream(5, 6), httpx.ReadError("lost"), stream(7))
    events = islice(client_of(service).events(after=4), 3)
    assert [one.seq for one in events] == [5, 6, 7]
    assert [request.headers["last-event-id"] for request in service.requests] == ["4", "6", "6"]


def test_events_without_a_valid_key_are_a_problem(client_of):
    refusal = httpx.Response(401, headers=PROBLEM, json={"code": "unauthenticated"})
    with pytest.raises(ProblemError) as raised:
        next(client_of(Service(refusal)).events())
    assert raised.value.problem_code == "unauthenticated"


def test_a_key_image_comes_as_it_is_with_or_without_the_outline(client_of):
    service = Service(httpx.Response(200, content=b"plain"), httpx.Response(200, content=b"drawn"))
    client = client_of(service)
    assert client.key_image("s1", 2) == b"plain"
    assert client.key_image("s1", 2, overlay=True) == b"drawn"
    assert [
        str(request.url).removeprefix("http://preread.test") for request in service.requests
    ] == [
        "/v1/studies/s1/key-images/2.png?overlay=false",
        "/v1/studies/s1/key-images/2.png?overlay=true",
    ]
