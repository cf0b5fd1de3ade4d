"""What people do on the page, as the browser sends it; with and without scripts."""

import hashlib
import html as html_module
import re
from pathlib import Path

import pytest

from preread.findings import Mode
from preread.keys import Role
from preread.terms import HemorrhageType, Level
from tests.builders import key_for, send_study
from tests.support.seed import pre_read_of
from tests.support.web import OURS, client_of, sign_in, with_settings

ROOT = Path(__file__).parents[2]
HTMX = {**OURS, "HX-Request": "true"}


@pytest.fixture
def database_url(sqlite_url):
    """One kind of database is enough: the steps behind are tested on both."""
    return sqlite_url


def test_a_claim_without_scripts_leads_back_and_its_token_is_not_for_scripts(visitor, resources):
    study_id = send_study(resources)
    sign_in(visitor, key_for(resources, Role.READER))
    answer = visitor.post(f"/studies/{study_id}/claim", headers=OURS)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/studies/{study_id}")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert visitor.post("/heartbeat", headers=OURS).status_code == 204
    released = visitor.post(f"/studies/{study_id}/release", headers=HTMX)
    assert released.status_code == 204
    assert "step-done" in released.headers["hx-trigger"]
    refused = visitor.post(f"/studies/{study_id}/release", headers=HTMX)
    assert refused.status_code == 409


def test_another_page_cannot_take_a_step(visitor, resources):
    study_id = send_study(resources)
    sign_in(visitor, key_for(resources, Role.ADMIN))
    foreign = {"Sec-Fetch-Site": "cross-site"}
    steps = ["claim", "release", "hold", "pin", "cancel", "report", "feedback", "retry"]
    for path in [
        "/next",
        "/heartbeat",
        "/keys",
        "/sites",
        *(f"/studies/{study_id}/{s}" for s in steps),
    ]:
        answer = visitor.post(path, data={"reason": "because"}, headers=foreign)
        assert answer.status_code == 403, path
    with resources.reading() as work:
        assert work.studies.get(study_id).read_state == "unread"


@pytest.mark.parametrize("path", ["/keys", "/sites", "/policies", "/turnaround", "/quality"])
def test_a_reader_sees_neither_keys_nor_figures(visitor, resources, path):
    sign_in(visitor, key_for(resources, Role.READER))
    assert visitor.get(path).status_code == 403
    assert path not in visitor.get("/").text


def test_a_reader_cannot_pin_or_retry(visitor, resources):
    study_id = send_study(resources)
    sign_in(visitor, key_for(resources, Role.READER))
    for step in ("pin", "cancel", "retry", "assign"):
        answer = visitor.post(f"/studies/{study_id}/{step}", data={"reason": "why"}, headers=OURS)
        assert answer.status_code == 403, step


def test_the_figures_show_what_was_reported_and_judged(visitor, resources, clock):
    send_study(resources)
    study_id = pre_read_of(resources, Level.SUSPECTED, (HemorrhageType.SDH,))
    sign_in(visitor, key_for(resources, Role.COORDINATOR))
    clock.forward(95)
    said = {"revision": 1, "score": 0, "cause": "calcification"}
    judged = visitor.post(f"/studies/{study_id}/feedback", data=said, headers=OURS)
    assert judged.status_code == 303
    reported = visitor.post(f"/studies/{study_id}/report", data={"status": "final"}, headers=OURS)
    assert reported.status_code == 303
    clock.forward(1)
    turnaround = visitor.get("/turnaround?days=1&site=&order_class=&timezone=Asia/Kolkata").text
    assert "1:35\N{NO-BREAK SPACE}min" in turnaround
    assert "Thu 17:00" in turnaround  # 12:00 in UTC, seen from Kolkata
    assert "not known here" in visitor.get("/turnaround?timezone=Mars").text
    quality = visitor.get("/quality").text
    for html in (turnaround, quality):
        assert html.count("<svg") == html.count("<desc id=") > 2
        assert "style=" not in html
    csv = html_module.unescape(re.search(r'href="(/v1/turnaround[^"]*)"', turnaround)[1])
    assert study_id in visitor.get(csv).text
    assert "calcification" in quality
    assert "0\N{NO-BREAK SPACE}% (0 of 1; 0–79\N{NO-BREAK SPACE}%)" in quality


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"score": 3, "types": ["SDH"]}, (3, (), None)),
        (
            {"score": 3, "types": ["SDH"], "places": ["insula:L", "pons"], "volume": "too_small"},
            (3, ("left insula", "pons"), "too_small"),
        ),
        (
            {"score": 3, "types": ["SDH"], "region": "pons", "side": "", "volume": ""},
            (3, ("pons",), None),
        ),
        (
            {"types": ["SDH"], "places": ["pons"], "volume": "too_small", "cause": "vessel"},
            (0, (), None),
        ),
    ],
    ids=["score alone", "corrected", "one more place without scripts", "false alarm"],
)
def test_a_judgment_of_the_page_is_kept_as_it_was_said(visitor, resources, said, kept):
    send_study(resources)
    study_id = pre_read_of(resources, Level.SUSPECTED, (HemorrhageType.SDH,))
    sign_in(visitor, key_for(resources, Role.READER))
    path = f"/studies/{study_id}"
    assert (
        visitor.post(f"{path}/feedback", data={"revision": 1, **said}, headers=OURS).status_code
        == 303
    )
    with resources.reading() as work:
        (judgment,) = (one.judgment for one in work.feedback.of_study(study_id))
    places = tuple(place.name for place in judgment.places)
    assert (judgment.score, places, judgment.volume) == kept
    html = visitor.get(path).text
    assert all(f"<span>{place}</span>" in html for place in places)


@pytest.mark.parametrize(
    "said",
    [
        *({"places": "knee:L"}, {"places": "pons:X"}, {"score": 5}, {"score": 0}),
        *({"score": 3, "volume": ""}, {}),
    ],
    ids=[
        *("no region", "no side", "off the scale", "volume of a false alarm"),
        *("score of a false alarm", "no score"),
    ],
)
def test_a_judgment_that_makes_no_sense_is_refused(visitor, resources, said):
    send_study(resources)
    study_id = pre_read_of(resources, Level.SUSPECTED, (HemorrhageType.SDH,))
    sign_in(visitor, key_for(resources, Role.READER))
    data = {"revision": 1, "volume": "too_large", **said}
    answer = visitor.post(f"/studies/{study_id}/feedback", data=data, headers=OURS)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation-failed")


def test_that_nothing_is_there_and_nothing_was_flagged_is_one_press_without_a_score(
    visitor, resources
):
    send_study(resources)
    study_id = pre_read_of(resources, Level.INDETERMINATE, (HemorrhageType.SAH,))
    sign_in(visitor, key_for(resources, Role.READER))
    path = f"/studies/{study_id}"
    assert "you said no bleed" not in visitor.get(path).text
    said = {"revision": 1, "types": ["SAH"], "places": ["pons"], "no_bleed": "true"}
    assert visitor.post(f"{path}/feedback", data=said, headers=OURS).status_code == 303
    with resources.reading() as work:
        (given,) = work.feedback.of_study(study_id)
    judgment = given.judgment
    assert (given.verdict, judgment.score, judgment.types, judgment.places) == ("TN", None, (), ())
    assert "you said no bleed" in visitor.get(path).text


def test_triage_only_offers_no_place_to_correct(resources):
    send_study(resources)
    study_id = pre_read_of(resources, Level.SUSPECTED, (HemorrhageType.SDH,))
    with client_of(with_settings(resources, mode=Mode.TRIAGE_ONLY)) as visitor:
        sign_in(visitor, key_for(resources, Role.READER))
        html = visitor.get(f"/studies/{study_id}").text
    assert "Correct the volume" in html
    assert "convexity" not in html


def test_an_administrator_makes_a_key_that_is_shown_once_and_ends_it(visitor, resources):
    sign_in(visitor, key_for(resources, Role.ADMIN))
    said = {
        "label": "Dr. Rao",
        "role": "reader",
        "sites": "north, south",
        "licenses": "us-tx",
        "days": "",
    }
    made = re.search(
        r"pr_[0-9a-f]{8}_[\w-]{43}", visitor.post("/keys", data=said, headers=OURS).text
    )
    assert made is not None
    listed = visitor.get("/keys").text
    assert "Dr. Rao" in listed
    assert "north, south" in listed
    assert "US-TX" in listed
    assert made[0] not in listed
    key_id = made[0].split("_")[1]
    visitor.post(f"/keys/{key_id}/revoke", headers=OURS)
    assert "revoked" in visitor.get("/keys").text
    assert visitor.post("/keys", data={**said, "sites": "../a"}, headers=OURS).status_code == 422


DRAFT = {
    "STAT": 30,
    "ER": 60,
    "INPATIENT": 240,
    "ROUTINE": 1440,
    "name": "suspected as critical",
    "critical_target": 10,
    "critical_head_start": 60,
    "suspected_target": 10,
    "suspected_head_start": 60,
    "indeterminate_target": 60,
    "indeterminate_head_start": 0,
}


def test_a_policy_that_is_refused_says_why_and_one_that_somebody_replaced_is_not_put_in_force(
    visitor, resources
):
    sign_in(visitor, key_for(resources, Role.ADMIN))
    wrong = visitor.post("/policies", data={**DRAFT, "suspected_target": 9}, headers=OURS)
    assert wrong.status_code == 422
    assert "A more urgent level needs a target that is no longer" in wrong.text
    assert 'value="suspected as critical"' in wrong.text
    for number in (1, 2):
        made = visitor.post("/policies", data=DRAFT, headers=OURS)
        assert made.headers["location"] == f"/policies/{number}"
    seen = {"reason": "because of the test", "instead_of": 0}
    assert visitor.post("/policies/1/activate", data=seen, headers=OURS).status_code == 303
    late = visitor.post("/policies/2/activate", data=seen, headers=OURS)
    assert late.status_code == 409
    assert "Policy 1 is in force now" in late.text
    foreign = {"Sec-Fetch-Site": "cross-site"}
    current = {**seen, "instead_of": 1}
    assert visitor.post("/policies/0/revert", data=current, headers=foreign).status_code == 403
    assert '<a href="/policies/0">2026-1</a>' in visitor.get("/policies/1").text


def test_a_site_is_described_on_the_page_and_what_is_refused_is_said(visitor, resources):
    sign_in(visitor, key_for(resources, Role.ADMIN))
    for site in ("west", "west"):  # the second one only opens it
        added = visitor.post("/sites", data={"site": site, "title": "West"}, headers=OURS)
        assert (added.status_code, added.headers["location"]) == (303, "/sites/west")
    wrong = visitor.post("/sites/west", data={"viewer_url": "javascript:x"}, headers=OURS)
    assert (wrong.status_code, "begins with a scheme" in wrong.text) == (422, True)
    minutes = {"stat": 5, "er": 60, "inpatient": 240, "routine": 1440}
    short = visitor.post("/sites/west/targets", data=minutes, headers=OURS)
    assert (short.status_code, "Not accepted: STAT" in short.text) == (422, True)
    assert visitor.post("/sites", data={"site": "a b"}, headers=OURS).status_code == 422
    page = visitor.get("/sites").text
    assert ">West<" in page
    assert "0 streams are open" in page


def test_the_list_finds_accession_numbers_by_how_they_begin(visitor, resources):
    ids = [send_study(resources, number) for number in (1, 12, 2)]
    sign_in(visitor, key_for(resources, Role.READER))
    html = visitor.get("/?accession=acc1").text
    assert [study_id for study_id in ids if f'id="row-{study_id}"' in html] == ids[:2]
    assert "No study matches" in visitor.get("/?accession=%25").text


def test_vendored_scripts_are_the_ones_that_are_described():
    folder = ROOT / "api" / "static" / "vendor"
    described = dict(
        re.findall(
            r"^\| `(\S+\.js)` .*`([0-9a-f]{64})`", (folder / "README.md").read_text(), re.MULTILINE
        )
    )
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.js")
    }
    assert described == found
