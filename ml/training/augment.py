"""Change a batch as other scanners, heads and tables would: one resampling, then intensities."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

AIR_HU = -1000.0
# Points per side at which the elastic displacement is drawn: some 50 mm apart.
ELASTIC_POINTS = 5
# What of a neighbor's bone shines through: this much at most, of bone up to this density.
MOST_GRAZED = 0.12
BONE_HU = 1500.0
EITHER = 0.5
# The mean of nine pixels of noise has a third of its spread.
COARSE_GAIN = 3.0


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
    elastic
        Standard deviation of a smooth displacement, as a share of the width: heads differ in
        shape by more than size and turn. 0 draws none.
    lean
        Greatest shift of a slice against the next, as a share of the width: a tilted gantry.
    graze
        Chance that bone of a neighbor shines through, as where the skull slants: it is then as
        dense as blood along the inner table, and is none.
    grain
        Chance that noise is coarse, as of a smooth kernel.
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
    elastic: float = 0.0
    lean: float = 0.0
    graze: float = 0.0
    grain: float = 0.0


def augment(
    hu: Tensor,
    maps: Tensor,
    size: int,
    how: Augmentation,
    random: torch.Generator,
    *,
    shown: tuple[int, int] | None = None,
) -> tuple[Tensor, Tensor]:
    """Resample and change a batch.

    Parameters
    ----------
    hu
        (B, 3, H, W) HU.
    maps
        (B, M, H, W) targets, resampled alike, intensities untouched.
    size
        Pixels per side of the whole field of view.
    how
        The limits.
    random
        Makes the draw repeatable; lies on the batch's device.
    shown
        Rows and columns around its middle that are given; None: all.

    Returns
    -------
    tuple of Tensor
        (B, 3, rows, columns) HU and (B, M, rows, columns).
    """
    rows, columns = (_middle(length, size) for length in shown or (size, size))
    grid = _grids(len(hu), size, how, random)[:, rows, columns]
    planes = _neighbors(hu, how, random) - AIR_HU
    if how.lean:
        lean = 2 * _between((len(hu), 1, 1, 2), how.lean, random)
        below, above = (
            _sampled(planes[:, [plane]], grid + side * lean) for plane, side in ((0, 1), (2, -1))
        )
        middle = _sampled(torch.cat([planes[:, 1:2], maps], dim=1), grid)
        moved = torch.cat([below, middle[:, :1], above, middle[:, 1:]], dim=1)
    else:
        moved = _sampled(torch.cat([planes, maps], dim=1), grid)
    changed = _intensities(moved[:, : hu.shape[1]] + AIR_HU, how, random)
    return changed, moved[:, hu.shape[1] :]


def _middle(length: int, size: int) -> slice:
    first = (size - length) // 2
    return slice(first, first + length)


def _sampled(planes: Tensor, grid: Tensor) -> Tensor:
    return functional.grid_sample(planes, grid, padding_mode="zeros", align_corners=False)


def _neighbors(hu: Tensor, how: Augmentation, random: torch.Generator) -> Tensor:
    """Vary what lies below and above: order, presence, and how much of it the slice holds."""
    shape = (len(hu), 1, 1)
    swap, alone, thick = (_uniform(shape, random) for _ in range(3))
    below, middle, above = hu.unbind(dim=1)
    amount = torch.where(thick < how.thick, 0.5 * thick / max(how.thick, 1e-6), 0.0)
    mixed = torch.lerp(middle, (below + above) / 2, amount)
    if how.graze:
        chance, side, share = (_uniform(shape, random) for _ in range(3))
        bone = torch.where(side < EITHER, below, above).clamp(max=BONE_HU)
        grazed = torch.where(chance < how.graze, MOST_GRAZED * share, 0.0)
        mixed = mixed + grazed * (bone - mixed).clamp(min=0.0)
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
    mirror = torch.randint(0, 2, (count,), generator=random, device=random.device) * 2.0 - 1.0
    shift = 2 * torch.stack([_between(count, how.shift, random) for _ in range(2)], dim=1)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    matrix = torch.stack(
        [
            torch.stack([mirror * zoom * stretch * cosine, -zoom * sine, shift[:, 0]], dim=1),
            torch.stack([mirror * zoom * stretch * sine, zoom * cosine, shift[:, 1]], dim=1),
        ],
        dim=1,
    )
    grid = functional.affine_grid(matrix, [count, 1, size, size], align_corners=False)
    return grid + _displacement(count, size, how, random) if how.elastic else grid


def _displacement(count: int, size: int, how: Augmentation, random: torch.Generator) -> Tensor:
    """Return (B, size, size, 2) of a smooth displacement; the width is 2."""
    points = (count, 2, ELASTIC_POINTS, ELASTIC_POINTS)
    drawn = 2 * how.elastic * torch.randn(points, generator=random, device=random.device)
    smooth = functional.interpolate(drawn, size=(size, size), mode="bicubic", align_corners=True)
    return smooth.permute(0, 2, 3, 1)


def _intensities(hu: Tensor, how: Augmentation, random: torch.Generator) -> Tensor:
    count = len(hu)
    shape = (count, 1, 1, 1)
    scale = 1 + _between(count, how.hu_scale, random).view(shape)
    shift = _between(count, how.hu_shift, random).view(shape)
    smooth = functional.avg_pool2d(hu, 3, 1, 1, count_include_pad=False)
    chance, amount = _uniform(shape, random), _uniform(shape, random)
    # Positive: towards the mean of 3×3 (soft kernel). Negative: away from it (sharp kernel).
    mix = torch.where(chance < how.blur, amount, 0.0)
    mix = torch.where(chance > 1 - how.sharpen, -amount, mix)
    level = how.noise_hu * _uniform(shape, random)
    noise = torch.randn(hu.shape, generator=random, device=random.device) * level
    if how.grain:
        coarse = COARSE_GAIN * functional.avg_pool2d(noise, 3, 1, 1)
        noise = torch.where(_uniform(shape, random) < how.grain, coarse, noise)
    return torch.lerp(hu, smooth, mix) * scale + shift + noise


def _between(shape: int | tuple[int, ...], limit: float, random: torch.Generator) -> Tensor:
    return (2 * _uniform((shape,) if isinstance(shape, int) else shape, random) - 1) * limit


def _uniform(shape: tuple[int, ...], random: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=random, device=random.device)
