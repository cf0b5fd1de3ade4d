"""A network learns what others say; heads are joined at a line; the mean of the weights follows."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ml.architectures import build_network
from ml.network import Reading
from ml.spec import NetworkSpec
from ml.training.augment import Augmentation, augment
from ml.training.averaging import AveragedWeights
from ml.training.teaching import Teachers, join_heads, taught_losses

STILL = Augmentation(
    rotation_deg=0, scale=0, shift=0, hu_shift=0, hu_scale=0, noise_hu=0, blur=0, sharpen=0,
    swap=0, alone=0, thick=0,
)  # fmt: skip


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def reading(seed):
    generator = random(seed)
    return Reading(
        torch.randn(2, 5, generator=generator),
        torch.randn(2, 1, 64, 64, generator=generator),
        torch.log_softmax(torch.randn(2, 5, 8, 8, generator=generator), dim=1),
    )


def test_nobody_says_the_taught_better_than_the_teacher():
    taught = reading(0)
    least = taught_losses(taught, taught)
    for seed in range(1, 4):
        other = taught_losses(reading(seed), taught)
        assert all(other[name] > least[name] for name in least)


def test_kinds_are_compared_where_the_teacher_sees_blood_and_nowhere_else():
    taught = reading(0)._replace(mask=torch.full((2, 1, 64, 64), -30.0))
    said = reading(1)
    assert taught_losses(said, taught)["taught_places"] < 1e-6
    taught.mask[0, 0, :8, :8] = 30.0
    said.kind_maps[0, :, 0, 0] = taught.kind_maps[0, :, 0, 0]
    entropy = -(taught.kind_maps[0, :, 0, 0].exp() * taught.kind_maps[0, :, 0, 0]).sum()
    assert taught_losses(said, taught)["taught_places"] == pytest.approx(float(entropy), rel=1e-4)


def test_teachers_say_the_mean_of_their_log_odds():
    spec = NetworkSpec(size=64, spacing_mm=3.6, reduction=2)
    torch.manual_seed(1)
    networks = [build_network(spec).eval() for _ in range(2)]
    hu = torch.randn(1, 3, 64, 64, generator=random()) * 40 + 30
    with torch.no_grad():
        each = [network.read(hu) for network in networks]
    said = Teachers(networks, torch.device("cpu")).read(hu)
    wanted = (each[0].kinds + each[1].kinds) / 2
    assert torch.allclose(said.kinds, wanted, atol=0.05)
    assert torch.allclose(said.kind_maps.exp().sum(dim=1), torch.ones(1, 8, 8), atol=1e-3)


def test_a_joined_head_is_one_slice_on_this_side_of_a_line_and_another_beyond():
    hu = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 3, 32, 32)
    joined = join_heads(hu, random(3))
    assert joined.shape == hu.shape
    for number, one in enumerate(joined):
        values, counts = one[0].unique(return_counts=True)
        assert len(values) <= 2
        assert number in values.tolist()
        # The line passes near the middle: each side is a fair part.
        assert counts.min() > 0.15 * 32 * 32
        assert torch.equal(one[0], one[2])


def test_a_tilted_gantry_shifts_the_neighbors_and_never_the_slice():
    hu = torch.full((16, 3, 64, 64), -1000.0)
    hu[:, :, 24:40, 24:40] = 60.0
    mask = (hu[:, 1:2] > 0).float()
    moved, maps = augment(hu, mask, 64, replace(STILL, lean=0.1), random())
    inside = moved > -400
    assert torch.equal(inside[:, 1:2].float(), maps.round())
    columns = inside.float().mean(dim=2) @ torch.arange(64.0) / inside.float().mean(dim=2).sum(-1)
    apart = (columns[:, 0] - columns[:, 1], columns[:, 2] - columns[:, 1])
    # Below and above go opposite ways.
    assert torch.allclose(apart[0], -apart[1], atol=0.6)
    assert apart[0].abs().max() > 2


def test_bone_of_a_neighbor_shines_through_and_nothing_else_does():
    hu = torch.full((64, 3, 32, 32), 30.0)
    hu[:, 0, :, :8] = 1000.0  # bone below
    hu[:, 2, :, 16:24] = -1000.0  # air above
    grazed = replace(STILL, graze=1.0)
    moved, _ = augment(hu, hu[:, :1] * 0, 32, grazed, random())
    # Mirroring may put the bone on either side.
    brightest = moved[:, 1].amax(dim=(1, 2))
    assert float(moved[:, 1].min()) == pytest.approx(30.0, abs=1e-2)
    assert 30 < float(brightest.max()) < 30 + 0.12 * 970 + 1
    assert 0.3 < float((brightest > 31).float().mean()) < 0.7


def test_coarse_noise_is_as_strong_as_fine_noise():
    hu = torch.zeros(8, 3, 96, 96)
    spreads = []
    for grain in (0.0, 1.0):
        how = replace(STILL, noise_hu=8.0, grain=grain)
        moved, _ = augment(hu, hu[:, :1], 96, how, random(5))
        spreads.append(moved[..., 8:-8, 8:-8].std(dim=(1, 2, 3)).numpy())
    assert np.allclose(spreads[0], spreads[1], rtol=0.1)


def test_the_mean_of_the_weights_comes_to_a_network_that_stands_still():
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    mean = AveragedWeights(network, decay=0.5)
    with torch.no_grad():
        network[0].weight.fill_(3.0)
        network[1].num_batches_tracked.fill_(7)
    for step in range(40):
        mean.follow(step)
    kept = mean.halved()
    assert kept["0.weight"].dtype == torch.float16
    assert torch.allclose(kept["0.weight"].float(), torch.full((2, 2), 3.0), atol=1e-3)
    assert int(kept["1.num_batches_tracked"]) == 7
    other = AveragedWeights(
        torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2)), 0.5
    )
    other.restore(mean.state())
    assert torch.equal(other.state()["0.weight"], mean.state()["0.weight"])
