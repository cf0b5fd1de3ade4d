"""Learn what other networks say: of the slices of a batch, and of heads joined from two of them.

The mean of networks of several recipes errs less than each. A network that is shown what the mean
says of very many pictures comes near it at the price of one (Hinton et al., arXiv:1503.02531). Both
see the same changed picture, and pictures of which nobody knows the truth teach as well as others
(Beyer et al., arXiv:2106.05237), so every batch is shown a second time as heads that are joined at a
line from two of its slices. The teachers of a fold never saw it, so neither does what they teach.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from ml.folding import ready_to_read
from ml.network import Reading, SliceReader
from ml.precision import has_bfloat16
from ml.predictor import load_network
from ml.spec import NetworkSpec

# Farthest distance of the line from the middle of the picture, as a share of its width.
OFF_MIDDLE: Final = 0.15
# Blood is one pixel in a hundred; the mean over all would hardly learn.
MASK_WEIGHT: Final = 6.0


class Teachers:
    """Networks whose mean is taught.

    Parameters
    ----------
    networks
        At least one, of one resolution; they are folded and moved.
    device
        Where the pictures lie.
    """

    def __init__(self, networks: Sequence[SliceReader], device: torch.device) -> None:
        """Fold and move them."""
        half = device.type != "cpu" or has_bfloat16()
        precision = torch.bfloat16 if half else torch.float32
        self._networks = [ready_to_read(one, str(device), precision) for one in networks]

    @classmethod
    def load(cls, paths: Sequence[Path], spec: NetworkSpec, device: torch.device) -> "Teachers":
        """Load what earlier runs kept.

        Raises
        ------
        InvalidBundle
            If weights do not fit the network.
        """
        return cls([load_network(path, spec) for path in paths], device)

    @torch.no_grad()
    def read(self, hu: Tensor) -> Reading:
        """Return the mean log-odds of (B, 3, H, W) HU; of the kinds' maps, log-probabilities."""
        readings = [network.read(hu) for network in self._networks]
        shares = [torch.softmax(one.kind_maps.float(), dim=1) for one in readings]
        return Reading(
            torch.stack([one.kinds.float() for one in readings]).mean(dim=0),
            torch.stack([one.mask.float() for one in readings]).mean(dim=0),
            torch.stack(shares).mean(dim=0).clamp(min=1e-6).log(),
        )


def join_heads(hu: Tensor, random: torch.Generator) -> Tensor:
    """Return (B, 3, H, W) HU: each slice up to a line, beyond it another slice of the batch."""
    count, size = len(hu), hu.shape[-1]
    angle = math.tau * torch.rand(count, 1, 1, generator=random, device=random.device)
    off = (2 * torch.rand(count, 1, 1, generator=random, device=random.device) - 1) * OFF_MIDDLE
    along = torch.linspace(-0.5, 0.5, size, device=hu.device)
    beyond = along * torch.cos(angle) + along[:, None] * torch.sin(angle) > off
    other = torch.randperm(count, generator=random, device=random.device)
    return torch.where(beyond[:, None], hu[other], hu)


def taught_losses(reading: Reading, taught: Reading) -> dict[str, Tensor]:
    """Compare a network with its teachers.

    Parameters
    ----------
    reading, taught
        Of the same pictures.

    Returns
    -------
    dict of Tensor
        Unweighted scalars by name: cross-entropies, least where both say the same.
    """
    blood = taught.mask.sigmoid()
    step = blood.shape[-1] // taught.kind_maps.shape[-1]
    # Kinds are compared where the teachers see blood.
    where = functional.max_pool2d(blood, step)[:, 0]
    apart = -(taught.kind_maps.exp() * torch.log_softmax(reading.kind_maps, dim=1)).sum(dim=1)
    return {
        "taught_kinds": functional.binary_cross_entropy_with_logits(
            reading.kinds, taught.kinds.sigmoid()
        ),
        "taught_mask": MASK_WEIGHT
        * functional.binary_cross_entropy_with_logits(reading.mask, blood),
        "taught_places": (apart * where).sum() / where.sum().clamp(min=1.0),
    }
