"""What is drawn of a prepared set, and what is not."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ml.training.batches import Sampler
from ml.training.prepared import open_prepared, open_reduced


def test_a_prepared_set_keeps_labels_blood_and_hu(prepared):
    opened = open_prepared(prepared)
    labels = np.array([row.labels for row in opened.rows])
    assert ((opened.mask.sum(axis=(1, 2)) > 0) == labels.any(axis=1)).all()
    assert opened.hu[opened.mask > 0].mean() == pytest.approx(65, abs=2)
    # Each reduced pixel is 2×2 pixels.
    reduced = open_reduced(prepared)
    assert reduced.mask.sum() / 255 * 4 == pytest.approx(opened.mask.sum(), rel=0.05)
    assert set(np.unique(reduced.kind)) == {0, 1}


def test_a_batch_is_half_bleeding_and_knows_its_neighbors(prepared):
    opened = open_reduced(prepared)
    chosen = [index for index, row in enumerate(opened.rows) if row.fold != 0]
    batch = Sampler(opened, chosen, np.random.default_rng(0)).draw(6, 3)
    assert batch.labels[:3].amax(dim=1).tolist() == [1, 1, 1]
    assert batch.labels[3:].sum() == 0
    assert batch.hu.shape == (6, 3, 64, 64)
    assert (batch.maps[:3, 0].amax(dim=(1, 2)) > 0.5).all()


def test_nothing_of_a_held_out_fold_is_drawn(prepared):
    opened = open_reduced(prepared)
    chosen = [index for index, row in enumerate(opened.rows) if row.fold == 1]
    shifted = replace(opened, hu=np.full_like(opened.hu, -77))
    shifted.hu[chosen] = 11
    batch = Sampler(shifted, chosen, np.random.default_rng(0)).draw(8, 4)
    assert set(batch.hu.unique().tolist()) == {11.0}


def test_slices_of_unknown_truth_are_not_drawn_and_nameless_blood_is(prepared):
    opened = open_reduced(prepared)
    bleeding = [index for index, row in enumerate(opened.rows) if row.any == 1]
    clean = [index for index, row in enumerate(opened.rows) if row.any == 0]
    rows = list(opened.rows)
    for index in bleeding[1:] + clean[1:]:
        rows[index] = replace(rows[index], any=-1, labels=(-1,) * 5)
    rows[bleeding[0]] = replace(rows[bleeding[0]], labels=(-1,) * 5, has_mask=False)
    sampler = Sampler(
        replace(opened, rows=tuple(rows)), list(range(len(rows))), np.random.default_rng(0)
    )
    batch = sampler.draw(4, 2)
    assert batch.any.tolist() == [1, 1, 0, 0]
    assert batch.has_mask.tolist() == [False, False, True, True]
    assert (
        batch.hu[:, 1]
        == torch.from_numpy(opened.hu[[bleeding[0]] * 2 + [clean[0]] * 2].astype(np.float32))
    ).all()


def test_nothing_to_draw_is_said(prepared):
    opened = open_reduced(prepared)
    clean = [index for index, row in enumerate(opened.rows) if row.any == 0]
    with pytest.raises(ValueError, match="no slice to draw"):
        Sampler(opened, clean, np.random.default_rng(0)).draw(2, 1)
