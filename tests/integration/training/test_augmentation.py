"""Image and outline change together, and only as far as they are asked to."""

from dataclasses import replace

import pytest
import torch

from ml.training.augment import Augmentation, augment


def test_image_and_mask_move_together():
    how = Augmentation(hu_shift=0, hu_scale=0, noise_hu=0, blur=0, sharpen=0, thick=0)
    hu = torch.full((8, 3, 64, 64), -1000.0)
    hu[:, :, 20:40, 10:30] = 60.0
    mask = (hu[:, :1] > 0).float()
    moved, maps = augment(hu, mask, 48, how, torch.Generator().manual_seed(0))
    assert moved.shape == (8, 3, 48, 48)
    assert ((moved[:, :1] + 1000) / 1060 - maps).abs().max() < 1e-4
    assert not torch.allclose(maps[0], maps[1])


def test_a_window_is_the_middle_of_what_would_have_been_shown():
    hu = torch.randn(3, 3, 64, 64) * 50
    how = Augmentation(noise_hu=0)
    whole, window = (
        augment(hu, hu[:, :2], 64, how, torch.Generator().manual_seed(0), shown=shown)
        for shown in (None, (32, 48))
    )
    for all_of_it, part in zip(whole, window, strict=True):
        # A smooth kernel looks beyond the window's edge.
        assert torch.allclose(part[..., 1:-1, 1:-1], all_of_it[..., 17:47, 9:55], atol=1e-3)


def test_neighbors_change_places_or_give_way_but_the_slice_stays():
    hu = torch.tensor([10.0, 20.0, 30.0]).view(1, 3, 1, 1).expand(64, 3, 32, 32)
    how = Augmentation(
        rotation_deg=0, scale=0, shift=0, hu_shift=0, hu_scale=0, noise_hu=0, blur=0, sharpen=0,
        thick=0, swap=0.5, alone=0.3,
    )  # fmt: skip
    moved, _ = augment(hu, hu[:, :1] * 0, 32, how, torch.Generator().manual_seed(1))
    seen = {tuple(one[:, 16, 16].round().int().tolist()) for one in moved}
    assert seen == {(10, 20, 30), (30, 20, 10), (20, 20, 20)}


def test_a_head_changes_its_shape_smoothly_if_asked_to():
    hu, mask = torch.zeros(2, 3, 64, 64), torch.zeros(2, 1, 64, 64)
    hu[:, :, 24:40, 24:40] = 50.0
    mask[:, :, 24:40, 24:40] = 1.0
    still = Augmentation(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    kept, _ = augment(hu, mask, 64, still, torch.Generator().manual_seed(0))
    how = replace(still, elastic=0.03)
    moved, maps = augment(hu, mask, 64, how, torch.Generator().manual_seed(0))
    assert (moved - kept).abs().max() > 10
    assert maps.sum() == pytest.approx(float(mask.sum()), rel=0.35)
    # Image and outline move together.
    assert moved[:, 1:2][maps > 0.99].min() > 45
