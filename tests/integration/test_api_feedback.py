import pytest

from preread.keys import Role
from preread.terms import HemorrhageType, Level
from tests.builders import send_study
from tests.support.seed import pre_read_of
from tests.support.web import bearer, client_of


@pytest.fixture
def client(resources):
    with client_of(resources) as client:
        yield client


@pytest.fixture
def flagged(resources):
    send_study(resources)
    return pre_read_of(resources, Level.SUSPECTED, [HemorrhageType.SDH])


def said(**changes):
    return {"revision": 1, "score": 3, "types": ["SDH"], **changes}


def test_the_newest_word_of_each_reader_counts_and_none_is_lost(client, resources, flagged, clock):
    anna, bo = bearer(resources, Role.READER), bearer(resources, Role.READER)
    path = f"/v1/studies/{flagged}/feedback"
    place = {"region": "frontal_convexity", "laterality": "L"}
    first = client.post(path, headers=anna, json=said(places=[place], volume="too_small"))
    assert (first.status_code, first.json()["verdict"]) == (201, "TP")
    clock.forward(60)
    changed = said(types=[], score=0, false_positive_cause="calcification")
    assert client.post(path, headers=anna, json=changed).json()["verdict"] == "FP"
    client.post(path, headers=bo, json=said(score=4))
    listed = client.get(path, headers=bearer(resources)).json()["feedback"]
    assert [(one["verdict"], one["score"], one["counts"]) for one in listed] == [
        ("TP", 3, False),
        ("FP", 0, True),
        ("TP", 4, True),
    ]
    assert listed[0]["places"] == [place]
    assert client.get(path, headers=anna).status_code == 403


@pytest.mark.parametrize(
    ("body", "member"),
    [
        (said(comment="Mr. X fell"), "body"),
        (said(false_positive_cause="vessel"), "body.false_positive_cause"),
        (said(score=None), "body.score"),
        (said(score=5), "body.score"),
        (said(types=[]), "body.score"),
        (said(places=[{"region": "knee"}]), "body.places.0.region"),
    ],
    ids=[
        *("free text", "cause of a true positive", "no score", "off the scale"),
        *("score of a false alarm", "unknown region"),
    ],
)
def test_what_contradicts_itself_or_could_name_a_patient_is_refused(
    client, resources, flagged, body, member
):
    answer = client.post(
        f"/v1/studies/{flagged}/feedback", headers=bearer(resources, Role.READER), json=body
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"].startswith(member)
    assert "Mr. X" not in answer.text


def test_a_false_alarm_with_a_score_above_0_is_refused_with_the_reason(client, resources, flagged):
    reader = bearer(resources, Role.READER)
    path = f"/v1/studies/{flagged}/feedback"
    answer = client.post(path, headers=reader, json=said(types=[], score=1))
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (422, "validation-failed")
    assert (
        answer.json()["detail"] == "Nothing is there, so the flag is a false alarm: its score is 0."
    )
    assert client.get(path, headers=bearer(resources)).json()["feedback"] == []
    assert client.post(path, headers=reader, json=said(types=[], score=0)).status_code == 201


def test_a_true_negative_with_any_score_is_refused_with_the_reason(client, resources):
    send_study(resources)
    unflagged = pre_read_of(resources, Level.INDETERMINATE, [HemorrhageType.SAH])
    reader = bearer(resources, Role.READER)
    path = f"/v1/studies/{unflagged}/feedback"
    for score in (0, 4):
        answer = client.post(path, headers=reader, json=said(types=[], score=score))
        assert (answer.status_code, answer.json()["code"]) == (422, "validation-failed")
        assert answer.json()["errors"][0]["location"] == "body.score"
        assert (
            answer.json()["detail"]
            == "Nothing is there, and nothing was flagged: that has no score."
        )
    assert client.get(path, headers=bearer(resources)).json()["feedback"] == []
    given = client.post(path, headers=reader, json=said(types=[], score=None))
    assert (given.status_code, given.json()["verdict"]) == (201, "TN")


def test_a_bleed_behind_none_with_a_score_above_0_is_refused_with_the_reason(client, resources):
    send_study(resources)
    path = f"/v1/studies/{pre_read_of(resources, Level.NONE)}/feedback"
    reader = bearer(resources, Role.READER)
    answer = client.post(path, headers=reader, json=said(score=3))
    assert answer.status_code == 422
    assert answer.json()["detail"] == "A bleed behind «none» was missed: its score is 0."
    given = client.post(path, headers=reader, json=said(score=0))
    assert (given.status_code, given.json()["verdict"]) == (201, "FN")


def test_feedback_needs_a_pre_read_of_its_revision_that_says_something(client, resources, flagged):
    reader = bearer(resources, Role.READER)
    path = f"/v1/studies/{flagged}/feedback"
    assert client.post(path, headers=reader, json=said(revision=2)).status_code == 404
    send_study(resources, 2)
    unassessed = pre_read_of(resources, Level.NOT_ASSESSED, images=0)
    answer = client.post(f"/v1/studies/{unassessed}/feedback", headers=reader, json=said())
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    elsewhere = bearer(resources, Role.READER, site="south")
    assert client.post(path, headers=elsewhere, json=said()).status_code == 404
