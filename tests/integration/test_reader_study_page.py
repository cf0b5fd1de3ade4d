"""The page of a reading study over HTTP: blinded, append-only, for this machine and its own forms only."""

import re

import pytest
from starlette.testclient import TestClient

from api.reader_study.app import create_app
from preread.errors import SettingsInvalid
from preread.notice import NOTICE
from preread.reader_study.answers import FirstRead, Opened, Scored, SignedIn, Step
from preread.reader_study.journal import read_events
from preread.reader_study.order import reading_order
from tests.support.reading_study import OUTLINE, SEED, Case, golden, prepared

OWN = {"sec-fetch-site": "same-origin"}
SDH = {"type": "SDH", "side-SDH": "R", "place-SDH": "frontal_convexity"}
NONE = {"no_hemorrhage": "1"}
# Words of the golden pre-read that only the software says.
SECRETS = ("Test pre-read", "critical", "probability", "outlines", "ml", "6 mm")


@pytest.fixture
def folder(tmp_path):
    return prepared(tmp_path, Case("positive"), Case("negative"), Case("not_assessed"))


@pytest.fixture
def client(folder, clock):
    return client_of(folder, clock)


def client_of(folder, clock, reader="R1"):
    """A browser at the page, signed in."""
    client = TestClient(
        create_app(folder, clock), base_url="http://127.0.0.1", follow_redirects=False
    )
    answer = client.post("/sign-in", data={"reader": reader}, headers=OWN)
    assert answer.status_code == 303
    return client


def send(client, case, step, **fields):
    return client.post(f"/cases/{case}/{step}", data=fields, headers=OWN)


def text_of(page):
    """What the page says, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_nothing_of_the_pre_read_leaves_the_server_before_the_first_read(client):
    page = client.get("/cases/1").text
    said = text_of(page).partition("Research software")[0]
    assert [secret for secret in SECRETS if re.search(rf"\b{secret}\b", said)] == []
    assert 'data-outlined=""' in page
    assert "selected" not in page
    assert "checked" not in page
    assert client.get("/cases/1/outlines/12").status_code == 403
    assert send(client, 1, "score", **SDH, score="4").status_code == 409


def test_a_flagged_study_and_one_without_a_flag_look_alike_before_the_first_read(client):
    pages = []
    for number in (1, 2):
        page = client.get(f"/cases/{number}").text
        pages.append(re.sub(rf"/cases/{number}/|data-case=\"{number}\"|Case <b>\d</b>", "", page))
    titles = [re.sub(r"<title>.*</title>", "", page) for page in pages]
    assert titles[0] == titles[1]


def test_after_the_first_read_the_pre_read_is_shown_and_scored(client, folder, clock):
    client.get("/cases/1")
    clock.forward(20)
    answer = send(client, 1, "first-read", **SDH, visible_ms="15000")
    assert (answer.status_code, answer.headers["location"]) == (303, "/cases/1")
    page = client.get("/cases/1").text
    assert "Test pre-read, level critical." in page
    assert "You said:" in page
    assert client.get("/cases/1/outlines/12").content == OUTLINE
    clock.forward(9)
    assert send(client, 1, "score", **SDH, score="3", comment="edge").status_code == 303
    first, last = (e for e in read_events(folder.answers_path) if isinstance(e, FirstRead | Scored))
    assert (first.server_ms, first.visible_ms) == (20_000, 15_000)
    assert (last.score, last.blinded, last.comment, last.server_ms) == (3, True, "edge", 9000)
    assert (last.pre_read_id, last.verdict.value) == (golden("positive").pre_read_id, "TP")
    assert "score 3" in client.get("/").text


def test_a_first_read_cannot_be_given_twice(client, folder):
    send(client, 1, "first-read", **SDH)
    before = folder.answers_path.read_bytes()
    assert send(client, 1, "first-read", **NONE).status_code == 409
    assert folder.answers_path.read_bytes() == before


def test_a_browser_cannot_claim_more_time_than_passed(client, folder, clock):
    client.get("/cases/1")
    clock.forward(4)
    send(client, 1, "first-read", **SDH, visible_ms="999999")
    (first,) = (e for e in read_events(folder.answers_path) if isinstance(e, FirstRead))
    assert first.visible_ms == 4000


def test_a_second_score_is_added_and_the_first_one_stays(client, folder):
    send(client, 2, "first-read", **NONE)
    send(client, 2, "score", **NONE)
    before = folder.answers_path.read_bytes()
    send(client, 2, "score", **SDH, score="0")
    after = folder.answers_path.read_bytes()
    assert after.startswith(before)
    scores = [e for e in read_events(folder.answers_path) if isinstance(e, Scored)]
    assert [(one.score, one.verdict.value) for one in scores] == [(None, "TN"), (0, "FN")]


def test_what_is_missing_is_said_and_nothing_is_kept(client, folder):
    send(client, 1, "first-read", **NONE)
    before = folder.answers_path.read_bytes()
    answer = send(client, 1, "score", **NONE)
    assert answer.status_code == 422
    assert "what caused it" in answer.text
    assert folder.answers_path.read_bytes() == before


def test_a_study_goes_on_after_a_restart_and_each_reader_has_an_own_order(folder, clock):
    send(client_of(folder, clock), 1, "first-read", **SDH)
    again = client_of(folder, clock)
    assert "Step 2" in again.get("/cases/1").text
    assert "Step 1" in client_of(folder, clock, "r2").get("/cases/1").text
    signed = [e for e in read_events(folder.answers_path) if isinstance(e, SignedIn)]
    assert {(e.reader, e.seed, e.order) for e in signed} == {
        (reader, SEED, reading_order(SEED, reader, (1, 2))) for reader in ("R1", "R2")
    }


def test_without_a_first_read_the_pre_read_is_shown_at_once(tmp_path, clock):
    folder = prepared(tmp_path, Case("positive"), first_read=False)
    client = client_of(folder, clock)
    assert "Test pre-read" in client.get("/cases/1").text
    opened = [e for e in read_events(folder.answers_path) if isinstance(e, Opened)]
    assert [e.step for e in opened] == [Step.SCORE]
    assert send(client, 1, "first-read", **SDH).status_code == 409


def test_no_patient_and_no_study_is_named_anywhere(client):
    send(client, 1, "first-read", **SDH)
    document = golden("positive")
    names = (document.study.accession_number, document.study.study_instance_uid, "1.2.1")
    pages = [client.get(path).text for path in ("/", "/cases/1", "/cases/2")]
    assert not [name for name in names for page in pages if name in page]


@pytest.mark.parametrize("path", ["/sign-in", "/", "/cases/1", "/cases/2"])
def test_every_page_has_the_notice_and_a_strict_policy_and_names_no_other_host(client, path):
    send(client, 2, "first-read", **NONE)
    answer = client.get(path)
    assert answer.status_code == 200
    assert NOTICE.partition("not for")[2] in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"https?://|<style|\son\w+=|style=", answer.text)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", answer.text))


def test_the_page_is_for_this_machine_and_its_own_forms_only(client, folder):
    before = folder.answers_path.read_bytes()
    elsewhere = client.get("/", headers={"host": "elsewhere.example"})
    assert elsewhere.status_code == 400
    for path, data in (("/sign-in", {"reader": "R9"}), ("/cases/1/first-read", SDH)):
        answer = client.post(path, data=data, headers={"sec-fetch-site": "cross-site"})
        assert answer.status_code == 403
    assert folder.answers_path.read_bytes() == before


def test_slices_want_a_reader_and_exist_in_three_windows(client, folder, clock):
    for window in ("brain", "subdural", "bone"):
        answer = client.get(f"/cases/1/{window}/12.png")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    for path in ("/cases/1/brain/13.png", "/cases/1/lung/1.png", "/cases/3", "/cases/9"):
        assert client.get(path).status_code in {404, 422}
    stranger = TestClient(
        create_app(folder, clock), base_url="http://127.0.0.1", follow_redirects=False
    )
    assert stranger.get("/cases/1/brain/1.png").headers["location"] == "/sign-in"


def test_a_study_in_which_nothing_could_be_assessed_is_not_served(tmp_path, clock):
    with pytest.raises(SettingsInvalid, match="no case"):
        create_app(prepared(tmp_path, Case("not_assessed")), clock)
