import io
import json
import logging

import pytest
import structlog

from preread.logs import configure_logs, get_logger

CANARY = "CANARY^PATIENT"


@pytest.fixture
def lines():
    handlers, level = logging.root.handlers[:], logging.root.level
    stream = io.StringIO()
    configure_logs("INFO", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


def test_a_line_carries_only_fields_that_are_allowed(lines):
    get_logger("test").info("study_stored", study_id="s", patient_name=CANARY)
    (line,) = lines()
    assert line["study_id"] == "s"
    assert line["dropped_fields"] == 1
    assert CANARY not in json.dumps(line)


def test_an_exception_is_logged_by_class_and_never_by_text(lines):
    get_logger("test").error("pre_read_failed", exc_info=ValueError(CANARY))
    (line,) = lines()
    assert line["error_class"] == "ValueError"
    assert CANARY not in json.dumps(line)


def test_what_a_library_says_is_not_repeated(lines):
    logging.getLogger("some.library").warning("value %s is odd", CANARY)
    logging.getLogger("pydicom").warning("value %s is odd", CANARY)
    found = lines()
    assert [line["event"] for line in found] == ["library_message"]
    assert CANARY not in json.dumps(found)
