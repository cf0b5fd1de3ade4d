"""What a person reads in a terminal."""

import io
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from preread.answers import RemoteStudy
from preread.findings import PreRead
from preread.notice import NOTICE
from preread.printing import pre_read_text, progress_bar, worklist_table
from preread.terms import Level, OrderClass

GOLDEN = Path(__file__).parent / "golden" / "pre_read.json"


def document():
    return PreRead.model_validate_json(GOLDEN.read_text(encoding="utf-8"))


def study(**changes):
    said = {
        "study_id": "00000000-0000-4000-8000-000000000001",
        "site": "north",
        "accession_number": "ACC1",
        "order_class": OrderClass.ER,
        "synthetic": True,
        "instance_count": 32,
        "received_at": datetime(2026, 1, 1, 12, tzinfo=UTC),
        "completed_at": datetime(2026, 1, 1, 12, tzinfo=UTC),
        "revision": 1,
        "ai_state": "queued",
        "ai_reason_text": None,
        "read_state": "unread",
        "on_worklist": True,
        "due_at": datetime(2026, 1, 1, 13, tzinfo=UTC),
        "rank_reason": None,
        "level": None,
        "findings": (),
        "summary": None,
        "key_image_count": 0,
    }
    return RemoteStudy(**{**said, **changes})


def test_a_pre_read_is_told_with_its_findings_limits_and_notice():
    text = " ".join(pre_read_text(document()).split())
    assert "critical (probability of hemorrhage 0.93, threshold 0.50)" in text
    assert "subdural hemorrhage, probability 0.93, 43.2 ml, 9 mm thick, right frontal" in text
    assert "midline shift 6 mm to the left" in text
    assert "20 slices over 100 mm" in text
    assert "a demonstrator, trained on nothing" in text
    assert NOTICE in text


@pytest.mark.parametrize(
    ("shift_mm", "said"),
    [(2.9, "midline shift below 3 mm, within its error"), (3.0, "midline shift 3 mm to the left")],
)
def test_a_midline_shift_is_told_from_where_it_says_something(shift_mm, said):
    one = document()
    measured = one.measurements.model_copy(update={"midline_shift_mm": shift_mm})
    told = " ".join(pre_read_text(one.model_copy(update={"measurements": measured})).split())
    assert said in told


def test_a_study_that_was_not_assessed_is_never_told_as_quiet():
    one = document()
    bare = one.model_copy(
        update={
            "assessment": one.assessment.model_copy(
                update={
                    "level": Level.NOT_ASSESSED,
                    "any_hemorrhage": None,
                    "any_hemorrhage_reason": "A contrast agent was given.",
                }
            ),
            "input": one.input.model_copy(update={"slice_count": None}),
            "findings": (),
            "model": None,
            "model_reason": "A contrast agent was given.",
        }
    )
    text = pre_read_text(bare)
    assert "not_assessed (A contrast agent was given.)" in text
    assert "not read" in text
    assert "probability" not in text


def test_the_worklist_is_aligned_and_says_what_is_known():
    rows = [
        study(),
        study(accession_number=None, site="a-longer-site", level=Level.NONE, summary="Quiet."),
        study(ai_state="failed", ai_reason_text="The worker stopped."),
    ]
    head, *lines = worklist_table(rows).splitlines()
    column = head.index("pre-read")
    told = [line[column:] for line in lines]
    assert told == ["queued", "none: Quiet.", "failed: The worker stopped."]
    assert "00000000" in lines[1]


def test_the_worklist_shows_where_each_study_was():
    rows = [study(study_id="b"), study(study_id="a"), study(study_id="new")]
    head, *lines = worklist_table(rows, ["a", "b"]).splitlines()
    assert head.split()[:2] == ["#", "was"]
    assert [line.split()[:2] for line in lines] == [["1", "2"], ["2", "1"], ["3", "ACC1"]]


def test_no_bar_is_drawn_where_nobody_looks(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    progress_bar("sending")(1, 2)
    assert stream.getvalue() == ""
