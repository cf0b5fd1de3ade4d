import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preread.breaker import LENGTHS, LOOK_TAIL, TAIL, WINDOW, Run
from preread.promises import MOST_SURE, Promise, broken_promise, tail_of
from preread.proportions import binomial_tail

CHANCES = st.lists(st.floats(0, 1), max_size=9)


def first_alarm(probabilities, bleeds):
    """Return after how many judged flags the alarm comes, None if it never does."""
    seen = [
        Promise(float(probability), refuted=not bled)
        for probability, bled in zip(probabilities, bleeds, strict=True)
    ]
    for count in range(1, len(seen) + 1):
        if broken_promise(seen[max(0, count - WINDOW) : count]) is not None:
            return count
    return None


@given(CHANCES, st.integers(-1, 10))
def test_the_tail_is_that_of_all_outcomes_counted_one_by_one(chances, least):
    exact = 0.0
    for outcome in range(2 ** len(chances)):
        hit = [bool(outcome >> place & 1) for place in range(len(chances))]
        if sum(hit) >= least:
            exact += np.prod([c if h else 1 - c for c, h in zip(chances, hit, strict=True)])
    assert tail_of(least, chances) == pytest.approx(exact, abs=1e-12)


def test_with_equal_chances_the_tail_is_binomial():
    assert tail_of(31, [0.137] * 100) == pytest.approx(binomial_tail(31, 100, 0.137), rel=1e-9)


def test_all_looks_of_a_window_together_have_the_stated_false_alarm_rate():
    assert WINDOW * len(LENGTHS) * LOOK_TAIL == pytest.approx(TAIL)


def test_flags_of_a_calibrated_model_raise_no_alarm():
    for seed in range(4):  # the bound is 1e-5 for each 100 flags
        generator = np.random.default_rng(seed)
        probabilities = generator.uniform(0.4, 1.0, 400)
        assert first_alarm(probabilities, generator.random(400) < probabilities) is None


def test_flags_that_promise_nine_of_ten_and_keep_four_raise_it_within_sixty():
    for seed in range(20):
        bleeds = np.random.default_rng(seed).random(100) < 0.4
        after = first_alarm([0.9] * 100, bleeds)
        assert after is not None
        assert after <= 60


def test_a_model_that_promises_little_is_not_blamed_for_keeping_little():
    bleeds = np.random.default_rng(0).random(150) < 0.4
    assert first_alarm([0.4] * 150, bleeds) is None


def test_readers_who_judge_only_false_alarms_cannot_raise_it_for_a_good_model():
    # Of 100 flags that promise .9, the 10 false ones are judged, and nothing else.
    refuted = [number % 10 == 0 for number in range(100)]
    assert broken_promise([Promise(0.9, one) for one in refuted]) is None


def test_a_certain_promise_is_not_believed_to_the_last_digit():
    promises = [Promise(1.0, refuted=number == 0) for number in range(20)]
    assert broken_promise(promises) is None
    assert MOST_SURE < 1


def test_the_shortest_improbable_run_is_told():
    promises = [Promise(0.9, refuted=number >= 60) for number in range(100)]
    assert broken_promise(promises) == Run(20, 20)
    assert broken_promise(promises[-19:]) is None
