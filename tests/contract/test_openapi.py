"""docs/openapi.json is what the app says, valid, and pleasant to generate clients from.

When a test here fails after a change of the API that is meant, write the document anew with
``python -m api.openapi --write`` and look at its difference: what disappeared is a breach.
"""

import json
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from api.openapi import DOCUMENT, render

DOCUMENT_TEXT = render()
DOCUMENTED = json.loads(DOCUMENT_TEXT)
STEPS = [
    (path, method, step)
    for path, steps in DOCUMENTED["paths"].items()
    for method, step in steps.items()
]


def test_the_committed_document_is_what_the_app_says():
    assert Path(__file__).parents[2] / "docs" / "openapi.json" == DOCUMENT
    assert DOCUMENT.read_text(encoding="utf-8") == DOCUMENT_TEXT


def test_the_document_does_not_depend_on_the_environment(monkeypatch):
    monkeypatch.setenv("PREREAD_MODE", "triage_only")
    monkeypatch.setenv("PREREAD_MAX_INSTANCES", "3")
    assert render() == DOCUMENT_TEXT


def test_the_document_is_valid_openapi_3_1():
    assert DOCUMENTED["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(DOCUMENTED).validate()


@pytest.mark.parametrize(("path", "method", "step"), STEPS, ids=lambda part: str(part)[:40])
def test_every_operation_has_a_plain_name_and_its_errors(path, method, step):
    assert step["operationId"].isidentifier(), (path, method)
    assert step["description"] or step["summary"]
    for status, answer in step["responses"].items():
        if int(status) >= 400:
            # Of the store transaction, PS3.18 10.5.3 says what is told when nothing was stored.
            dicom = path.startswith("/dicom-web/") and status == "409"
            kind = "application/dicom+json" if dicom else "application/problem+json"
            assert list(answer["content"]) == [kind]
    open_to_all = path.startswith("/health/")
    assert (step.get("security") == []) == open_to_all
    assert open_to_all or "401" in step["responses"]


def test_operation_names_are_unique():
    names = [step["operationId"] for _, _, step in STEPS]
    assert len(names) == len(set(names))


def test_everything_we_send_is_required():
    for name in ("StudyView", "WorklistAnswer", "WorklistRow", "Counts", "PreRead", "Receipt"):
        schema = DOCUMENTED["components"]["schemas"][name]
        assert set(schema["required"]) == set(schema["properties"]), name


def test_files_are_binary_for_generators_and_browsers():
    body = DOCUMENTED["paths"]["/v1/studies"]["post"]["requestBody"]["content"]
    schema = body["multipart/form-data"]["schema"]["properties"]["files"]["items"]
    assert schema["format"] == "binary"
    assert {"application/zip", "application/dicom"} <= set(body)


def test_fastapis_own_validation_error_is_gone():
    assert "HTTPValidationError" not in DOCUMENT_TEXT
