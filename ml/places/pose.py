"""How a head is held, read off its side and its front by two small networks.

The axes of a head are found from the inside of its skull, whose top, ends and middle say little of
how it nodded or leaned in the scanner: over heads of CT-ICH the same place lies 20 mm elsewhere. A
pose takes positions along those axes to those of the mean head, held straight.
"""

from typing import Final

import torch
from torch import Tensor, nn

from ml.classifier import conv_norm
from ml.places.views import (
    FRONT_KINDS,
    FRONT_WIDTH,
    LEVELS,
    MIDDLE_BELOW_MM,
    SIDE_KINDS,
    SIDE_WIDTH,
)

# Rows: left of the midline, behind the middle and below the top of the straight head, mm. Columns: the
# same along the head's own axes, with depth from the middle level, and 1.
STRAIGHT: Final = (
    (1.0, 0.0, 0.0, 0.0),
    (0.0, 1.0, 0.0, 0.0),
    (0.0, 0.0, 1.0, MIDDLE_BELOW_MM),
)
# Which entries each view tells, and what an output of 1 changes.
BY_SIDE: Final = ((1, 1, 0.1), (1, 2, 0.1), (1, 3, 10.0), (2, 1, 0.1), (2, 2, 0.1), (2, 3, 10.0))
BY_FRONT: Final = ((0, 0, 0.1), (0, 2, 0.1), (0, 3, 5.0), (1, 0, 0.1), (2, 0, 0.1))
# Those that change their sign in a mirrored head.
IS_ODD: Final = ((0, 1, 1, 1), (1, 0, 0, 0), (1, 0, 0, 0))
HIDDEN: Final = 48
LAST: Final = 8


class PoseNetwork(nn.Module):
    """From two views to poses."""

    def __init__(self) -> None:
        """Build an untrained network."""
        super().__init__()
        self.side = _viewer(SIDE_KINDS, SIDE_WIDTH, len(BY_SIDE))
        self.front = _viewer(FRONT_KINDS, FRONT_WIDTH, len(BY_FRONT))

    def forward(self, side: Tensor, front: Tensor) -> Tensor:
        """Return (B, 3, 4) poses; a mirrored head's is the mirrored pose.

        Parameters
        ----------
        side
            (B, SIDE_KINDS, LEVELS, SIDE_WIDTH).
        front
            (B, FRONT_KINDS, LEVELS, FRONT_WIDTH).
        """
        seen = entries_at(self.front(front), BY_FRONT)
        seen = (seen + mirrored(entries_at(self.front(front.flip(3)), BY_FRONT))) / 2
        return torch.tensor(STRAIGHT) + entries_at(self.side(side), BY_SIDE) + seen


def mirrored(poses: Tensor) -> Tensor:
    """Return the poses (..., 3, 4) of mirrored heads."""
    return poses * (1.0 - 2.0 * torch.tensor(IS_ODD))


def straighten(poses: Tensor, at_mm: Tensor) -> Tensor:
    """Return (..., 3) mm left of the midline, behind the middle and below the top of the straight head.

    Parameters
    ----------
    poses
        (..., 3, 4).
    at_mm
        (..., 3) the same along the head's own axes.

    Examples
    --------
    >>> straighten(torch.tensor(STRAIGHT), torch.tensor([5.0, -20.0, 60.0])).tolist()
    [5.0, -20.0, 60.0]
    """
    from_middle = at_mm - torch.tensor([0.0, 0.0, MIDDLE_BELOW_MM], dtype=at_mm.dtype)
    return (poses[..., :3] * from_middle[..., None, :]).sum(dim=-1) + poses[..., 3]


def _viewer(kinds: int, width: int, outputs: int) -> nn.Sequential:
    cells = -(-LEVELS // 4) * -(-width // 4)
    return nn.Sequential(
        conv_norm(kinds, 24),
        conv_norm(24, 32, stride=2),
        conv_norm(32, 48, stride=2),
        conv_norm(48, 48),
        conv_norm(48, LAST),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(LAST * cells, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, outputs),
    )


def entries_at(told: Tensor, where: tuple[tuple[int, int, float], ...]) -> Tensor:
    """Return (B, 3, 4) with (B, n) outputs, each by its step, where they belong, and 0 elsewhere."""
    poses = torch.zeros(len(told), 3, 4)
    rows, columns, steps = zip(*where, strict=True)
    poses[:, rows, columns] = told * torch.tensor(steps)
    return poses
