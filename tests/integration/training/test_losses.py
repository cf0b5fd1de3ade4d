"""What a batch costs: by the slice and the batch, and only what is known."""

from dataclasses import replace

import pytest
import torch

from ml.network import Reading
from ml.training.batches import Batch
from ml.training.losses import _dice_loss, any_kind_loss, losses, total


def test_dice_counts_each_bleeding_slice_and_the_batch():
    logits = torch.full((2, 1, 8, 8), -30.0)
    share = torch.zeros(2, 1, 8, 8)
    share[0, 0, :2] = 1.0  # 16 pixels
    logits[0, 0, 0] = 30.0  # half of them found
    # Slice and batch alike: 2·8 of 8 + 16, each smoothed by one pixel.
    assert float(_dice_loss(logits, share)) == pytest.approx(1 - 17 / 25, abs=1e-5)
    logits[1, 0, :2] = 30.0  # 16 pixels where there are none count in the batch only
    wanted = 0.5 * (1 - 17 / 25) + 0.5 * (1 - 17 / 41)
    assert float(_dice_loss(logits, share)) == pytest.approx(wanted, abs=1e-5)


def test_certain_and_right_costs_little_certain_and_wrong_much():
    labels = torch.tensor([1.0, 0.0])
    right = torch.tensor([[9.0, -9, -9, -9, -9], [-9, -9, -9, -9, -9]])
    assert any_kind_loss(right, labels) < 0.01
    assert any_kind_loss(-right, labels) > 4
    assert torch.isfinite(any_kind_loss(torch.full((2, 5), -80.0), labels))


def test_what_is_unknown_costs_nothing():
    logits = torch.tensor([[3.0, -2, 0, 1, -1], [9.0, 9, 9, 9, 9]])
    assert any_kind_loss(logits, torch.tensor([1.0, -1])) == any_kind_loss(
        logits[:1], torch.tensor([1.0])
    )
    assert any_kind_loss(logits, torch.tensor([-1.0, -1])) == 0


def test_only_outlined_slices_train_the_mask_and_known_labels_the_kinds():
    torch.manual_seed(0)
    reading = Reading(torch.randn(3, 5), torch.randn(3, 1, 16, 16), torch.randn(3, 5, 4, 4))
    for logits in reading:
        logits.requires_grad_()
    labels = torch.tensor([[1.0, 0, 0, 0, 0], [-1] * 5, [1, 0, -1, -1, -1]])
    outlined = torch.tensor([True, False, False])
    batch = Batch(
        torch.zeros(3, 3, 16, 16), torch.zeros(3, 6, 16, 16), labels, torch.ones(3), outlined
    )
    share = torch.zeros(3, 1, 16, 16)
    share[0, 0, 4:8, 4:8] = 1
    total(losses(reading, batch, share, share)).backward()
    touched = [
        logits.grad.abs().flatten(1).sum(dim=1) > 0 for logits in (reading.mask, reading.kind_maps)
    ]
    assert [one.tolist() for one in touched] == [[True, False, False]] * 2
    # «Any» is known of all three, so every kind learns a little; without it only known kinds do.
    reading.kinds.grad = None
    unknown = replace(batch, any=torch.full((3,), -1.0))
    total(losses(reading, unknown, share, share)).backward()
    assert (reading.kinds.grad != 0).tolist() == (labels != -1).tolist()


def test_a_batch_without_any_outline_still_trains_the_kinds():
    reading = Reading(
        torch.zeros(2, 5, requires_grad=True),
        torch.zeros(2, 1, 16, 16, requires_grad=True),
        torch.zeros(2, 5, 4, 4, requires_grad=True),
    )
    labels = torch.tensor([[1.0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    nothing = torch.zeros(2, dtype=torch.bool)
    batch = Batch(
        torch.zeros(2, 3, 16, 16), torch.zeros(2, 6, 16, 16), labels, labels[:, 0], nothing
    )
    terms = losses(reading, batch, torch.zeros(2, 1, 16, 16), torch.zeros(2, 1, 16, 16))
    total(terms).backward()
    assert terms["mask"] == terms["dice"] == 0
    assert torch.isfinite(reading.kinds.grad).all()
    assert reading.kinds.grad.abs().sum() > 0
    assert reading.mask.grad.abs().sum() == 0
