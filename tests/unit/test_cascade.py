"""Which slices every network reads."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logit

from ml.cascade import Cascade, Said, read_in_stages

RULE = Cascade(screeners=2, least_any=0.02, least_pixel=0.05)
QUIET, LOUD = 0.001, 0.6


class Networks:
    """Five made-up networks that remember what they were shown."""

    def __init__(self, said, drawn):
        self.kinds = np.broadcast_to(logit(said)[None, :, None], (5, len(said), 5)).copy()
        self.masks = np.broadcast_to(
            logit(drawn)[None, :, None, None], (5, len(drawn), 2, 2)
        ).copy()
        self.kinds[2:] += 1.0  # those who come later say more
        self.shown = []

    def read(self, members, slices):
        self.shown.append((members.start or 0, slices.tolist()))
        maps = np.full((5, len(self.kinds[0]), 5, 1, 1), 0.2)
        return Said(*(part[members][:, slices] for part in (self.kinds, self.masks, maps)))


def test_a_slice_that_the_first_networks_see_nothing_on_is_not_read_by_the_others():
    networks = Networks(
        np.array([QUIET, LOUD, QUIET, QUIET]), np.array([QUIET, QUIET, LOUD, QUIET])
    )
    said = read_in_stages(networks.read, 5, 4, RULE)
    assert networks.shown == [(0, [0, 1, 2, 3]), (2, [1, 2])]
    assert said.kinds.shape == (5, 4, 5)
    assert said.kinds[:, [1, 2]] == pytest.approx(networks.kinds[:, [1, 2]])
    # Where they did not read, the mean over all is that of those that did.
    assert said.kinds.mean(axis=0)[[0, 3]] == pytest.approx(networks.kinds[:2].mean(axis=0)[[0, 3]])
    assert said.masks.mean(axis=0)[0] == pytest.approx(networks.masks[:2].mean(axis=0)[0])


def test_nobody_reads_on_where_nothing_is_seen():
    networks = Networks(np.full(3, QUIET), np.full(3, QUIET))
    assert read_in_stages(networks.read, 5, 3, RULE).maps.shape == (5, 3, 5, 1, 1)
    assert networks.shown == [(0, [0, 1, 2])]


@pytest.mark.parametrize(("members", "rule"), [(5, None), (2, RULE), (1, RULE)])
def test_without_a_rule_or_further_networks_everybody_reads_everything(members, rule):
    networks = Networks(np.full(3, QUIET), np.full(3, QUIET))
    assert len(read_in_stages(networks.read, members, 3, rule).kinds) == members
    assert networks.shown == [(0, [0, 1, 2])]


@given(st.lists(st.floats(1e-4, 0.9), min_size=1, max_size=6), st.floats(1e-4, 0.9))
def test_every_slice_at_or_above_a_limit_is_read_by_all(any_of, pixel):
    each = 1 - (1 - np.array(any_of)) ** 0.2  # of five kinds that together say «any»
    networks = Networks(each, np.full(len(each), pixel))
    said = networks.read(slice(0, 2), np.arange(len(each)))
    wanted = [index for index, some in enumerate(any_of) if some >= 0.0201 or pixel >= 0.0501]
    assert set(wanted) <= set(RULE.reads_on(said).tolist())
    quiet = [index for index, some in enumerate(any_of) if some < 0.0199 and pixel < 0.0499]
    assert not set(quiet) & set(RULE.reads_on(said).tolist())
