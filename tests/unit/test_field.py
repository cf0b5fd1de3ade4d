"""What networks read of a head, and that what they say lands where they read it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.field import ENCODER_CELL, UNREAD, FieldRule, ReadField, field_of, read_field
from ml.intracranial import Interior
from ml.prediction import Members, Prediction
from ml.spec import NetworkSpec

SPEC = NetworkSpec(size=512, spacing_mm=0.45, reduction=2)
COARSE = 256
CELL = ENCODER_CELL * SPEC.reduction
RULE = FieldRule(margin_mm=12.0)


def interior_with(inside):
    return Interior(inside, inside, np.zeros(len(inside), bool), 0.9)


def box(slabs, rows, columns, count=10):
    inside = np.zeros((count, COARSE, COARSE), bool)
    inside[slabs, rows, columns] = True
    return interior_with(inside)


class Echo:
    """Says of each slice what it was shown: density as blood, its mean as each type."""

    device = precision = "none"

    def __init__(self):
        self.shown = None

    def predict(self, slices):
        self.shown = slices.shape
        count, rows, columns = slices.shape
        kinds = np.repeat(slices.mean(axis=(1, 2))[:, None], 5, axis=1)
        maps = np.ones((count, 5, rows // 16, columns // 16), np.float32)
        half = slices[None, :, ::2, ::2].astype(np.float16)
        return Prediction(kinds, slices, maps, Members(kinds[None], half))


ends = st.tuples(st.integers(0, COARSE - 1), st.integers(0, COARSE - 1)).map(sorted)


@given(rows=ends, columns=ends, slabs=st.tuples(st.integers(0, 9), st.integers(0, 9)).map(sorted))
def test_a_field_holds_the_inside_of_the_skull_and_fits_grid_and_encoder(rows, columns, slabs):
    inside = [slice(low, high + 1) for low, high in (slabs, rows, columns)]
    field = field_of(box(*inside), SPEC, RULE)
    margin = RULE.margin_mm / SPEC.spacing_mm
    for part, used in ((field.rows, inside[1]), (field.columns, inside[2])):
        assert 0 <= part.start < part.stop <= SPEC.size
        assert (part.stop - part.start) % CELL == 0
        assert part.stop - part.start >= 2 * CELL
        assert part.start % (8 * SPEC.reduction) == 0
        low, high = 2 * used.start - margin, 2 * used.stop + margin
        # Half a cell of the map of types may be lost to its grid, and never more.
        assert part.start <= max(0, low) + 8
        assert part.stop >= min(SPEC.size, high) - 8
        assert part.start <= 2 * used.start
        assert part.stop >= 2 * used.stop
    assert field.slabs == slice(max(0, slabs[0] - 1), min(10, slabs[1] + 2))


@pytest.mark.parametrize(
    ("interior", "rule"),
    [
        (box(slice(3, 5), slice(100, 150), slice(100, 150)), None),
        (interior_with(np.zeros((10, COARSE, COARSE), bool)), RULE),
    ],
    ids=["networks of whole slices", "no inside found"],
)
def test_everything_is_read_where_nothing_is_known_to_be_left_out(interior, rule):
    assert field_of(interior, SPEC, rule) == ReadField(slice(0, 10), slice(0, 512), slice(0, 512))


def test_what_is_said_of_a_field_lies_where_it_was_read_and_nothing_lies_elsewhere():
    hu = np.random.default_rng(0).uniform(0.2, 1, (10, 512, 512)).astype(np.float32)
    field = field_of(box(slice(3, 5), slice(60, 200), slice(80, 180)), SPEC, RULE)
    echo = Echo()
    said = read_field(echo, hu, field)
    where = (field.slabs, field.rows, field.columns)
    assert echo.shown == hu[where].shape
    assert 0.1 < hu[where].size / hu.size < 0.3
    assert said.mask_probabilities.shape == hu.shape
    assert (said.mask_probabilities[where] == hu[where]).all()
    assert np.count_nonzero(said.mask_probabilities) == hu[where].size
    assert said.kind_maps.shape == (10, 5, 32, 32)
    assert (said.kind_maps.sum(axis=1).min(), said.kind_maps.max()) == pytest.approx((1.0, 1.0))
    assert said.kind_probabilities[field.slabs, 0] == pytest.approx(hu[where].mean(axis=(1, 2)))
    unread = np.ones(10, bool)
    unread[field.slabs] = False
    assert said.kind_probabilities[unread] == pytest.approx(UNREAD)
    kinds, masks = said.members
    assert (kinds.shape, masks.shape) == ((1, 10, 5), (1, 10, 256, 256))
    assert masks.dtype == np.float16
    assert (masks[0].astype(np.float32) == said.mask_probabilities[:, ::2, ::2]).mean() > 0.7
    assert np.count_nonzero(masks) == hu[where].size / 4


def test_one_network_alone_has_no_members_to_put_back():
    echo = Echo()
    echo.predict = lambda slices: Echo().predict(slices)._replace(members=None)
    field = ReadField(slice(1, 2), slice(0, 512), slice(0, 512))
    assert read_field(echo, np.zeros((3, 512, 512), np.float32), field).members is None
