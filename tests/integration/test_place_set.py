"""The step ``places`` on a small prepared set whose heads are registered already."""

import json

import numpy as np
import pytest
from scipy import ndimage

from ml.geometry import ModelGrid
from ml.training.places.build import Maps, place_set
from ml.training.places.head import Head
from ml.training.places.placed import NO_PLACE, open_places
from ml.training.places.template import Atlas, Template
from ml.training.prepared import SliceRow, SourceSeries, open_reduced, write_prepared
from preread.regions import FINE_REGIONS
from tests.support.heads import head as painted_head

SPACING_MM = 3.6
SLICES = 32


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Two patients in each of three folds, all the same ellipsoid head."""
    folder = tmp_path_factory.mktemp("places") / "prepared"
    one = painted_head()
    series = [
        SourceSeries(
            one.volume.hu, one.kinds, one.volume.pixel_spacing_mm,
            tuple(SliceRow(name, name, fold, n + 1, 0, (0,) * 5, has_mask=True)
                  for n in range(SLICES)),
        )
        for fold, name in ((1, "a"), (1, "b"), (2, "c"), (2, "d"), (3, "e"), (3, "f"))
    ]  # fmt: skip
    write_prepared(folder, series, ModelGrid(128, SPACING_MM / 2), reduction=2)
    return folder


def maps():
    """A ball of bone around soft tissue, and two lobes."""
    affine = np.diag([8.0, 8.0, 8.0, 1.0])
    affine[:3, 3] = (-92.0, -128.0, -72.0)
    up = np.indices((24, 28, 21)).astype(float) - np.array([11.5, 13.5, 10.0])[:, None, None, None]
    inside = np.linalg.norm(up / np.array([9.0, 11.0, 9.0])[:, None, None, None], axis=0)
    hu = np.select([inside < 0.9, inside < 1.0], [30.0, 900.0], -1000.0).astype(np.float32)
    labels = np.ones((24, 28, 21), np.uint8)
    labels[:, :14] = 2
    return Maps(
        Template(ndimage.gaussian_filter(hu, 0.5), affine),
        Atlas(labels, affine, {1: "FrontalLobe", 2: "ParietalLobe"}),
    )


def registrations(folder, losses):
    """Write what an earlier run found."""
    reduced = open_reduced(folder)
    to_mni = Head(np.asarray(reduced.hu[:SLICES], np.float32), (5.0, SPACING_MM, SPACING_MM)).affine
    to_mni[:3, 3] += (0.0, -18.0, -70.0)
    return json.dumps({name: {"to_mni": to_mni.tolist(), "loss": loss} for name, loss in losses})


def test_a_head_that_fits_badly_has_no_places_and_the_others_have(prepared, tmp_path):
    losses = [("a", -0.80), ("b", -0.78), ("c", -0.79), ("d", -0.40), ("e", -0.77), ("f", -0.81)]
    (tmp_path / "registrations.json").write_text(registrations(prepared, losses))
    placed = place_set(prepared, tmp_path, SPACING_MM, maps())
    assert [one.study for one in placed if not one.good] == ["d"]
    opened = open_places(tmp_path)
    assert opened.labels.shape == (6 * SLICES, 4, 64, 64)
    assert opened.regions == FINE_REGIONS
    bad = opened.studies[3]
    assert (opened.labels[bad.first : bad.stop] == NO_PLACE).all()
    assert np.isnan(opened.left_mm[bad.first : bad.stop]).all()
    good = opened.labels[: bad.first]
    assert (good < len(FINE_REGIONS)).all()
    np.testing.assert_array_equal(opened.studies[0].to_mni, placed[0].to_mni)
    middle = opened.left_mm[SLICES // 2, 32]
    assert middle[0] == pytest.approx(-31.5 * SPACING_MM, abs=0.2)
    assert middle[-1] == pytest.approx(31.5 * SPACING_MM, abs=0.2)
