"""HU windows as color channels."""

import numpy as np
import pytest

from ml.windows import CHANNELS, Window, stack_neighbors


def test_an_empty_window_is_refused():
    with pytest.raises(ValueError, match="low < high"):
        Window(80, 80)


def test_the_slice_itself_fills_the_three_colors_and_its_neighbors_follow():
    assert [channel.offset for channel in CHANNELS] == [0, 0, 0, -1, 1]
    assert len({channel.window for channel in CHANNELS[:3]}) == 3


def test_at_both_ends_the_slice_stands_in_for_the_missing_neighbor():
    slices = np.arange(4, dtype=np.float32).reshape(4, 1, 1)
    stacks = stack_neighbors(slices)
    assert stacks.shape == (4, 3, 1, 1)
    assert stacks[0, :, 0, 0].tolist() == [0, 0, 1]
    assert stacks[3, :, 0, 0].tolist() == [2, 3, 3]


def test_a_part_of_the_stacks_is_that_part():
    slices = np.arange(7, dtype=np.float32).reshape(7, 1, 1)
    some = np.array([0, 2, 3, len(slices) - 1])
    assert (stack_neighbors(slices, some) == stack_neighbors(slices)[some]).all()
    assert len(stack_neighbors(slices, some[:0])) == 0
