"""Change a batch as other scanners, heads and tables would: one resampling, then intensities."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

AIR_HU = -1000.0


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far a slice may be changed.

    Attributes
    ----------
    rotation_deg, scale, shift
        Greatest rotation, relative change of size (the source's spacing is a guess) and
        shift as a share of the width.
    hu_shift, hu_scale
        Greatest offset in HU and relative change of contrast.
    noise_hu
        Greatest standard deviation of added noise.
    blur, sharpen
        Chance of a smoother and of a sharper kernel.
    swap
        Chance that the neighbors of a slice change places, as in a head scanned upside down.
    alone
        Chance that the slice stands in for its neighbors, as at the end of a series.
    thick
        Chance of a thicker slice: up to half of it is the mean of its neighbors.
    """

    rotation_deg: float = 20.0
    scale: float = 0.18
    shift: float = 0.06
    hu_shift: float = 4.0
    hu_scale: float = 0.08
    noise_hu: float = 5.0
    blur: float = 0.25
    sharpen: float = 0.15
    swap: float = 0.5
    alone: float = 0.1
    thick: float = 0.2


def augment(
    hu: Tensor, maps: Tensor, size: int, how: Augmentation, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Resample and change a batch.

    Parameters
    ----------
    hu
        (B, 3, H, W) HU.
    maps
        (B, M, H, W) targets, resampled alike, intensities untouched.
    size
        Pixels per side of the output; the field of view stays the same.
    how
        The limits.
    random
        Makes the draw repeatable.

    Returns
    -------
    tuple of Tensor
        (B, 3, size, size) HU and (B, M, size, size).
    """
    grid = _grids(len(hu), size, how, random)
    stacked = torch.cat([_neighbors(hu, how, random) - AIR_HU, maps], dim=1)
    moved = functional.grid_sample(stacked, grid, padding_mode="zeros", align_corners=False)
    changed = _intensities(moved[:, : hu.shape[1]] + AIR_HU, how, random)
    return changed, moved[:, hu.shape[1] :]


def _neighbors(hu: Tensor, how: Augmentation, random: torch.Generator) -> Tensor:
    """Vary what lies below and above: order, presence, and how much of it the slice holds."""
    shape = (len(hu), 1, 1)
    swap, alone, thick = (torch.rand(shape, generator=random) for _ in range(3))
    below, middle, above = hu.unbind(dim=1)
    amount = torch.where(thick < how.thick, 0.5 * thick / max(how.thick, 1e-6), torch.zeros(()))
    mixed = torch.lerp(middle, (below + above) / 2, amount)
    first = torch.where(swap < how.swap, above, below)
    last = torch.where(swap < how.swap, below, above)
    single = alone < how.alone
    return torch.stack(
        [torch.where(single, mixed, first), mixed, torch.where(single, mixed, last)], dim=1
    )


def _grids(count: int, size: int, how: Augmentation, random: torch.Generator) -> Tensor:
    angle = _between(count, how.rotation_deg, random) * math.pi / 180
    zoom = torch.exp(_between(count, math.log1p(how.scale), random))
    stretch = torch.exp(_between(count, math.log1p(how.scale / 3), random))
    mirror = torch.randint(0, 2, (count,), generator=random) * 2.0 - 1.0
    shift = 2 * torch.stack([_between(count, how.shift, random) for _ in range(2)], dim=1)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    matrix = torch.stack(
        [
            torch.stack([mirror * zoom * stretch * cosine, -zoom * sine, shift[:, 0]], dim=1),
            torch.stack([mirror * zoom * stretch * sine, zoom * cosine, shift[:, 1]], dim=1),
        ],
        dim=1,
    )
    return functional.affine_grid(matrix, [count, 1, size, size], align_corners=False)


def _intensities(hu: Tensor, how: Augmentation, random: torch.Generator) -> Tensor:
    count = len(hu)
    shape = (count, 1, 1, 1)
    scale = 1 + _between(count, how.hu_scale, random).view(shape)
    shift = _between(count, how.hu_shift, random).view(shape)
    smooth = functional.avg_pool2d(hu, 3, 1, 1, count_include_pad=False)
    chance = torch.rand(count, generator=random).view(shape)
    amount = torch.rand(count, generator=random).view(shape)
    # Positive: towards the mean of 3×3 (soft kernel). Negative: away from it (sharp kernel).
    mix = torch.where(chance < how.blur, amount, torch.zeros(()))
    mix = torch.where(chance > 1 - how.sharpen, -amount, mix)
    level = how.noise_hu * torch.rand(count, generator=random).view(shape)
    noise = torch.randn(hu.shape, generator=random) * level
    return torch.lerp(hu, smooth, mix) * scale + shift + noise


def _between(count: int, limit: float, random: torch.Generator) -> Tensor:
    return (2 * torch.rand(count, generator=random) - 1) * limit
