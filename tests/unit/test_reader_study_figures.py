"""The figures of a reading study: computed score, agreement of readers, times, the report."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.agreement import Place
from ml.reader_study.computed import compare_words, computed_score
from ml.reader_study.figures import SEED_PERCENT, study_figures
from ml.reader_study.kappa import kappa
from ml.reader_study.readings import gather_readings
from ml.reader_study.report import readings_csv, render_page
from ml.reader_study.truth import Truth
from preread.reader_study.answers import FirstRead, Opened, Step, Verdict
from preread.rubric import PLACE_WORDS, SCORE_WORDS, TYPES_WORDS, rubric_text
from preread.terms import Level, Region
from tests.support.reading_study import NOON
from tests.support.readings import (
    BOTH,
    EDH,
    IPH,
    LEFT,
    PARIETAL,
    POSITIVE,
    RIGHT,
    SAID,
    SDH,
    bleed,
    reading,
    scored,
)


@pytest.mark.parametrize(
    ("named", "place"),
    [
        ([bleed(SDH)], Place.EVERYWHERE),
        ([bleed(IPH)], Place.EVERYWHERE),
        ([bleed(SDH), bleed(SDH, RIGHT, PARIETAL)], Place.SOMEWHERE),
        ([bleed(SDH, BOTH)], Place.SOMEWHERE),
        ([bleed(SDH, LEFT)], Place.NOWHERE),
        ([bleed(SDH, RIGHT, None)], None),
    ],
    ids=["same", "same_place_other_type", "one_of_two", "one_side", "wrong_side", "not_named"],
)
def test_places_in_words_are_compared_by_side_and_region(named, place):
    document = POSITIVE.model_copy(update={"findings": POSITIVE.findings[:1]})
    assert compare_words(named, document) is place


def test_regions_of_one_group_are_one_place():
    deep = POSITIVE.findings[0].locations[0].model_copy(update={"region": Region.THALAMUS})
    finding = POSITIVE.findings[0].model_copy(update={"locations": (deep,)})
    document = POSITIVE.model_copy(update={"findings": (finding,)})
    assert compare_words([bleed(IPH, RIGHT, Region.PUTAMEN)], document) is Place.EVERYWHERE
    assert compare_words([bleed(IPH, LEFT, Region.PUTAMEN)], document) is Place.NOWHERE


def test_the_rubric_is_computed_from_the_readers_words():
    exact = [bleed(kind) for kind in SAID]
    assert computed_score(exact, POSITIVE) == 4
    assert computed_score([bleed(kind, LEFT) for kind in SAID], POSITIVE) == 2
    assert computed_score([], POSITIVE) is None
    none = POSITIVE.assessment.model_copy(update={"level": Level.NONE})
    assert computed_score(exact, POSITIVE.model_copy(update={"assessment": none})) == 0


def test_the_rubric_in_words_has_every_score_and_every_word_of_it():
    text = rubric_text()
    assert list(SCORE_WORDS) == [4, 3, 2, 1, 0]
    assert all(words in text for words in (*SCORE_WORDS.values(), *TYPES_WORDS, *PLACE_WORDS))


def test_kappa_is_that_of_the_known_example():
    # Of 50 grants both readers accept 20 and refuse 15; 5 and 10 they differ on: (0.7 - 0.5) / 0.5.
    first = [1] * 20 + [1] * 5 + [0] * 10 + [0] * 15
    second = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    assert kappa(first, second, 2, power=0) == pytest.approx(0.4)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=60))
def test_quadratic_kappa_is_one_less_mean_square_over_that_of_chance(pairs):
    first, second = np.array(pairs).T
    chance = first.var() + second.var() + (first.mean() - second.mean()) ** 2
    value = kappa(list(first), list(second), 5)
    if chance < 1e-12:
        assert np.isnan(value)
    else:
        assert value == pytest.approx(1 - ((first - second) ** 2).mean() / chance)


def test_the_distribution_stands_beside_the_seeds_whose_sum_is_told():
    readings = [reading(case=case, score=score) for case, score in enumerate([4, 4, 4, 2])]
    scores = study_figures([*readings, reading(case=9, score=None, kinds=())])["scores"]
    assert scores["shares"]["4"] == {"share": 0.75, "count": "3/4", "interval": [0.301, 0.954]}
    assert scores["shares"]["0"]["count"] == "0/4"
    assert scores["no_hemorrhage"] == 1
    assert round(sum(SEED_PERCENT.values()), 2) == 101.29
    assert "101.29" in scores["seed"]["caveat"]


def test_a_labeled_case_counts_once_however_many_read_it():
    readings = [
        *(reading(reader=reader, case=1, labeled=(SDH, IPH)) for reader in ("R1", "R2", "R3")),
        *(reading(reader=reader, case=2, kinds=(EDH,)) for reader in ("R1", "R2")),
    ]
    figures = study_figures(readings)
    types = figures["types_against_truth"]
    assert types["SDH"]["sensitivity"]["count"] == "1/1"
    assert types["SDH"]["ppv"]["count"] == "1/3"
    assert types["EDH"]["sensitivity"]["count"] == "0/2"
    assert figures["combinations"]["truth"] == ["EDH", "IPH+SDH"]
    assert figures["combinations"]["counts"] == [[2], [1]]


def test_two_readers_are_compared_on_the_cases_that_both_scored():
    given = {"R1": {1: 4, 2: 3, 3: 0}, "R2": {1: 4, 2: 2, 4: 1}}
    readings = [
        reading(reader=reader, case=case, score=score)
        for reader, scores in given.items()
        for case, score in scores.items()
    ]
    (pair,) = study_figures(readings)["between_readers"]["pairs"]
    assert pair["rated_by_both"] == 2
    assert pair["exact"]["count"] == "1/2"
    assert pair["weighted_kappa"] == pytest.approx(kappa([4, 3], [4, 2], 5), abs=1e-3)


def test_times_are_medians_and_quartiles_by_score_and_trust_the_server_where_no_browser_spoke():
    readings = [
        reading(case=1, visible_ms=2000),
        reading(case=2, visible_ms=4000),
        reading(case=3, visible_ms=None, server_ms=12_000),
    ]
    times = study_figures(readings)["seconds"]["score_by_score"]["4"]
    assert times == {"readings": 3, "median": 4.0, "quartiles": [3.0, 8.0]}


def test_readings_join_answers_pre_reads_and_labels():
    first = FirstRead(
        at=NOON, reader="R1", case=1, named=(bleed(IPH),), server_ms=5000, visible_ms=None
    )
    events = [
        first,
        scored(kinds=tuple(SAID)),
        scored(reader="R2", case=2),
        Opened(at=NOON + timedelta(hours=1), reader="R3", case=1, step=Step.SCORE),
    ]
    (one,) = gather_readings(events, {1: POSITIVE}, {1: Truth(frozenset({SDH}), 3)})
    assert (one.first_read, one.said, one.labeled) == (first, SAID, frozenset({SDH}))
    assert (one.computed, one.computed_by_labels) == (4, 3)
    assert one.scored.verdict is Verdict.TRUE_POSITIVE


def test_a_report_of_readings_that_lack_everything_is_still_drawn():
    figures = study_figures([reading(score=None, kinds=(), said=())])
    head = {
        "code_version": "0",
        "models": [],
        "seed": 7,
        "first_read": False,
        "synthetic_cases": 1,
        "prepared_cases": 1,
        "not_assessed": {"2": "NOT_HEAD"},
    }
    page = render_page({**head, **figures})
    assert page.count("<svg") == 4
    assert "no blinded first read" in page
    assert "SYNTHETIC" in page
    assert "http" not in page.replace("http-equiv", "")


def test_no_comment_becomes_a_formula():
    line = readings_csv([reading(comment="=cmd()", computed=3)]).splitlines()[1]
    assert line.endswith(",'=cmd()")
