import numpy as np
import pytest

from preread.breaker import (
    EXPECTED_SHARE,
    LEAST,
    LENGTHS,
    TAIL,
    WINDOW,
    Window,
    counts,
    limit_of,
    trips,
)
from preread.proportions import binomial_tail, wilson
from preread.simulation.goals import ever_trips
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


def test_all_looks_of_a_window_together_have_the_tail_of_one_in_a_hundred_thousand():
    tails = [binomial_tail(limit_of(n, EXPECTED_SHARE), n, EXPECTED_SHARE) for n in LENGTHS]
    assert WINDOW * sum(tails) < TAIL
    assert [limit_of(n, EXPECTED_SHARE) for n in LENGTHS] == [14, 21, 26, 36]


@pytest.mark.parametrize("share", [0.02, 0.137, 0.4])
def test_the_sum_of_all_tails_proves_that_499_of_500_sites_never_trip_in_20_000_studies(share):
    limits = [(n, limit_of(n, share)) for n in range(LEAST, WINDOW + 1)]
    tails = {n: binomial_tail(k, n, share) for n, k in limits if k is not None}
    filling = sum(tails.values())
    assert filling < 2e-6
    assert filling + 20_000 * sum(tails.get(n, 0.0) for n in LENGTHS) < 1 / 500


def test_five_hundred_healthy_streams_of_20_000_studies_never_trip():
    # 1000 of them in `./run simulate --check`; here other seeds.
    generators = (np.random.default_rng([7, seed]) for seed in range(500))
    streams = (one.random(20_000) < EXPECTED_SHARE for one in generators)
    assert sum(ever_trips(flags, EXPECTED_SHARE) for flags in streams) == 0


@pytest.mark.parametrize("share", [0.137, 0.25, 0.7])
def test_looking_at_a_whole_stream_at_once_is_the_same_as_study_by_study(share):
    for seed in range(10):
        flags = stream(seed, share, 300)
        assert ever_trips(np.array(flags), EXPECTED_SHARE) is (first_trip(flags) is not None)


def test_a_model_that_flags_seven_of_ten_trips_within_sixty_studies():
    for seed in range(100):  # 500 of each in `./run simulate --check`
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
    assert limits[0] < 36 < limits[2]


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
