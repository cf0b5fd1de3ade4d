"""How well a head fits a template in some pose: normalized correlations that torch differentiates."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from ml.training.places.head import Head
from ml.training.places.template import Template

# Of the template's own smoothing (8 mm full width at half maximum), in standard deviations.
SMOOTH_MM: Final = 8.0 / 2.355
# Of each step between points, how smooth both sides are made for it.
SMOOTH_SHARE: Final = 0.3
# Bone, soft tissue, outline.
WEIGHTS: Final = (1.0, 1.0, 0.5)
# Below this in MNI space heads are cut off, or are neck.
LOWEST_MM: Final = -65.0
# Soft tissue is darker; bone counts as brain there, so that its edge does not count twice.
BONE_HU: Final = 120.0
# Of the outline channel, what is head; and what is left of it, smoothed, where head is near.
OUTLINE: Final = 0.02
NEAR_OUTLINE: Final = 0.05
# A parameter of 1 moves the head by this.
SHIFT_UNIT_MM: Final = 10.0
_ABOVE_DIAGONAL: Final = (torch.tensor([0, 0, 1]), torch.tensor([1, 2, 2]))


def channels(hu: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (3, …): bone, soft tissue and outline, each 0..1."""
    bone = np.clip((hu - 100) / 600, 0, 1)
    soft = np.where(hu > BONE_HU, np.float32(0.6), np.clip(hu, 0, 60) / 60)
    return np.stack([bone, soft, np.clip((hu + 500) / 500, 0, 1)]).astype(np.float32)


@dataclass(frozen=True)
class Points:
    """The template at points of one spacing in and around it: (P, 3) MNI mm, (3, P) channels."""

    mni_mm: Tensor
    values: Tensor
    step_mm: float


@dataclass(frozen=True)
class Moving:
    """A head's channels (1, 3, S, R, C) and (4, 4) from its mm to its voxels."""

    values: Tensor
    to_voxels: Tensor


@dataclass(frozen=True)
class Pose:
    """Template mm to head mm, around a middle of each (3,)."""

    fixed_mm: Tensor
    moving_mm: Tensor

    def transform(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Return the (3, 3) matrix and the (3,) shift.

        Parameters
        ----------
        parameters
            (12,): three each of shift, turn, logarithm of scale, and shear.
        """
        shear = torch.eye(3)
        shear[_ABOVE_DIAGONAL] = parameters[9:12]
        matrix = _turn(parameters[3:6]) @ torch.diag(torch.exp(parameters[6:9])) @ shear
        shift = self.moving_mm + parameters[:3] * SHIFT_UNIT_MM - matrix @ self.fixed_mm
        return matrix, shift


@dataclass(frozen=True)
class Match:
    """How well a head fits the template's points."""

    pose: Pose
    points: Points
    moving: Moving

    def loss(self, parameters: Tensor) -> Tensor:
        """Return minus the mean correlation, and what unlikely heads cost."""
        matrix, shift = self.pose.transform(parameters)
        to_voxels = self.moving.to_voxels
        voxels = (self.points.mni_mm @ matrix.T + shift) @ to_voxels[:3, :3].T + to_voxels[:3, 3]
        last = torch.tensor(self.moving.values.shape[2:], dtype=torch.float32) - 1
        at = (voxels / last * 2 - 1).flip(1).view(1, 1, 1, -1, 3)
        sampled = functional.grid_sample(self.moving.values, at, align_corners=True)[0, :, 0, 0]
        shown = ((voxels > 0) & (voxels < last)).all(1).float()
        apart = _dissimilarity(self.points.values, sampled, shown)
        return apart + _unlikely(parameters, shown.mean())


def _dissimilarity(fixed: Tensor, moving: Tensor, weights: Tensor) -> Tensor:
    total = weights.sum() + 1e-6
    centered = [
        (values - (values * weights).sum(1, keepdim=True) / total) * weights
        for values in (fixed, moving)
    ]
    product = (centered[0] * centered[1]).sum(1)
    spread = (centered[0] ** 2).sum(1) * (centered[1] ** 2).sum(1)
    correlations = product / torch.sqrt(spread + 1e-6)
    return -(correlations * torch.tensor(WEIGHTS)).sum() / sum(WEIGHTS)


def _unlikely(parameters: Tensor, shown: Tensor) -> Tensor:
    """Heads are neither sheared nor stretched one way, and most of one is in the picture."""
    scale, shear = parameters[6:9], parameters[9:12]
    uneven = ((scale - scale.mean()) ** 2).sum()
    return 0.3 * (1 - shown) ** 2 + 0.02 * (shear**2).sum() + 0.1 * uneven + 0.15 * (scale**2).sum()


def _turn(angles: Tensor) -> Tensor:
    """Return the rotation about x, then y, then z; radians."""
    (cx, cy, cz), (sx, sy, sz) = torch.cos(angles), torch.sin(angles)
    rows = (
        (cy * cz, sx * sy * cz - cx * sz, cx * sy * cz + sx * sz),
        (cy * sz, sx * sy * sz + cx * cz, cx * sy * sz - sx * cz),
        (-sy, sx * cy, cx * cy),
    )
    return torch.stack([torch.stack(row) for row in rows])


def sample_template(template: Template, step_mm: float) -> Points:
    """Take the template's channels at points of one spacing."""
    spacing = np.abs(np.diag(template.affine))[:3]
    values = _smoothed(channels(template.hu), SMOOTH_SHARE * step_mm / spacing)
    counts = [
        int((n - 1) * mm // step_mm) + 1 for n, mm in zip(template.hu.shape, spacing, strict=True)
    ]
    voxels = np.stack(
        np.meshgrid(
            *[np.arange(n) * step_mm / mm for n, mm in zip(counts, spacing, strict=True)],
            indexing="ij",
        )
    )
    sampled = np.stack([ndimage.map_coordinates(one, voxels, order=1) for one in values])
    mni_mm = (
        np.tensordot(template.affine[:3, :3], voxels, axes=1)
        + template.affine[:3, 3, None, None, None]
    )
    outline = ndimage.gaussian_filter((sampled[2] > OUTLINE).astype(np.float32), 1) > NEAR_OUTLINE
    near = outline & (mni_mm[2] > LOWEST_MM)
    return Points(to_tensor(mni_mm[:, near].T), to_tensor(sampled[:, near]), step_mm)


def sample_head(head: Head, step_mm: float) -> Moving:
    """Make a head as smooth as the template is by itself and by the filter of its points."""
    sigma_mm = np.hypot(SMOOTH_MM, SMOOTH_SHARE * step_mm)
    values = _smoothed(channels(head.hu), sigma_mm / np.array(head.spacing_mm))
    return Moving(to_tensor(values)[None], to_tensor(np.linalg.inv(head.affine)))


def _smoothed(values: NDArray[np.float32], sigma: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.stack([ndimage.gaussian_filter(one, tuple(sigma)) for one in values])


def to_tensor(values: NDArray[np.floating] | NDArray[np.bool_]) -> Tensor:
    """Return values as float32."""
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))
