"""A bleed's contact with the skull tells a layer outside the brain from a clot that reaches its surface."""

from types import SimpleNamespace

import numpy as np
import pytest

from ml.places.blood import PlacedBlood
from ml.places.contact import contact_evidence
from ml.places.reading import CellPlaces
from preread.regions import FINE_REGIONS
from preread.terms import Region

CUBE_MM = 2.4


def evidence(rows, layers, region=Region.FRONTAL_CONVEXITY, scale=1.0):
    """Blood of ``rows`` squared columns of cubes, each ``layers`` deep from the inner table on."""
    depth = np.repeat(CUBE_MM * np.arange(1, layers + 1), rows * rows).astype(np.float32)
    regions = np.zeros((len(depth), len(FINE_REGIONS)), np.float32)
    regions[:, FINE_REGIONS.index(region)] = 1.0
    alike = np.full((len(depth), 4), 0.25, np.float32)
    cells = CellPlaces(regions, alike, np.full(len(depth), 40.0, np.float32))
    blood = PlacedBlood(
        SimpleNamespace(scale=scale), cells, np.zeros((1, 1, 1)), depth, depth, None
    )
    cell = np.arange(len(depth))
    return contact_evidence(blood, cell, np.full(len(depth), (CUBE_MM / scale) ** 3))


def test_a_layer_speaks_for_itself_and_a_clot_that_reaches_the_skull_against_it():
    layer, cube, column = evidence(20, 3), evidence(8, 8), evidence(4, 12)
    assert layer > 0.5 > cube > column
    assert column < -0.2


def test_beside_a_fold_of_the_dura_the_skull_tells_nothing():
    assert evidence(4, 12, Region.PARAFALCINE) == pytest.approx(0.0)


def test_the_size_of_the_head_does_not_matter():
    assert evidence(20, 3, scale=0.8) == pytest.approx(evidence(20, 3))
