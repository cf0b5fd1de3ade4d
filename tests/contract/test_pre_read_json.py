"""The pre-read's JSON is a contract with every integrator.

When a golden file differs, the contract changed. Adding a field: raise the second number of
``SCHEMA_VERSION``, rewrite the files (delete them and run this test twice), say so in
CHANGELOG.md. Removing or renaming one: raise the first.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from preread.findings import SCHEMA_VERSION, Mode, PreRead
from preread.modes import for_mode
from preread.study import AiState, ReadState, Study
from preread.terms import HemorrhageType, Laterality, Level, OrderClass
from preread.work import Claim
from tests.builders import pre_read

GOLDEN = Path(__file__).parent / "golden"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def claim():
    study = Study(
        id=str(UUID(int=1)),
        site="north",
        study_instance_uid="1.2.826.0.1.3680043.10.1462.1",
        accession_number="ACC1",
        order_class=OrderClass.ROUTINE,
        modality="CT",
        body_part="HEAD",
        patient_age_years=None,
        acquired_at=None,
        synthetic=True,
        instance_count=32,
        byte_count=16_000_000,
        received_at=NOON,
        last_instance_at=NOON,
        completed_at=NOON,
        settled=True,
        revision=1,
        ai_state=AiState.RUNNING,
        ai_reason=None,
        ai_started_at=NOON,
        ai_done_at=None,
        read_state=ReadState.UNREAD,
        reported_at=None,
        level=None,
        rank_level=None,
        findings=(),
        key_image_count=0,
        summary=None,
        ranked=True,
        lane=1,
        key_ms=0,
        t0_ms=0,
        due_at=NOON,
        rank_reason="",
        policy_version="2026-1",
    )
    return Claim(
        task_id=1,
        fence=1,
        attempt=1,
        study=study,
        revision=1,
        instances=(),
        supersedes=None,
        queued_at=NOON,
        started_at=NOON,
    )


DOCUMENTS = {
    "positive": (Level.CRITICAL, tuple(HemorrhageType)),
    "negative": (Level.NONE, ()),
    "not_assessed": (Level.NOT_ASSESSED, ()),
}


def document(name):
    level, kinds = DOCUMENTS[name]
    return pre_read(claim(), level, kinds).model_copy(update={"pre_read_id": str(UUID(int=2))})


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_document_is_the_golden_one(name):
    text = json.dumps(document(name).model_dump(mode="json"), indent=1, sort_keys=True) + "\n"
    path = GOLDEN / f"pre_read_{name}.json"
    if not path.exists():
        path.write_text(text, encoding="utf-8")
        pytest.fail(f"{path.name} was missing and is written now; look at it and run again")
    assert text == path.read_text(encoding="utf-8")
    assert PreRead.model_validate_json(text) == document(name)


def test_the_schema_is_the_golden_one():
    text = json.dumps(PreRead.model_json_schema(), indent=1, sort_keys=True) + "\n"
    path = GOLDEN / f"pre_read_schema_{SCHEMA_VERSION}.json"
    if not path.exists():
        path.write_text(text, encoding="utf-8")
        pytest.fail(f"{path.name} was missing and is written now; look at it and run again")
    assert text == path.read_text(encoding="utf-8")


def test_what_an_earlier_version_wrote_is_still_read():
    written = document("positive").model_dump(mode="json")
    written["schema_version"] = "1.0"
    del written["measurements"]["midline_shift_toward"]
    read = PreRead.model_validate(written)
    assert read.measurements.midline_shift_toward is None
    assert read.findings == document("positive").findings


def test_there_is_no_limit_on_the_types_of_a_study():
    assert len(document("positive").findings) == len(HemorrhageType)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_null_number_says_why(name):
    def unexplained(value, path=""):
        if isinstance(value, dict):
            for key, inner in value.items():
                if f"{key}_reason" in value and inner is None and value[f"{key}_reason"] is None:
                    yield f"{path}.{key}"
                yield from unexplained(inner, f"{path}.{key}")
        elif isinstance(value, list):
            for number, inner in enumerate(value):
                yield from unexplained(inner, f"{path}[{number}]")

    assert list(unexplained(document(name).model_dump(mode="json"))) == []


def test_triage_only_shows_no_places_and_no_outlines():
    shown = for_mode(document("positive"), Mode.TRIAGE_ONLY)
    assert all(not finding.locations and finding.slices is None for finding in shown.findings)
    assert all(finding.locations_reason for finding in shown.findings)
    assert not any(image.has_overlay for image in shown.key_images)
    assert document("positive").measurements.midline_shift_toward is Laterality.RIGHT
    assert shown.measurements.midline_shift_toward is None
    assert shown.assessment == document("positive").assessment
