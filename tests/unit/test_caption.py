"""Labels of outlines: near, on no outlined pixel, on the lesion's own side."""

import numpy as np
import pytest

from preread.dicom.caption import Free

SIZE = (70, 18)


def lesion(rows, columns, shape=(512, 512)):
    mask = np.zeros(shape, bool)
    mask[rows, columns] = True
    return mask


@pytest.mark.parametrize(
    ("columns", "half"),
    [(slice(300, 340), "right"), (slice(170, 250), "left"), (slice(200, 300), "either")],
)
def test_a_label_stands_near_covers_nothing_outlined_and_keeps_its_side(columns, half):
    mask = lesion(slice(200, 260), columns)
    caption = Free(mask).nearest(mask, SIZE)
    box = np.s_[caption.top : caption.top + SIZE[1], caption.left : caption.left + SIZE[0]]
    assert not mask[box].any()
    assert 0 < caption.distance_px < 16
    if half != "either":
        assert (caption.left >= 256) == (half == "right")


def test_two_labels_do_not_cover_each_other_or_what_was_taken():
    mask = lesion(slice(200, 260), slice(300, 340))
    free = Free(mask)
    free.take(slice(0, 512), slice(346, 512))
    boxes = [free.nearest(mask, SIZE) for _ in range(4)]
    covered = np.zeros(mask.shape, int)
    for box in boxes:
        assert box.left + SIZE[0] <= 346
        covered[box.top : box.top + SIZE[1], box.left : box.left + SIZE[0]] += 1
    assert covered.max() == 1


def test_without_room_there_is_no_label():
    mask = lesion(slice(None), slice(None), (40, 60))
    assert Free(mask).nearest(mask, SIZE) is None
    assert Free(mask).nearest(mask, (20, 10)) is None
