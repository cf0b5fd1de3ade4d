"""What labels imply: for whole studies, for slabs, and of masks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ml.labeled import ABSENT, BLOOD_OF_UNKNOWN_KIND, PRESENT, UNKNOWN
from ml.sources.cq500 import majority
from ml.sources.labels import labels_of_mask, settle, strongest
from preread.errors import UnreadableStudy

LABEL = st.sampled_from([ABSENT, PRESENT, UNKNOWN])


@given(arrays(np.int8, (4, 3), elements=LABEL))
def test_what_is_known_of_a_part_is_never_lost_in_the_whole(labels):
    whole = strongest(labels)
    for own, said in zip(labels.T, whole, strict=True):
        if PRESENT in own:
            assert said == PRESENT
        else:
            assert said == (UNKNOWN if UNKNOWN in own else ABSENT)


@given(arrays(np.int8, (6,), elements=LABEL), arrays(np.int8, (6, 5), elements=LABEL))
def test_settled_labels_never_contradict_themselves(any_label, kinds):
    any_label = np.where((kinds == PRESENT).any(axis=1), np.int8(PRESENT), any_label)
    labels = settle(any_label, kinds)
    again = settle(labels.any, labels.kinds)
    assert (again.any == labels.any).all()
    assert (again.kinds == labels.kinds).all()
    assert ((labels.any == ABSENT) == (labels.kinds == ABSENT).all(axis=1)).all()
    assert (labels.any[any_label != UNKNOWN] == any_label[any_label != UNKNOWN]).all()


def test_a_hemorrhage_of_none_of_the_kinds_has_unknown_kinds():
    labels = settle(np.array(PRESENT, np.int8), np.zeros(5, np.int8))
    assert labels.kinds.tolist() == [UNKNOWN] * 5


def test_a_kind_without_a_hemorrhage_is_refused():
    with pytest.raises(UnreadableStudy, match="where no hemorrhage is"):
        settle(np.array(ABSENT, np.int8), np.int8([1, 0, 0, 0, 0]))


def test_unnamed_blood_leaves_the_kinds_of_its_slice_unknown():
    mask = np.zeros((3, 2, 2), np.uint8)
    mask[1, 0, 0], mask[2, 0, 0], mask[2, 1, 1] = 2, BLOOD_OF_UNKNOWN_KIND, 5
    labels = labels_of_mask(mask)
    assert labels.any.tolist() == [0, 1, 1]
    assert labels.kinds.tolist() == [[0, 0, 0, 0, 0], [0, 1, 0, 0, 0], [-1, -1, -1, -1, 1]]


@pytest.mark.parametrize(
    ("votes", "said"),
    [
        ([1, 1, 1], PRESENT),
        ([1, 1, 0], PRESENT),
        ([1, 0, 0], ABSENT),
        ([0, 0, UNKNOWN], ABSENT),
        ([1, 0, UNKNOWN], UNKNOWN),
        ([1, UNKNOWN, UNKNOWN], UNKNOWN),
    ],
    ids=str,
)
def test_two_readers_decide(votes, said):
    assert majority(np.array(votes, np.int8)[:, None]).tolist() == [said]
