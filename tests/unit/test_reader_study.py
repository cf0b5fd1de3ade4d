"""The rules of a reading study: orders, the journal, forms."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.reader_study.forms import InvalidForm, read_first, read_judgment
from preread.errors import InvalidJournal
from preread.reader_study.answers import FirstRead, Opened, SignedIn, Step, progress_of
from preread.reader_study.journal import Journal, read_events
from preread.reader_study.order import reader_code, reading_order
from tests.support.reading_study import NOON
from tests.support.readings import IPH, LEFT, SDH, bleed, scored


@given(st.integers(0, 2**31), st.sets(st.integers(1, 500), min_size=1, max_size=40))
def test_a_readers_order_is_a_permutation_that_keeps_when_a_case_is_added(seed, cases):
    order = reading_order(seed, "R1", cases)
    assert sorted(order) == sorted(cases)
    longer = reading_order(seed, "R1", {*cases, 501})
    assert tuple(case for case in longer if case != 501) == order


def test_two_readers_and_two_seeds_have_orders_of_their_own():
    orders = {reading_order(seed, reader, range(30)) for seed in (1, 2) for reader in ("R1", "R2")}
    assert len(orders) == 4


@pytest.mark.parametrize("typed", ["", "A" * 21, "Dr Smith", "<b>", "ü", "-1", "r1;"])
def test_what_is_no_code_is_no_reader(typed):
    assert reader_code(typed) is None


def test_events_come_back_as_they_were_and_a_cut_line_is_left_out_and_cut_off(tmp_path):
    path = tmp_path / "answers.jsonl"
    events = [
        SignedIn(at=NOON, reader="R1", seed=7, order=(2, 1)),
        Opened(at=NOON, reader="R1", case=1, step=Step.FIRST_READ),
        scored(comment="a\nb"),
    ]
    journal = Journal(path)
    for event in events:
        journal.add(event)
    with path.open("ab") as file:
        file.write(b'{"kind": "opened", "at"')
    assert read_events(path) == events
    again = Journal(path)
    again.add(events[1])
    assert read_events(path) == [*events, events[1]]


def test_a_damaged_line_is_told_and_not_skipped(tmp_path):
    path = tmp_path / "answers.jsonl"
    path.write_text('{"kind": "score"}\n')
    with pytest.raises(InvalidJournal, match="line 1"):
        read_events(path)


def test_the_first_first_read_and_the_last_score_count():
    first = [
        FirstRead(at=NOON, reader="R1", case=1, named=named, server_ms=1, visible_ms=None)
        for named in ((bleed(IPH),), ())
    ]
    scores = [scored(score=score) for score in (2, 3)]
    progress = progress_of([*first, *scores, scored(reader="R2", score=0)], "R1", 1)
    assert progress.first_read == first[0]
    assert progress.scored == scores[1]
    assert progress.revised == 1


class Fields(defaultdict[str, list[str]]):
    def __init__(self, **fields):
        super().__init__(list, fields)

    def getlist(self, key):
        return self[key]


def fields(kinds=("SDH",), sides=("R",), places=("",), **more):
    said = {"type": list(kinds)}
    said |= {f"side-{kind}": list(sides) for kind in kinds}
    said |= {f"place-{kind}": list(places) for kind in kinds}
    return Fields(**said, **{name: [value] for name, value in more.items()})


def test_a_type_may_lie_in_several_places_and_an_empty_row_is_none():
    form = read_first(
        fields(sides=("R", "L", ""), places=("frontal_convexity", "", ""), visible_ms="1200")
    )
    assert form.named == (bleed(SDH), bleed(SDH, LEFT, None))
    assert form.visible_ms == 1200


@pytest.mark.parametrize(
    ("sent", "complaint"),
    [
        (fields(kinds=()), "Tick each type"),
        (fields(no_hemorrhage="1"), "keep one"),
        (fields(sides=("",)), "side of each SDH"),
        (fields(sides=("X",)), "no side"),
        (fields(places=("liver",)), "no place"),
        (fields(sides=("R", "L")), "do not fit"),
        (fields(), "score from 0 to 4"),
        (fields(score="5"), "score from 0 to 4"),
        (fields(kinds=(), no_hemorrhage="1", score="4"), "has no score"),
        (fields(kinds=(), no_hemorrhage="1"), "what caused it"),
        (fields(score="4", fp_cause="magic"), "no cause"),
    ],
    ids=[
        *("nothing", "both", "no_side", "wrong_side", "wrong_place", "uneven"),
        *("no_score", "wrong_score", "score_of_nothing", "no_cause", "wrong_cause"),
    ],
)
def test_a_score_that_contradicts_itself_is_sent_back(sent, complaint):
    with pytest.raises(InvalidForm, match=complaint):
        read_judgment(sent, flagged=True)


def test_a_bleed_behind_none_has_the_score_0_and_no_other():
    with pytest.raises(InvalidForm, match="the score is 0"):
        read_judgment(fields(score="1"), flagged=False)
    assert read_judgment(fields(score="0"), flagged=False).score == 0


@pytest.mark.parametrize("text", ["", "-5", "1e3", "٣", "9" * 11])
def test_a_time_that_is_no_number_is_no_time(text):
    assert read_first(fields(visible_ms=text)).visible_ms is None
