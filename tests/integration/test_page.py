"""The coordinator's page, as the browser gets it: words, states, fragments."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from preread.claims import claim_study
from preread.keys import Role
from preread.terms import HemorrhageType, Level
from preread.work import claim_next, finish_claim
from tests.builders import (
    UID_ROOT,
    caller_for,
    instance_bytes,
    key_for,
    result,
    send,
    send_study,
)
from tests.support.seed import every_state, pre_read_of
from tests.support.web import OURS, client_of, sign_in, with_settings

HTMX = {"HX-Request": "true"}


@pytest.fixture
def client(visitor, resources):
    sign_in(visitor, key_for(resources))
    return visitor


class Elements(HTMLParser):
    """Collects tags, and the text inside the elements of a class."""

    def __init__(self, html):
        super().__init__()
        self.tags = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def rows_of(html):
    """Return the markup of each row by study ID."""
    parts = re.split(r'<li id="row-', html)[1:]
    return {part[:36]: part.split('<li id="row-')[0] for part in parts}


def test_every_state_has_its_own_word(client, resources):
    made = every_state(resources)
    rows = rows_of(client.get("/").text)
    words = {
        "critical": "▲</b> Critical",
        "suspected": "◆</b> Suspected",
        "indeterminate": "●</b> Indeterminate",
        "none": "No hemorrhage flagged",
        "not_assessed": "⊘</b> Not assessed",
        "failed": "✕</b> AI failed",
        "queued": "AI pending",
    }
    for state, word in words.items():
        assert word in rows[made[state]], state
    assert made["receiving"] not in rows


@pytest.mark.parametrize("state", ["failed", "queued", "not_assessed"])
def test_what_was_not_assessed_never_looks_like_nothing_found(client, resources, state):
    made = every_state(resources)
    row = rows_of(client.get("/").text)[made[state]]
    pane = client.get(f"/studies/{made[state]}", headers=HTMX).text
    for html in (row, pane):
        assert "flagged" not in html.lower().replace("place unchanged", "")
        assert "badge none" not in html


def test_a_study_that_waits_long_for_the_ai_says_that_it_is_stuck(client, resources, clock):
    made = every_state(resources)
    assert "Stuck" not in rows_of(client.get("/").text)[made["queued"]]
    clock.forward(601)
    rows = rows_of(client.get("/").text)
    assert "Stuck: AI has not begun for 10:01" in rows[made["queued"]]
    assert "Stuck" not in rows[made["failed"]]
    assert "Stuck" not in rows[made["none"]]


def test_the_pane_never_leaves_the_side_of_a_place_away(client, resources):
    made = every_state(resources)
    pane = client.get(f"/studies/{made['suspected']}", headers=HTMX).text
    assert '<span class="where">right frontal convexity, 9 mm thick</span>' in pane


def test_a_row_shows_findings_reason_and_time(client, resources):
    made = every_state(resources)
    row = rows_of(client.get("/").text)[made["suspected"]]
    assert '<abbr title="subdural hemorrhage">SDH</abbr> right frontal convexity' in row
    assert "90\N{NO-BREAK SPACE}%" in row
    assert "13\N{NO-BREAK SPACE}ml" in row or "12\N{NO-BREAK SPACE}ml" in row
    assert "AI suspected, 20-min target" in row
    assert 'data-due="2026-01-01T12:20:00Z"' in row
    assert "key-images/1.png?revision=1" in row


def test_a_result_of_earlier_images_is_called_that(client, resources):
    study_id = send_study(resources)
    pre_read_of(resources, Level.SUSPECTED, (HemorrhageType.SDH,))
    send(resources, instance_bytes(number=9), complete=True)
    row = rows_of(client.get("/").text)[study_id]
    pane = client.get(f"/studies/{study_id}", headers=HTMX).text
    assert "AI pending" in row
    assert "received before, AI said: suspected" in row
    assert "revision 1; the study now has revision 2" in pane


def test_a_fragment_is_the_list_and_keeps_its_filters(client, resources):
    made = every_state(resources)
    html = client.get("/?flagged=true&finding=&order_class=", headers=HTMX).text
    assert "<html" not in html
    assert set(rows_of(html)) == {made["critical"], made["suspected"]}
    assert 'hx-get="/?flagged=true"' in html


def test_only_the_filter_form_changes_the_address(client):
    query = "/?flagged=true&site=&list=waiting"
    form = client.get(query, headers={**HTMX, "HX-Source": "form#filters"})
    assert form.headers["hx-push-url"] == "/?flagged=true"
    assert "hx-push-url" not in client.get(query, headers=HTMX).headers


def test_going_back_in_the_history_gives_the_whole_page(client):
    headers = {**HTMX, "HX-History-Restore-Request": "true"}
    assert "<html" in client.get("/", headers=headers).text


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("list=receiving", ["receiving"]),
        ("ai_state=failed", ["failed"]),
        ("level=nonsense&flagged=perhaps&limit=9999999", None),
        ("cursor=", None),
    ],
)
def test_filters_in_the_address_are_those_of_the_page(client, resources, query, shown):
    made = every_state(resources)
    rows = rows_of(client.get(f"/?{query}").text)
    expected = [name for name in made if name != "receiving"] if shown is None else shown
    assert set(rows) == {made[name] for name in expected}


def test_an_empty_list_says_so(client):
    assert "Nothing waits" in client.get("/").text
    assert "No study matches" in client.get("/?flagged=true").text


def test_the_pane_shows_images_measures_and_the_way_to_the_json(client, resources):
    made = every_state(resources)
    html = client.get(f"/studies/{made['critical']}", headers=HTMX).text
    assert "overlay=true" in html
    assert "revision=1" in html
    assert html.count("<meter") == 2
    assert "midline shift 6 mm to the right." in html
    assert "mm thick" not in html  # neither IPH nor IVH has a thickness
    assert "9 mm thick" in client.get(f"/studies/{made['suspected']}", headers=HTMX).text
    assert f'href="/v1/studies/{made["critical"]}/pre-read"' in html
    assert 'name="status" value="final"' in html
    assert "SYNTHETIC" not in html


def test_an_undecided_result_is_told_as_possible_and_says_why_nothing_was_named(client, resources):
    made = every_state(resources)
    send_study(resources, 9)
    task = claim_next(resources, "w")  # the study that every_state left in the queue
    brought = result(task, Level.INDETERMINATE)
    text = brought.document.text.model_copy(update={"summary": "Nothing was flagged, but why."})
    told = brought.document.model_copy(update={"text": text})
    finish_claim(resources, task, replace(brought, document=told), worker="w")
    rows = rows_of(client.get("/").text)
    assert "possible <abbr" in rows[made["indeterminate"]]
    assert "Nothing was flagged, but why." in rows[task.study.id]
    assert "possible" not in rows[made["suspected"]]


def test_what_is_only_possible_is_not_ticked_before_the_reader_has_said_so(client, resources):
    made = every_state(resources)

    def ticked(name):
        html = client.get(f"/studies/{made[name]}", headers=HTMX).text
        boxes = [one for tag, one in Elements(html).tags if tag == "input" and "checked" in one]
        return [one["value"] for one in boxes if one.get("name") in {"types", "places"}]

    assert ticked("indeterminate") == []
    assert ticked("suspected") == ["SDH", "frontal_convexity:R"]


def test_a_reason_is_said_once_and_ends_with_one_stop(client, resources):
    send_study(resources)
    task = claim_next(resources, "w")
    brought = result(task, Level.NOT_ASSESSED)
    assessed = brought.document.assessment.model_copy(
        update={"any_hemorrhage_reason": "The images do not show a head."}
    )
    told = brought.document.model_copy(update={"assessment": assessed})
    finish_claim(resources, task, replace(brought, document=told), worker="w")
    html = client.get(f"/studies/{task.study.id}", headers=HTMX).text
    assert "No probability: The images do not show a head.</p>" in html


@pytest.mark.parametrize(
    ("path", "status"),
    [("/studies/of-another-site", 404), ("/nowhere", 404), ("/policies/x", 422)],
)
def test_a_person_on_a_wrong_address_gets_a_page_and_a_program_a_problem(client, path, status):
    person = client.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
    program = client.get(path)
    assert (person.status_code, program.status_code) == (status, status)
    assert program.headers["content-type"] == "application/problem+json"
    assert "To the worklist" in person.text
    assert "not a medical device" in person.text
    assert client.get(path, headers={"Accept": "text/html", **HTMX}).text == program.text


def test_a_study_opens_in_the_sites_own_viewer(resources):
    study_id = send_study(resources)
    url = "https://pacs.example/view?study={study_instance_uid}&order={accession_number}"
    with client_of(with_settings(resources, viewer_url=url)) as visitor:
        sign_in(visitor, key_for(resources))
        html = visitor.get(f"/studies/{study_id}").text
    address = f"https://pacs.example/view?study={UID_ROOT}.1&amp;order=ACC1"
    assert (
        f'<a href="{address}" target="_blank" rel="noopener noreferrer">Open in viewer</a>' in html
    )


def test_a_deep_link_shows_list_and_study(client, resources):
    made = every_state(resources)
    html = client.get(f"/studies/{made['none']}?flagged=true").text
    assert "<html" in html
    assert f'id="study" data-study="{made["none"]}"' in html
    assert set(rows_of(html)) == {made["critical"], made["suspected"]}


def test_a_reported_study_offers_no_report(client, resources):
    study_id = send_study(resources)
    answer = client.post(f"/v1/studies/{study_id}/report", json={"status": "final"}, headers=OURS)
    assert answer.status_code == 200
    html = client.get(f"/studies/{study_id}", headers=HTMX).text
    assert 'name="status"' not in html
    assert re.search(r"Reported <time [^>]*>[^<]*</time>; final\.", html)
    assert study_id in rows_of(client.get("/?list=final").text)


def test_a_synthetic_study_is_marked_everywhere(client, resources):
    study_id = (
        send(
            resources,
            instance_bytes(ImageComments="SYNTHETIC", SeriesDescription="SYNTHETIC"),
            complete=True,
        )
        .studies[0]
        .study_id
    )
    assert "SYNTHETIC" in rows_of(client.get("/").text)[study_id]
    assert "SYNTHETIC – not a patient" in client.get(f"/studies/{study_id}", headers=HTMX).text


def test_what_a_sender_wrote_is_never_markup(client, resources):
    send(resources, instance_bytes(), complete=True, accession_number="<img src=x>")
    assert "<img src=x>" not in client.get("/").text
    assert "&lt;img src=x&gt;" in client.get("/").text


def test_a_reader_of_one_site_cannot_look_at_another(visitor, resources):
    made = every_state(resources)
    sign_in(visitor, key_for(resources, Role.READER, "south"))
    assert set(rows_of(visitor.get("/").text)) == {made["failed"]}
    assert visitor.get(f"/studies/{made['critical']}").status_code == 404
    assert visitor.get("/?site=north").status_code == 403


@pytest.mark.parametrize("path", ["/", "/sign-in"])
def test_the_page_needs_nothing_from_elsewhere_and_no_inline_code(client, path):
    html = client.get(path).text
    for tag, attributes in Elements(html).tags:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "action"):
            assert "//" not in (attributes.get(name) or "")
        if tag == "script":
            assert attributes["src"].startswith("/static/")
            assert client.get(attributes["src"]).status_code == 200
        if tag == "link":
            assert client.get(attributes["href"]).status_code == 200


def test_the_notice_stands_on_every_page(client):
    for path in ("/", "/sign-in"):
        html = client.get(path).text
        assert "not a medical device" in html
        assert "A qualified radiologist must read every study." in html


def test_ids_are_unique_and_fields_have_labels(client, resources):
    made = every_state(resources)
    tags = Elements(client.get(f"/studies/{made['critical']}").text).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all("alt" in attributes for tag, attributes in tags if tag == "img")
    assert ("html", {"lang": "en"}) in tags


def test_no_alert_is_left_out_where_many_are_open_or_are_for_others(visitor, resources):
    other = caller_for(resources, label="Dr. Other")
    for number in range(1, 9):
        send_study(resources, number)
        task = claim_next(resources, "w")
        if number < 8:
            claim_study(resources, task.study.id, by=other)
        finish_claim(resources, task, result(task, Level.CRITICAL), worker="w")
    sign_in(visitor, key_for(resources))
    html = visitor.get("/").text
    assert html.count('<li id="alert-') == 8
    assert "2 more alerts" in html
    sign_in(visitor, key_for(resources, Role.READER))
    html = visitor.get("/").text
    assert re.findall(r'aria-label="Heard: (\w+)"', html) == ["ACC8"]
    assert "more alert" not in html
