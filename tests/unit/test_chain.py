from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preread.chain import START, Break, Entry, Head, first_break, link

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WORDS = st.text(max_size=4)
DETAILS = st.dictionaries(
    WORDS, st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS
)


@st.composite
def logs(draw):
    """Return at least three rows with their hashes, and the head."""
    seq, entries = draw(st.integers(1, 5)), []
    for _ in range(draw(st.integers(3, 8))):
        entries.append(
            Entry(seq, NOON, draw(WORDS), draw(WORDS), draw(WORDS), draw(WORDS), draw(DETAILS))
        )
        seq += draw(st.integers(1, 3))  # a transaction that failed leaves a gap
    return chained(entries)


def chained(entries):
    previous, rows = START, []
    for entry in entries:
        previous = link(previous, entry)
        rows.append((entry, previous))
    return rows, Head(entries[0].seq, entries[-1].seq, previous)


@given(logs())
def test_a_log_that_nobody_touched_is_whole(log):
    rows, head = log
    assert first_break(rows, head) is None
    for entry, sha256 in rows:
        assert first_break(rows, head, Head(0, entry.seq, sha256)) is None


@given(logs(), st.data())
def test_a_changed_row_is_the_first_broken_one(log, data):
    rows, head = log
    place = data.draw(st.integers(0, len(rows) - 1))
    entry, sha256 = rows[place]
    changed = data.draw(
        st.sampled_from(
            [
                replace(entry, at=entry.at + timedelta(microseconds=1)),
                replace(entry, site=entry.site + "x"),
                replace(entry, study_id=entry.study_id + "x"),
                replace(entry, kind=entry.kind + "x"),
                replace(entry, actor=entry.actor + "x"),
                replace(entry, detail={**entry.detail, "reason": "another"}),
            ]
        )
    )
    rows[place] = (changed, sha256)
    assert first_break(rows, head).seq == entry.seq
    # Also with a hash that fits it: then the next row, or the head, does not follow.
    rows[place] = (changed, link(rows[place - 1][1] if place else START, changed))
    after = rows[place + 1][0].seq if place + 1 < len(rows) else entry.seq + 1
    assert first_break(rows, head).seq == after


@given(logs(), st.data())
def test_removed_rows_are_found_wherever_they_were(log, data):
    rows, head = log
    start = data.draw(st.integers(0, len(rows) - 1))
    end = data.draw(st.integers(start + 1, len(rows)))
    left = rows[:start] + rows[end:]
    assert first_break(left, head) is not None


@given(logs(), st.data())
def test_swapped_rows_are_found_whether_their_numbers_went_with_them_or_not(log, data):
    rows, head = log
    one, other = sorted(
        data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=2, max_size=2, unique=True))
    )
    moved = list(rows)
    moved[one], moved[other] = moved[other], moved[one]
    assert first_break(moved, head).seq == moved[one][0].seq
    first, second = rows[one][0], rows[other][0]
    moved[one] = (replace(second, seq=first.seq), rows[other][1])
    moved[other] = (replace(first, seq=second.seq), rows[one][1])
    assert first_break(moved, head).seq == first.seq


@given(logs(), st.data())
def test_an_added_row_is_found(log, data):
    rows, head = log
    place = data.draw(st.integers(0, len(rows)))
    added = replace(rows[place - 1][0], seq=rows[place - 1][0].seq + 1)
    for sha256 in (None, link(rows[place - 1][1], added)):
        grown = [*rows[:place], (added, sha256), *rows[place:]]
        assert first_break(grown, head) is not None


def test_a_log_that_was_written_anew_as_a_whole_is_found_by_what_was_noted_elsewhere():
    entries = [Entry(n, NOON, "north", f"s{n}", "claimed", "anna", {}) for n in range(1, 5)]
    rows, head = chained(entries)
    noted = Head(0, 3, rows[2][1])
    entries[1] = replace(entries[1], actor="bo")
    forged, forged_head = chained(entries)
    assert first_break(forged, forged_head) is None
    assert first_break(forged, forged_head, noted) == Break(
        3, "the row is not the one that was noted"
    )
    assert first_break(rows, head, noted) is None


@pytest.mark.parametrize("hashed", [False, True])
def test_rows_from_before_the_chain_are_no_break_but_a_lost_head_is(hashed):
    entry = Entry(1, NOON, "north", "s1", "claimed", "anna", {})
    rows = [(entry, link(START, entry) if hashed else None)]
    broken = first_break(rows, None)
    assert broken == (Break(1, "the head of the chain is missing") if hashed else None)
