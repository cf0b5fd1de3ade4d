import numpy as np
import pytest

from preread.breaker import (
    EXPECTED_SHARE,
    LEAST,
    WINDOW,
    Window,
    counts,
    limit_of,
    trips,
)
from preread.proportions import binomial_tail, wilson
from preread.terms import Level


def first_trip(flags, window=None):
    """Return after how many studies the breaker trips, None if it never does."""
    window = window or Window()
    for number, flagged in enumerate(flags, start=1):
        window = window.with_next(flagged=flagged)
        if trips(window, EXPECTED_SHARE):
            return number
    return None


def stream(seed, share, count):
    return (np.random.default_rng(seed).random(count) < share).tolist()


def test_a_full_window_trips_at_31_of_100_as_the_binomial_tail_says():
    assert limit_of(WINDOW, EXPECTED_SHARE) == 31
    assert binomial_tail(31, 100, EXPECTED_SHARE) == pytest.approx(6.637e-6, rel=1e-3)


def test_a_healthy_site_trips_less_than_once_in_a_million_studies():
    # Measured over 10 million: 7 of 500 runs of 20 000 tripped once. Here 2 million, so that more
    # than 4 would be a surprise (1.4 expected).
    limit = limit_of(WINDOW, EXPECTED_SHARE)
    tripped = 0
    for seed in range(100):
        flags = np.random.default_rng(seed).random(20_000) < EXPECTED_SHARE
        sums = np.concatenate([[0], np.cumsum(flags)])
        tripped += bool((sums[WINDOW:] - sums[:-WINDOW] >= limit).any())
    assert tripped <= 4


def test_all_looks_at_a_filling_window_together_trip_one_healthy_reset_in_a_hundred_thousand():
    # Exact: the distribution of the count after n studies among the paths that did not trip.
    alive = {0: 1.0}
    tripped = 0.0
    for count in range(1, WINDOW):
        grown: dict[int, float] = {}
        for flagged, chance in alive.items():
            for more, step in ((1, EXPECTED_SHARE), (0, 1 - EXPECTED_SHARE)):
                grown[flagged + more] = grown.get(flagged + more, 0.0) + chance * step
        limit = limit_of(count, EXPECTED_SHARE)
        if limit is not None:
            tripped += sum(chance for flagged, chance in grown.items() if flagged >= limit)
            grown = {flagged: chance for flagged, chance in grown.items() if flagged < limit}
        alive = grown
    assert 0 < tripped < 1e-5


@pytest.mark.parametrize("seed", range(50))
def test_a_model_that_flags_seven_of_ten_trips_within_sixty_studies(seed):
    broken = stream(seed, 0.70, 60)
    assert first_trip(broken) is not None
    healthy = Window(tuple(stream(1000 + seed, EXPECTED_SHARE, WINDOW)))
    assert first_trip(broken, healthy) is not None


def test_fewer_than_twenty_studies_trip_nothing():
    assert first_trip([True] * (LEAST - 1)) is None
    assert first_trip([True] * LEAST) == LEAST


def test_a_site_that_is_expected_to_flag_more_trips_later():
    limits = [limit_of(WINDOW, share) for share in (0.05, 0.137, 0.22, 0.40)]
    assert limits == sorted(limits)
    assert limits[0] < 31 < limits[2]


def test_a_share_that_leaves_nothing_to_chance_is_refused():
    with pytest.raises(ValueError, match="chance"):
        binomial_tail(1, 2, 1.0)


@pytest.mark.parametrize(
    ("level", "synthetic", "before", "counted"),
    [
        (Level.CRITICAL, False, False, True),
        (Level.INDETERMINATE, False, False, True),
        (Level.NOT_ASSESSED, False, False, False),
        (Level.CRITICAL, True, False, False),
        (Level.CRITICAL, False, True, False),
    ],
)
def test_only_the_first_assessment_of_a_patients_study_counts(level, synthetic, before, counted):
    assert counts(level, synthetic=synthetic, assessed_before=before) is counted


def test_tail_and_interval_are_those_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    for least, trials, share in ((1, 1, 0.137), (6, 20, 0.137), (31, 100, 0.137), (300, 900, 0.3)):
        expected = stats.binom.sf(least - 1, trials, share)
        assert binomial_tail(least, trials, share) == pytest.approx(expected, rel=1e-9)
    for successes, trials in ((0, 7), (3, 9), (82, 82)):
        low, high = stats.binomtest(successes, trials).proportion_ci(method="wilson")
        assert wilson(successes, trials) == pytest.approx((low, high), abs=1e-9)
