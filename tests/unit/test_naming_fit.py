"""The naming rule finds out what can be trusted, and each fold is judged by a rule of the others."""

from types import SimpleNamespace

import numpy as np
import pytest

from ml.assessment import Density, SliceSpan
from ml.bundle import NamingRule
from ml.evaluation.estimates import Bootstrap
from ml.evidence import SliceEvidence
from ml.lesion_kinds import KindEvidence
from ml.lesions import Lesion
from ml.training.naming.figures import naming_figures
from ml.training.naming.fit import fit_naming
from ml.training.naming.studies import SeenLesion, SeenStudy
from preread.terms import KINDS
from tests.support.heads import manifest

RULES = manifest().rules
VOXELS = 60


def lesion(random, kind, telling):
    """Only one of the sources tells the kind; the others say anything, as loudly."""
    terms = [
        np.log(random.dirichlet(np.full(len(KINDS), 0.4), VOXELS)) for _ in KindEvidence._fields
    ]
    terms[telling][:, kind] = np.maximum(terms[telling].max(axis=1), -0.5)
    voxels = np.zeros((VOXELS, 3), np.intp)
    found = Lesion(voxels, 2.0, SliceSpan(0, 0, 0), Density(60.0, 70.0))
    return SeenLesion(found, KindEvidence(*terms), np.full(VOXELS, 1 + kind, np.uint8))


def studies(telling, count=30):
    random = np.random.default_rng(3)
    made = []
    for number in range(count):
        kind = number % len(KINDS)
        said = random.normal(-1.0, 1.0, (2, len(KINDS)))
        seen = (lesion(random, kind, telling),)
        head = SimpleNamespace(
            evidence=SliceEvidence(said.max(axis=1), said, said.max(axis=1), said),
            voxel_ml=np.array([2.0 / VOXELS]),
        )
        present = np.arange(len(KINDS)) == kind
        made.append(SeenStudy(str(number), number % 3, present, head, seen, seen))
    return made


@pytest.mark.parametrize("telling", range(len(KindEvidence._fields)))
def test_what_tells_the_kind_gets_the_greatest_power(telling):
    rule = fit_naming(studies(telling), RULES)
    powers = [
        rule.map_power, rule.slice_power, rule.place_power, rule.deep_place_power, rule.contact_power
    ]  # fmt: skip
    assert int(np.argmax(powers)) == telling
    assert rule.named is not None
    # The slices say nothing of the kind here, the outlined blood says all.
    assert rule.named.slopes[1] > rule.named.slopes[0]


def test_figures_are_told_with_and_without_the_places():
    figures = naming_figures(studies(2), dict.fromkeys(range(3), RULES), Bootstrap(50))
    assert figures["lesions"] == 30
    assert figures["compartment"]["value"] > 0.9
    assert figures["compartment_by_detector"]["value"] < 0.7
    assert figures["exact_kinds"]["value"] > 0.7


def test_a_lesion_of_two_kinds_or_of_unknown_kind_judges_no_compartment():
    one = lesion(np.random.default_rng(0), 1, 0)
    half = np.where(np.arange(VOXELS) < VOXELS // 2, 1, 2).astype(np.uint8)
    rim = np.where(np.arange(VOXELS) < 0.8 * VOXELS, 4, 0).astype(np.uint8)
    kinds = (one.kinds, half, rim, np.zeros(VOXELS, np.uint8))
    assert [SeenLesion(one.lesion, one.evidence, each).kind for each in kinds] == [1, None, 3, None]


def test_without_a_power_of_its_own_a_deep_place_has_that_of_one_near_the_skull():
    one = lesion(np.random.default_rng(0), 1, 3).evidence
    alike = NamingRule(place_power=0.7, deep_place_power=0.7)
    np.testing.assert_array_equal(one.scores(NamingRule(place_power=0.7)), one.scores(alike))
    deaf = NamingRule(place_power=0.7, deep_place_power=0.0)
    assert not np.allclose(one.scores(deaf), one.scores(alike))
