"""The chain over the event log, in both databases."""

import threading
from argparse import Namespace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from preread.db.events import EventKind
from preread.db.unit_of_work import UnitOfWork
from preread.log_commands import break_of, verify_log
from preread.terms import HemorrhageType, Level
from tests.builders import send_study
from tests.support.seed import pre_read_of

ODD = {
    "reason": 'Grüße \u2028 «\U0001f9e0» \\ " \n',
    "floats": [0.137, 1e-7, 1e22, 1.0, -0.5, 123456789.123456789],
    "nested": {"b": [None, True, {}], "a": 2**53},
    "": "",
}


def broken(resources, noted=None):
    with UnitOfWork(resources.database.reading) as work:
        return break_of(work, noted)


def tamper(resources, sql, **values):
    with resources.unit_of_work() as work:
        work.session.execute(sa.text(sql), values)
        work.session.commit()


def told(resources, study_id, count=1, **detail):
    with resources.unit_of_work() as work:
        for number in range(count):
            work.events.append(
                EventKind.PINNED,
                study_id=study_id,
                site="north",
                actor="anna",
                at=resources.clock() + timedelta(microseconds=number + 1),
                detail={"number": number, **detail},
            )
        work.commit()


@pytest.fixture
def study_id(resources):
    send_study(resources)
    return pre_read_of(resources, Level.CRITICAL, [HemorrhageType.SDH], images=0)


def test_what_the_service_writes_is_whole_and_comes_back_as_it_was_hashed(resources, study_id):
    told(resources, study_id, 3, **ODD)
    assert broken(resources) is None
    with resources.reading() as work:
        numbers = [event.detail.get("number") for event in work.events.of_study(study_id)][-3:]
    assert numbers == [0, 1, 2]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE event SET actor = 'bo' WHERE seq = :seq",
        "UPDATE event SET detail = '{}' WHERE seq = :seq",
        "UPDATE event SET sha256 = NULL WHERE seq = :seq",
        "UPDATE event SET study_id = (SELECT id FROM study LIMIT 1), kind = 'held' WHERE seq = :seq",
    ],
)
def test_the_first_row_that_was_tampered_with_is_named(resources, study_id, sql):
    told(resources, study_id, 5)
    with resources.reading() as work:
        seq = work.events.last_seq() - 3
    tamper(resources, sql, seq=seq)
    assert broken(resources).seq == seq


def test_rows_that_are_gone_are_found_also_at_the_end(resources, study_id):
    told(resources, study_id, 5)
    with resources.reading() as work:
        last = work.events.last_seq()
    tamper(resources, "DELETE FROM event WHERE seq = :seq", seq=last)
    assert broken(resources).seq == last
    told(resources, study_id)  # what comes after it does not heal it
    assert broken(resources) is not None
    tamper(resources, "DELETE FROM log_head")
    assert broken(resources).reason == "the head of the chain is missing"


def test_processes_that_append_at_once_make_one_chain_in_the_order_of_commit(resources):
    ids = [send_study(resources, study) for study in range(1, 5)]
    writers = [
        threading.Thread(target=lambda one=one: [told(resources, one, 2) for _ in range(15)])
        for one in ids
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert broken(resources) is None
    with resources.reading() as work:
        events = work.events.after(0, 1000)
    pairs = [event.detail["number"] for event in events if event.kind is EventKind.PINNED]
    assert pairs == [0, 1] * 60  # nobody wrote between the two rows of another


def test_the_command_says_whole_or_where_it_is_broken(resources, study_id, monkeypatch, capsys):
    for name in ("database_url", "store_dir"):
        value = getattr(resources.settings, name)
        text = value.get_secret_value() if name == "database_url" else str(value)
        monkeypatch.setenv(f"PREREAD_{name.upper()}", text)
    settings = type(resources.settings)()
    assert verify_log(Namespace(noted=None), settings) == 0
    noted = capsys.readouterr().out.rsplit(" ", 1)[1].strip()
    told(resources, study_id)
    assert verify_log(Namespace(noted=noted), settings) == 0
    tamper(resources, "UPDATE event SET site = 'south' WHERE seq = 2")
    assert verify_log(Namespace(noted=noted), settings) == 1
    assert "broken at row 2" in capsys.readouterr().out


def test_a_log_from_before_the_chain_goes_on_as_one(resources, study_id):
    tamper(resources, "UPDATE event SET sha256 = NULL")
    tamper(resources, "DELETE FROM log_head")
    assert broken(resources) is None
    told(resources, study_id)
    assert broken(resources) is None
    with resources.reading() as work:
        assert work.events.head().first_seq == work.events.last_seq()
