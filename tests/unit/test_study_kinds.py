"""Which kinds a study is said to have, and the lesion that a flagged study keeps though it is small."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.bundle import NamingRule
from ml.pipeline import read_bleeds
from ml.scoring import Calibration
from ml.study_kinds import LEAST_NAMED_SHARE, name_kinds, named_by, naming_features
from preread.terms import HemorrhageType
from tests.support.heads import Ball, bundle, head, seeing

IPH, SDH = HemorrhageType.IPH, HemorrhageType.SDH
BUNDLE = bundle()
CURVE = Calibration(0.0, (0.8, 0.6))
PROBABILITIES = st.lists(st.floats(0.01, 0.99), min_size=5, max_size=5).map(np.array)
SPECK = Ball((0, -15, 25), 4.2, IPH)


def with_rules(**changed):
    rules = BUNDLE.manifest.rules.model_copy(update=changed)
    return replace(BUNDLE, manifest=BUNDLE.manifest.model_copy(update={"rules": rules}))


def read(one, chosen, certainty=0.95):
    return read_bleeds(one.volume, seeing(one, chosen, certainty), chosen)


@given(PROBABILITIES, PROBABILITIES, st.integers(0, 4), st.floats(1.0, 9.0))
def test_more_of_a_kind_never_takes_its_name_away(probabilities, shares, kind, more):
    before = named_by(CURVE, naming_features(probabilities, shares / shares.sum()))
    shares[kind] *= more
    after = named_by(CURVE, naming_features(probabilities, shares / shares.sum()))
    assert after[kind] or not before[kind]


@given(PROBABILITIES)
def test_a_study_that_bleeds_has_a_kind_even_without_an_outline(probabilities):
    assert named_by(Calibration(-20.0, (0.5, 0.5)), naming_features(probabilities, None)).any()


@given(PROBABILITIES, PROBABILITIES)
def test_what_is_named_is_what_the_outlined_blood_speaks_for(probabilities, shares):
    shares /= shares.sum()
    named = name_kinds(CURVE, probabilities, shares)
    there = shares.copy()
    there[[1, 4]] = shares[1] + shares[4]  # subdural and epidural
    assert there[named].max() >= min(LEAST_NAMED_SHARE, shares.max())
    by_curve = named_by(CURVE, naming_features(probabilities, shares))
    assert (named == by_curve).all() or not (named & by_curve).any()


def test_a_curve_names_a_speck_of_another_kind_only_where_the_slices_say_so():
    one = head(Ball((10, -10, 25), 16, IPH), Ball((10, 35, -30), 6, SDH))
    named = {}
    for slope in (0.05, 2.0):
        rule = NamingRule(named=Calibration(0.0, (slope, 1.0)))
        named[slope] = {found.kind for found in read(one, with_rules(naming=rule)).findings}
    assert named == {0.05: {IPH}, 2.0: {IPH, SDH}}


@pytest.mark.parametrize(("alone_ml", "lesions"), [(None, 0), (0.1, 1), (0.45, 0)])
def test_a_flagged_study_without_a_lesion_of_size_keeps_its_greatest_small_one(alone_ml, lesions):
    small = BUNDLE.manifest.rules.mask.model_copy(update={"least_alone_ml": alone_ml})
    two = head(SPECK, Ball((20, 30, -25), 3.6, IPH))
    assessment = read(two, with_rules(mask=small))
    assert len(assessment.lesions) == lesions
    assert (assessment.total_volume_ml is None) == (lesions == 0)
    assert all(finding.places for finding in assessment.findings) == (lesions > 0)


def test_small_lesions_beside_one_of_size_are_left_out_as_before():
    rule = BUNDLE.manifest.rules.mask.model_copy(update={"least_alone_ml": 0.1})
    beside = head(Ball((10, 30, -30), 14, IPH), SPECK)
    assert len(read(beside, with_rules(mask=rule)).lesions) == 1


def test_no_type_is_more_probable_than_any_bleed():
    one = head(Ball((10, -10, 25), 16, IPH))
    rarely = BUNDLE.manifest.rules.calibration.model_copy(update={"any": Calibration(-1.0, (1.0,))})
    freely, bound = read(one, BUNDLE), read(one, with_rules(calibration=rarely))
    assert bound.probability < max(kind.probability for kind in freely.kinds)
    assert max(kind.probability for kind in bound.kinds) == bound.probability
    assert [kind.present for kind in bound.kinds] == [kind.present for kind in freely.kinds]


def test_no_type_of_a_slice_is_more_probable_than_any_bleed_on_it():
    one = head(Ball((10, -10, 25), 16, IPH))
    curve = Calibration(-1.0, (0.0, 1.0, 0.0, 0.0))
    rarely = BUNDLE.manifest.rules.calibration.model_copy(update={"slice_any": curve})
    said = read(one, with_rules(calibration=rarely))
    assert said.slice_probabilities.max() > 0.5
    assert (said.slice_probabilities <= said.slice_any[:, None]).all()
