from datetime import UTC, datetime, timedelta

import pytest

from preread.fairness import Pick, Read, displacement, picking
from preread.feedback import Judgment, Verdict, VolumeVerdict, contradictions, verdict_of
from preread.quality import Judged, by_group, calibration, quality_of
from preread.terms import HemorrhageType, Level

SDH, SAH = HemorrhageType.SDH, HemorrhageType.SAH
START = datetime(2026, 1, 1, tzinfo=UTC)


def judged(level, found=(), named=(), number=0, **changes):
    said = {
        "study_id": f"study-{number}",
        "site": "north",
        "scanner": None,
        "model_version": "m1",
        "level": level,
        "probability": 0.9 if level in {Level.CRITICAL, Level.SUSPECTED} else 0.1,
        "named": frozenset(named),
        "found": frozenset(found),
        "verdict": verdict_of(level, found),
        "score": None,
        "volume": None,
        "cause": None,
        "read_s": None,
        "judged_at": START + timedelta(minutes=number),
    }
    return Judged(**{**said, **changes})


def test_the_four_verdicts_make_the_four_shares():
    figures = quality_of(
        [judged(Level.SUSPECTED, [SDH])] * 3
        + [judged(Level.CRITICAL)] * 1
        + [judged(Level.NONE, [SAH])] * 2
        + [judged(Level.INDETERMINATE)] * 4
    )
    shares = [
        (one.count, one.of)
        for one in (figures.ppv, figures.sensitivity, figures.specificity, figures.npv)
    ]
    assert shares == [(3, 4), (3, 5), (4, 5), (4, 6)]
    assert figures.flagged.count == 4


def test_a_bleed_behind_indeterminate_is_a_miss_and_on_the_roster_newest_first():
    figures = quality_of(
        [
            judged(Level.NONE, [SAH], number=1),
            judged(Level.INDETERMINATE, [SDH], number=2),
            judged(Level.NONE, number=3),
        ]
    )
    assert figures.false_negatives == ("study-2", "study-1")


def test_agreement_is_shared_out_over_studies_that_bleed():
    figures = quality_of(
        [
            judged(Level.SUSPECTED, [SDH], score=4),
            judged(Level.SUSPECTED, [SDH], score=2),
            judged(Level.NONE, [SAH], score=0),
            judged(Level.SUSPECTED, score=0),
            judged(Level.NONE, score=4),
        ]
    )
    assert list(figures.agreement) == [4, 3, 2, 1, 0]
    assert [share.count for share in figures.agreement.values()] == [1, 0, 1, 0, 1]
    assert {share.of for share in figures.agreement.values()} == {3}


def test_a_type_is_named_only_where_the_study_was_flagged():
    figures = quality_of(
        [
            judged(Level.SUSPECTED, [SDH, SAH], named=[SDH]),
            judged(Level.SUSPECTED, [SAH], named=[SDH]),
            judged(Level.INDETERMINATE, [SDH], named=[SDH]),
        ]
    )
    sdh = figures.types[list(HemorrhageType).index(SDH)]
    assert (sdh.ppv.count, sdh.ppv.of) == (1, 2)
    assert (sdh.sensitivity.count, sdh.sensitivity.of) == (1, 2)


def test_false_positives_that_take_longer_than_true_negatives_are_seen():
    figures = quality_of(
        [
            judged(Level.SUSPECTED, read_s=580.0),
            judged(Level.NONE, read_s=505.0),
            judged(Level.NONE),
        ]
    )
    reading = figures.reading
    assert reading[Verdict.FALSE_POSITIVE].mean_s == 580
    assert (reading[Verdict.TRUE_NEGATIVE].count, reading[Verdict.TRUE_NEGATIVE].p50_s) == (1, 505)
    assert reading[Verdict.TRUE_POSITIVE].mean_s is None


def test_calibration_is_the_mean_gap_of_bins_of_equal_size():
    pairs = [(0.2, False)] * 8 + [(0.2, True)] * 2 + [(0.9, True)] * 5 + [(0.9, False)] * 5
    table = calibration(pairs, bins=2)
    assert [one.count for one in table.bins] == [10, 10]
    assert table.error == pytest.approx((0.0 + 0.4) / 2)
    assert calibration([]).error is None


def test_sites_scanners_and_models_are_kept_apart():
    groups = by_group(
        [judged(Level.NONE), judged(Level.NONE, site="east"), judged(Level.NONE, scanner="GE X")]
    )
    assert list(groups) == [("east", "m1", ""), ("north", "m1", ""), ("north", "m1", "GE X")]


@pytest.mark.parametrize(
    ("level", "types", "changes", "broken"),
    [
        (Level.SUSPECTED, (SDH,), {"score": 3}, set()),
        (Level.NONE, (), {}, set()),
        (Level.SUSPECTED, (SDH,), {}, {"score"}),
        (Level.SUSPECTED, (), {"score": 1}, {"score"}),
        (Level.CRITICAL, (), {"score": 0}, set()),
        (Level.INDETERMINATE, (), {"score": 4}, {"score"}),
        (Level.NONE, (), {"score": 0}, {"score"}),
        (Level.NONE, (SAH,), {"score": 1}, {"score"}),
        (Level.NONE, (SAH,), {"score": 0}, set()),
        (Level.INDETERMINATE, (SAH,), {"score": 3}, set()),
        (Level.NONE, (), {"cause": "vessel"}, {"false_positive_cause"}),
        (Level.SUSPECTED, (), {"score": 0, "places": ("x",)}, {"places"}),
        (Level.SUSPECTED, (), {"score": 0, "volume": "too_small"}, {"volume"}),
    ],
)
def test_a_judgment_that_contradicts_itself_says_where(level, types, changes, broken):
    said = {"score": None, "places": (), "volume": None, "cause": None, **changes}
    judgment = Judgment(revision=1, types=types, **said)
    assert set(contradictions(judgment, level)) == broken


def test_a_study_that_was_not_assessed_has_no_verdict():
    with pytest.raises(ValueError, match="not assessed"):
        verdict_of(Level.NOT_ASSESSED, [])


def read(t0, taken, key, unaided=None):
    promoted = unaided is not None
    return Read(promoted, t0, taken, key, key if unaided is None else unaided)


def test_only_promotions_displace_and_only_who_was_waiting_is_displaced():
    waiting = read(t0=10, taken=100, key=70)
    passes = read(t0=20, taken=50, key=30, unaided=90)
    first_anyway = read(t0=0, taken=60, key=5, unaided=60)
    read_before = read(t0=0, taken=9, key=1, unaided=200)
    not_promoted = read(t0=20, taken=55, key=40)
    reads = [waiting, passes, first_anyway, read_before, not_promoted]
    found = displacement(reads, [waiting])
    assert (found.mean_count, found.largest_count, found.passed.count) == (1, 1, 1)
    assert displacement(reads, [passes]).study_count == 0


def test_skipped_studies_are_told_by_reader_and_shift():
    shifts = picking(
        [
            Pick("anna", START, 0),
            Pick("anna", START + timedelta(hours=1), 6),
            Pick("anna", START + timedelta(hours=9), 0),
            Pick("bo", START, 0),
        ]
    )
    assert [(one.reader, one.began_at.hour, one.mean_skipped) for one in shifts] == [
        ("anna", 0, 3),
        ("anna", 8, 0),
        ("bo", 0, 0),
    ]
    assert (shifts[0].first_taken.count, shifts[0].largest_skipped) == (1, 6)


def test_volumes_are_shares_of_those_that_somebody_judged():
    said = [VolumeVerdict.TOO_SMALL, VolumeVerdict.TOO_SMALL, VolumeVerdict.ABOUT_RIGHT, None]
    figures = quality_of([judged(Level.CRITICAL, [SDH], volume=volume) for volume in said])
    found = {verdict.value: (one.count, one.of) for verdict, one in figures.volumes.items()}
    assert found == {"too_small": (2, 3), "about_right": (1, 3), "too_large": (0, 3)}
