"""A head registered to a template: affine, 12 parameters, in five to ten seconds of one core.

Bone, soft tissue and the outline of the head are compared by their normalized correlation:
from many starts on points 8 mm apart, from the best on points 4 mm apart. Starts stand at the
middle of the head and at that of the intracranial space; the latter holds where a fixation
gear pulls the former away.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from ml.intracranial import find_interior
from ml.training.places.head import Head
from ml.training.places.similarity import (
    Match,
    Pose,
    sample_head,
    sample_template,
    to_tensor,
)
from ml.training.places.template import Template

COARSE_MM: Final = 8.0
FINE_MM: Final = 4.0
# Of a head from its top down, what tells where its middle is; the rest may be cut off.
UPPER_MM: Final = 130.0
UPPER_BRAIN_MM: Final = 70.0
# Farther from the intracranial space, seen from above, than scalp and skull are thick.
AROUND_MM: Final = 28.0
TISSUE_HU: Final = -200.0
AIR_HU: Final = -1000.0
# Radians: pitch, roll, yaw.
PITCHES: Final = tuple((pitch, 0.0, 0.0) for pitch in (-0.45, -0.22, 0.0, 0.22, 0.45))
TURNED: Final = (
    *((x, y, z) for x in (-0.3, 0.0, 0.3) for y in (-0.25, 0.25) for z in (-0.4, 0.4)),
    (0.0, 0.0, -0.25),
    (0.0, 0.0, 0.25),
)
FIRST_LOG_SCALE: Final = -0.03


@dataclass(frozen=True)
class Registration:
    """Where a head lies in MNI space.

    Attributes
    ----------
    to_mni
        (4, 4): the head's (slice, row, column, 1) to MNI mm (right, front, up).
    loss
        −1 would be a perfect fit.
    """

    to_mni: NDArray[np.float64]
    loss: float


class Registrar:
    """Registers heads to one template.

    Parameters
    ----------
    template
        A head CT in MNI space.
    coarse_mm, fine_mm
        Between the points that are compared, first and last.
    """

    def __init__(
        self, template: Template, coarse_mm: float = COARSE_MM, fine_mm: float = FINE_MM
    ) -> None:
        """Prepare the template's points and middles."""
        self._coarse, self._fine = (
            sample_template(template, step) for step in (coarse_mm, fine_mm)
        )
        head, to_mni = template.as_head()
        self._middles = _middles(head, to_mni)

    def register(self, head: Head) -> Registration:
        """Register a head.

        Parameters
        ----------
        head
            At least its upper half.

        Returns
        -------
        Registration
            The best of all starts.
        """
        from_voxels = head.affine
        alone = _without_gear(head)
        coarse_head = sample_head(alone, self._coarse.step_mm)
        fits = []
        for fixed_mm, moving_mm in zip(self._middles, _middles(head, from_voxels), strict=True):
            pose = Pose(to_tensor(fixed_mm), to_tensor(moving_mm))
            start, loss = _best_start(Match(pose, self._coarse, coarse_head))
            fits.append((loss, pose, start))
        _, pose, start = min(fits, key=lambda fit: fit[0])
        fine = Match(pose, self._fine, sample_head(alone, self._fine.step_mm))
        parameters, loss = _descend(fine, start, rounds=60, rate=0.02, last_rate=0.002)
        to_head = np.eye(4)
        matrix, shift = pose.transform(parameters)
        to_head[:3, :3], to_head[:3, 3] = matrix.numpy(), shift.numpy()
        return Registration(np.linalg.inv(to_head) @ from_voxels, loss)


def _best_start(match: Match) -> tuple[Tensor, float]:
    """Go a few steps from every start, more from the best three."""
    tried = []
    for turn in (*PITCHES, *TURNED):
        parameters = torch.zeros(12)
        parameters[3:6] = torch.tensor(turn)
        parameters[6:9] = FIRST_LOG_SCALE
        tried.append(_descend(match, parameters, rounds=8, rate=0.06, shears=False))
    tried.sort(key=lambda fit: fit[1])
    further = [_descend(match, fit[0], rounds=25, rate=0.03, shears=False) for fit in tried[:3]]
    return min(further, key=lambda fit: fit[1])


def _descend(
    match: Match,
    start: Tensor,
    *,
    rounds: int,
    rate: float,
    last_rate: float | None = None,
    shears: bool = True,
) -> tuple[Tensor, float]:
    """Return where gradient descent ends, and the loss one step before."""
    parameters = start.clone().requires_grad_(True)  # noqa: FBT003
    optimizer = torch.optim.Adam([parameters], lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, rounds, eta_min=rate if last_rate is None else last_rate
    )
    loss = torch.zeros(())
    for _ in range(rounds):
        optimizer.zero_grad()
        loss = match.loss(parameters)
        loss.backward()  # type: ignore[no-untyped-call]
        if not shears and parameters.grad is not None:
            parameters.grad[9:12] = 0
        optimizer.step()
        schedule.step()
    return parameters.detach(), float(loss.detach())


def _without_gear(head: Head) -> Head:
    """Blank what lies farther from the intracranial space than scalp does, seen from above."""
    inside = find_interior(head.hu, head.spacing_mm[1]).inside
    seen: NDArray[np.bool_] = np.logical_or.reduce(inside, axis=0)
    if not seen.any():
        return head
    far = ndimage.distance_transform_edt(~seen, sampling=head.spacing_mm[1:]) > AROUND_MM
    return Head(np.where(far, np.float32(AIR_HU), head.hu), head.spacing_mm)


def _middles(head: Head, to_mm: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return the middles of the head and of its inside in mm, each a while below its top."""
    up = head.spacing_mm[0]
    labels, _ = ndimage.label(head.hu > TISSUE_HU)
    outline = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    inside = find_interior(head.hu, head.spacing_mm[1]).inside
    if not inside.any():
        inside = outline
    middles = []
    for region, upper_mm in ((outline, UPPER_MM), (inside, UPPER_BRAIN_MM)):
        slices, rows, columns = np.nonzero(region)
        top = float(np.percentile(slices, 99.8))
        upper = slices > top - upper_mm / up
        voxel = (top - 0.5 * upper_mm / up, rows[upper].mean(), columns[upper].mean(), 1.0)
        middles.append(to_mm[:3] @ np.array(voxel))
    return middles
