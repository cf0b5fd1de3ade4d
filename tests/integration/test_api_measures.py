import csv
import io

import pytest

import preread.ledger_files
from preread.errors import FormatMissing
from preread.keys import Role
from preread.terms import HemorrhageType, Level, OrderClass
from tests.builders import send_study
from tests.support.seed import pre_read_of
from tests.support.web import bearer, client_of

SDH = HemorrhageType.SDH


@pytest.fixture
def client(resources):
    with client_of(resources) as client:
        yield client


@pytest.fixture
def reader(resources):
    return bearer(resources, Role.READER)


def study(resources, number, level=Level.NONE, order=OrderClass.ROUTINE, **said):
    send_study(resources, number, order_class=order, **said)
    kinds = [SDH] if level in {Level.CRITICAL, Level.SUSPECTED} else []
    return pre_read_of(resources, level, kinds, images=0)


def read(client, reader, clock, study_id, *, seconds=60):
    path = f"/v1/studies/{study_id}"
    token = client.post(f"{path}/claim", headers=reader).json()["claim"]["token"]
    clock.forward(seconds)
    answer = client.post(f"{path}/report", headers=reader, json={"status": "final", "token": token})
    assert answer.status_code == 200, answer.text
    return answer.json()["turnaround"]


def judge(client, reader, study_id, types=(), score=None):
    answer = client.post(
        f"/v1/studies/{study_id}/feedback",
        headers=reader,
        json={"revision": 1, "types": list(types), "score": score},
    )
    assert answer.status_code == 201, answer.text


def test_the_ledger_knows_the_reading_and_leaves_the_hold_out(client, resources, reader, clock):
    study_id = study(resources, 1, order=OrderClass.STAT)
    clock.forward(100)
    coordinator = bearer(resources)
    path = f"/v1/studies/{study_id}"
    hold = client.post(f"{path}/hold", headers=coordinator, json={"reason": "images missing"})
    assert hold.status_code == 200, hold.text
    clock.forward(3600)
    client.post(f"{path}/resume", headers=coordinator)
    clock.forward(50)
    spent = read(client, reader, clock, study_id, seconds=300)
    assert (spent["wait_s"], spent["read_s"], spent["held_s"], spent["total_s"]) == (
        150,
        300,
        3600,
        450,
    )
    answer = client.get("/v1/turnaround", headers=coordinator).json()
    assert answer["total"]["overdue"]["count"] == 0  # an hour on hold is not an hour late
    assert answer["groups"][0]["order_class"] == "STAT"
    assert answer["groups"][0]["intervals"]["read_s"]["p50_s"] == 300
    assert [group["hour_of_week"] for group in answer["hours"]] == [3 * 24 + 12]


def test_turnaround_is_filtered_by_site_order_and_time(client, resources, reader, clock):
    for number, site in ((1, "north"), (2, "south")):
        study_id = study(resources, number, order=OrderClass.STAT, site=site)
        clock.forward(31 * 60)
        read(client, reader, clock, study_id)
    everything = client.get("/v1/turnaround", headers=bearer(resources)).json()
    assert (everything["total"]["study_count"], everything["total"]["overdue"]["count"]) == (2, 2)
    south = client.get("/v1/turnaround", headers=bearer(resources, site="south")).json()
    assert [group["site"] for group in south["groups"]] == ["south"]
    empty = {"from": clock().isoformat(), "to": clock().isoformat()}
    answer = client.get("/v1/turnaround", headers=bearer(resources), params=empty)
    assert answer.json()["errors"][0]["location"] == "query.from"
    none = client.get("/v1/turnaround?order_class=ER", headers=bearer(resources)).json()
    assert none["total"]["overdue"]["share"] is None
    assert client.get("/v1/turnaround", headers=reader).status_code == 403
    nowhere = client.get("/v1/turnaround?timezone=Moon/Base", headers=bearer(resources))
    assert nowhere.json()["errors"][0]["location"] == "query.timezone"


def test_the_ledger_comes_as_csv_and_parquet(client, resources, reader, clock, monkeypatch):
    claimed = study(resources, 1)
    read(client, reader, clock, claimed, seconds=90)
    unclaimed = study(resources, 2)
    client.post(f"/v1/studies/{unclaimed}/report", headers=reader, json={"status": "final"})
    headers = bearer(resources)
    answer = client.get("/v1/turnaround", headers={**headers, "Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["study_id"], row["read_s"]) for row in rows] == [
        (claimed, "90.0"),
        (unclaimed, ""),
    ]

    def gone(name):
        raise ImportError(name)

    monkeypatch.setattr(preread.ledger_files.importlib, "import_module", gone)
    missing = client.get("/v1/turnaround?format=parquet", headers=headers)
    assert (missing.status_code, missing.json()["code"]) == (501, FormatMissing.code)
    monkeypatch.undo()
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")
    answer = client.get("/v1/turnaround?format=parquet", headers=headers)
    table = parquet.read_table(io.BytesIO(answer.content)).to_pylist()
    assert [(row["study_id"], row["read_s"]) for row in table] == [
        (claimed, 90.0),
        (unclaimed, None),
    ]


def test_quality_is_what_readers_said_of_finalized_studies(client, resources, reader, clock):
    passed = study(resources, 1)  # waits first, is passed by both flagged ones
    clock.forward(60)
    false_alarm = study(resources, 2, Level.SUSPECTED)
    bleed = study(resources, 3, Level.CRITICAL)
    missed = study(resources, 4)
    unjudged = study(resources, 5)
    for study_id, seconds in ((false_alarm, 580), (bleed, 800), (passed, 500), (missed, 300)):
        read(client, reader, clock, study_id, seconds=seconds)
    read(client, reader, clock, unjudged)
    judge(client, reader, false_alarm, score=0)
    judge(client, reader, bleed, ["SDH"], score=4)
    judge(client, reader, passed)
    judge(client, reader, missed, ["SAH"], score=0)
    judge(client, bearer(resources, Role.READER), missed, ["SDH"], score=0)
    answer = client.get("/v1/quality", headers=bearer(resources)).json()
    total = answer["total"]
    assert (answer["finalized_count"], total["judged_count"], answer["disputed_count"]) == (5, 4, 1)
    assert (total["ppv"]["count"], total["ppv"]["of"]) == (1, 2)
    assert total["sensitivity"]["share"] == 0.5
    assert total["false_negatives"] == [missed]
    assert total["reading"]["FP"]["mean_s"] - total["reading"]["TN"]["mean_s"] == 80
    assert total["agreement"]["4"]["count"] == 1
    assert [group["model_version"] for group in answer["groups"]] == ["0"]
    displaced = answer["displacement"][0]["displaced"]
    assert (displaced["largest_count"], displaced["passed"]["count"]) == (2, 1)
    assert sum(shift["claim_count"] for shift in answer["shifts"]) == 5
    assert answer["shifts"][0]["largest_skipped"] == 1  # the missed one was taken before none
    other_model = client.get("/v1/quality?model_version=9", headers=bearer(resources)).json()
    assert other_model["total"]["ppv"]["share"] is None


def test_a_draft_of_a_policy_is_shown_on_copies_and_moves_nothing(client, resources, reader, clock):
    plain = study(resources, 1, order=OrderClass.STAT)
    clock.forward(600)
    bleed = study(resources, 2, Level.SUSPECTED)
    read(client, reader, clock, bleed)
    clock.forward(600)
    read(client, reader, clock, plain)
    waiting = [study(resources, 3, order=OrderClass.STAT), study(resources, 4, Level.SUSPECTED)]
    weaker = {"promotions": {"suspected": {"target_min": 60, "head_start_min": 0}}}
    answer = client.post("/v1/policies/preview", headers=bearer(resources), json=weaker).json()
    shown = answer["preview"]
    assert [(move["study_id"], move["before"], move["after"]) for move in shown["moves"]] == [
        (waiting[0], 2, 1),
        (waiting[1], 1, 2),
    ]
    mean = {name: shown[name][0]["mean_min"] for name in ("happened", "present", "draft")}
    assert mean == {"happened": 0, "present": 0, "draft": 11}
    assert answer["overtaking_bound_min"]["ROUTINE"] == 1490
    listed = client.get("/v1/worklist", headers=reader).json()["studies"]
    assert [row["study"]["study_id"] for row in listed] == waiting[::-1]
    refused = {"promotions": {"none": {"target_min": 1, "head_start_min": 0}}}
    assert (
        client.post("/v1/policies/preview", headers=bearer(resources), json=refused).status_code
        == 422
    )
