"""When two engines say the same of a study."""

from dataclasses import replace

import numpy as np
import pytest

from ml.engine_agreement import LEAST_DICE, MOST_SLICE_DIFFERENCE, EngineAgreement, compare_engines
from preread.terms import Level
from tests.support.heads import Ball, bundle, head, seeing


@pytest.fixture(scope="module")
def bleeding():
    return head(Ball((0, 10, 25), 16), slices=16, thickness_mm=10.0)


@pytest.fixture(scope="module")
def compared(bleeding):
    opened = bundle()
    reference = seeing(bleeding, opened)
    smaller = head(Ball((0, 10, 25), 12), slices=16, thickness_mm=10.0)
    others = {
        "same": reference,
        "a little less sure": replace(reference, certainty=0.945),
        "a smaller outline": replace(reference, kinds=smaller.kinds),
        "blind": replace(reference, kinds=np.zeros_like(reference.kinds)),
    }
    return compare_engines(bleeding.volume, opened, reference, others)


def test_an_engine_that_says_the_same_agrees(compared):
    same = compared["same"]
    assert (same.slice_difference, same.dice) == (0.0, 1.0)
    assert same.agrees


def test_a_little_less_sure_is_still_agreement(compared):
    one = compared["a little less sure"]
    assert 0 < one.slice_difference < MOST_SLICE_DIFFERENCE
    assert one.agrees


def test_another_outline_is_no_agreement_though_the_level_is_the_same(compared):
    one = compared["a smaller outline"]
    assert one.level is one.reference_level
    assert one.dice < LEAST_DICE
    assert not one.agrees


def test_a_missed_bleed_is_no_agreement(compared):
    assert compared["blind"].level is Level.NONE
    assert compared["blind"].dice == 0.0
    assert not compared["blind"].agrees


@pytest.mark.parametrize(
    ("agreement", "agrees"),
    [
        (EngineAgreement(MOST_SLICE_DIFFERENCE, LEAST_DICE, Level.NONE, Level.NONE), True),
        (EngineAgreement(MOST_SLICE_DIFFERENCE + 0.01, None, Level.NONE, Level.NONE), False),
        (EngineAgreement(0.0, LEAST_DICE - 0.01, Level.NONE, Level.NONE), False),
        (EngineAgreement(0.0, 1.0, Level.CRITICAL, Level.SUSPECTED), False),
    ],
    ids=["at the edge", "a slice moved", "another outline", "another level"],
)
def test_each_part_of_the_tolerance_counts_alone(agreement, agrees):
    assert agreement.agrees is agrees
