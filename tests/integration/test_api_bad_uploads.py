"""Uploads that are damaged, too large or not allowed leave nothing behind and say why."""

from random import Random

import pytest

from preread.errors import StorageFull
from preread.keys import Role
from tests.builders import instance_bytes, key_for
from tests.support.web import bearer, client_of, files, left_in_incoming, with_settings, zipped

FORM = "multipart/form-data; boundary=xx"


@pytest.fixture
def client(resources):
    with client_of(resources) as client:
        client.headers.update(bearer(resources, Role.SENDER, "north"))
        yield client


def part(content, name="files", more='; filename="a.dcm"'):
    head = f'--xx\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + content + b"\r\n"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(part(instance_bytes()), id="no last boundary"),
        pytest.param(part(instance_bytes())[:-400], id="cut inside a file"),
        pytest.param(b"", id="empty"),
        pytest.param(b"no boundary at all", id="garbage"),
        pytest.param(b"--xx\r\nno header\r\n\r\nx\r\n--xx--", id="broken header"),
        pytest.param(
            b'--xx\r\nContent-Disposition: attachment; name="files"\r\n\r\nx\r\n--xx--',
            id="no form-data",
        ),
    ],
)
def test_a_damaged_form_stores_nothing(client, resources, body):
    answer = client.post("/v1/studies", content=body, headers={"Content-Type": FORM})
    assert answer.status_code == 400
    assert answer.json()["code"] == "multipart-malformed"
    assert left_in_incoming(resources) == []


@pytest.mark.parametrize("content_type", ["multipart/form-data", FORM.replace("xx", "y" * 71)])
def test_a_form_without_a_usable_boundary_is_refused(client, content_type):
    answer = client.post("/v1/studies", content=b"", headers={"Content-Type": content_type})
    assert answer.json()["code"] == "multipart-malformed"


def test_a_body_cut_into_single_bytes_is_the_same_body(client):
    body = part(instance_bytes()) + part(b"ROUTINE", "order_class", "") + b"--xx--\r\n"
    answer = client.post(
        "/v1/studies",
        content=(body[n : n + 1] for n in range(len(body))),
        headers={"Content-Type": FORM},
    )
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("order_class", "SOON"),
        ("order_class", ""),
        ("site", "../etc"),
        ("accession_number", "a\x00b"),
        ("accession_number", "x" * 65),
        ("complete", "perhaps"),
        ("orderclass", "STAT"),
        ("complete", "x" * 2000),
    ],
)
def test_a_field_that_breaks_its_rule_is_refused_without_an_echo(client, resources, name, value):
    answer = client.post("/v1/studies", data={name: value}, files=files(instance_bytes()))
    assert answer.status_code == 422
    assert answer.json()["errors"]
    if value:
        assert value not in answer.text
    assert "orderclass" not in answer.text
    assert left_in_incoming(resources) == []


def test_a_query_and_a_form_that_disagree_are_refused(client):
    answer = client.post(
        "/v1/studies?order_class=STAT",
        data={"order_class": "ER"},
        files=files(instance_bytes()),
    )
    assert answer.status_code == 422


def test_a_key_for_all_sites_must_name_one(resources, client):
    headers = bearer(resources, Role.ADMIN)
    answer = client.post("/v1/studies", files=files(instance_bytes()), headers=headers)
    assert answer.status_code == 422
    named = client.post("/v1/studies?site=south", files=files(instance_bytes()), headers=headers)
    assert named.status_code == 202


@pytest.mark.parametrize("where", ["query", "form"])
def test_a_key_of_one_site_cannot_send_for_another(client, resources, where):
    said = {"params" if where == "query" else "data": {"site": "south"}}
    answer = client.post("/v1/studies", files=files(instance_bytes()), **said)
    assert answer.status_code == 403
    assert left_in_incoming(resources) == []


def test_x_api_key_works_like_a_bearer_token(client, resources):
    key = key_for(resources, Role.SENDER, "north")
    del client.headers["Authorization"]
    answer = client.post("/v1/studies", files=files(instance_bytes()), headers={"X-API-Key": key})
    assert answer.status_code == 202


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_limit_is_too_large(resources, announced):
    small = with_settings(resources, max_upload_bytes=50_000)
    body = part(b"x" * 60_000) + b"--xx--"
    with client_of(small) as client:
        answer = client.post(
            "/v1/studies",
            content=body if announced else iter([body[:30_000], body[30_000:]]),
            headers={"Content-Type": FORM, **bearer(small, Role.SENDER, "north")},
        )
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert left_in_incoming(small) == []


def test_a_content_length_beyond_all_numbers_is_too_large(client):
    answer = client.post(
        "/v1/studies",
        content=b"",
        headers={"Content-Type": "application/dicom", "Content-Length": "9" * 5000},
    )
    assert answer.status_code == 413


def test_one_file_over_its_limit_does_not_lose_the_others(resources):
    small = with_settings(resources, max_instance_bytes=5000)
    with client_of(small) as client:
        answer = client.post(
            "/v1/studies",
            files=files(instance_bytes(number=1), b"x" * 6000, instance_bytes(number=2)),
            headers=bearer(small, Role.SENDER, "north"),
        )
    outcomes = answer.json()["files"]
    assert [one["status"] for one in outcomes] == ["stored", "refused", "stored"]
    assert outcomes[1]["code"] == "dicom-too-large"
    assert left_in_incoming(small) == []


def test_a_zip_may_be_larger_than_one_file(resources):
    small = with_settings(resources, max_instance_bytes=5000)
    noise = Random(1)  # noqa: S311 - only has to be hard to pack
    body = zipped(*(instance_bytes(number=n, PixelData=noise.randbytes(512)) for n in range(1, 13)))
    assert len(body) > 5000
    with client_of(small) as client:
        answer = client.post(
            "/v1/studies",
            content=body,
            headers={
                "Content-Type": "application/zip",
                **bearer(small, Role.SENDER, "north"),
            },
        )
    assert answer.json()["studies"][0]["instance_count"] == 12


@pytest.mark.parametrize("archived", [True, False])
def test_too_many_files_are_too_much(resources, archived):
    small = with_settings(resources, max_instances=3)
    contents = [instance_bytes(number=n) for n in range(4)]
    sent = files(zipped(*contents[:2]), zipped(*contents[2:])) if archived else files(*contents)
    with client_of(small) as client:
        answer = client.post("/v1/studies", files=sent, headers=bearer(small, Role.SENDER, "north"))
    assert answer.status_code == 413
    assert left_in_incoming(small) == []


def test_archives_that_inflate_too_far_together_are_too_large(resources):
    archive = zipped(instance_bytes(number=1) + b"\0" * 30_000)
    small = with_settings(resources, max_upload_bytes=50_000)
    with client_of(small) as client:
        answer = client.post(
            "/v1/studies",
            files=files(archive, archive),
            headers=bearer(small, Role.SENDER, "north"),
        )
    assert answer.status_code == 413
    assert left_in_incoming(small) == []


def test_a_damaged_zip_is_unsafe(client, resources):
    body = zipped(instance_bytes())[:-30]
    answer = client.post("/v1/studies", content=body, headers={"Content-Type": "application/zip"})
    assert answer.status_code == 400
    assert answer.json()["code"] == "archive-unsafe"
    assert left_in_incoming(resources) == []


def test_a_damaged_zip_does_not_lose_the_good_files_beside_it(client, resources):
    answer = client.post("/v1/studies", files=files(zipped(b"x" * 99)[:-30], instance_bytes()))
    assert answer.status_code == 202
    assert [(one["status"], one["code"]) for one in answer.json()["files"]] == [
        ("refused", "archive-unsafe"),
        ("stored", None),
    ]
    assert left_in_incoming(resources) == []


def test_a_full_disk_is_said_so(client, resources, monkeypatch):
    def full(_store, _files):
        message = "The disk of the service is full."
        raise StorageFull(message)

    monkeypatch.setattr(type(resources.store), "keep", full)
    answer = client.post("/v1/studies", files=files(instance_bytes()))
    assert answer.status_code == 507
    assert left_in_incoming(resources) == []


def test_no_answer_repeats_a_patients_name(client):
    content = instance_bytes(PatientName="WICHTIG^ERIKA")
    answers = [
        client.post("/v1/studies", files=[("files", ("ERIKA_WICHTIG.dcm", content[:400]))]),
        client.post("/v1/studies", files=[("ERIKA", (None, "WICHTIG"))]),
        client.post("/v1/studies?order_class=WICHTIG", files=files(content)),
    ]
    for answer in answers:
        assert answer.status_code >= 400
        assert "WICHTIG" not in answer.text.upper()
        assert "ERIKA" not in answer.text.upper()
