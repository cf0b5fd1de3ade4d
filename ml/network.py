"""One network reads a slice: HU in, five kinds and a map of blood out.

The encoder is shared: it is nine tenths of the computing time. Windows are applied
inside, so that training, inference and any exported graph see the same channels.
"""

from abc import ABC, abstractmethod
from functools import reduce
from operator import add
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.classifier import Classifier
from ml.segmenter import Segmenter
from ml.spec import NetworkSpec
from ml.windows import CHANNELS

CENTER: Final = 1


class Reading(NamedTuple):
    """Logits of a batch.

    Attributes
    ----------
    kinds
        (B, K) for the slice.
    mask
        (B, 1, H, W) for blood at the place.
    kind_maps
        (B, K, h, w), the kind of the blood at the place, if there is blood; coarse.
    """

    kinds: Tensor
    mask: Tensor
    kind_maps: Tensor


class SliceReader(nn.Module, ABC):
    """Any network that reads slices: HU in, a reading out; ``build_network`` makes one."""

    def __init__(self, spec: NetworkSpec) -> None:
        """Keep what it was built from."""
        super().__init__()
        self.spec = spec

    @abstractmethod
    def read(self, hu: Tensor) -> Reading:
        """Read (B, 3, H, W) HU at the encoder's resolution."""

    @abstractmethod
    def encoder(self) -> nn.Module:
        """Return the part that starts from other pictures and learns at a rate of its own."""

    def reduce(self, hu: Tensor) -> Tensor:
        """Bring (B, 3, size, size) HU to the encoder's resolution; members of one size share it."""
        return mean_of_blocks(hu, self.spec.reduction)

    def enlarge(self, reading: Reading) -> Reading:
        """Bring the mask of a reading back to the resolution of the input."""
        mask = enlarge(reading.mask, self.spec.reduction)
        return Reading(reading.kinds, mask, reading.kind_maps)

    def forward(self, hu: Tensor) -> Reading:
        """Read at the input's resolution: like ``read``, but HU and mask are size×size."""
        return self.enlarge(self.read(self.reduce(hu)))


class HemorrhageNetwork(SliceReader):
    """Shared encoder, classification head, decoder."""

    def __init__(self, spec: NetworkSpec) -> None:
        """Build an untrained network."""
        super().__init__(spec)
        self.classifier = Classifier(len(CHANNELS), spec.kinds, spec.dropout)
        self.segmenter = Segmenter(len(CHANNELS), spec.kinds)

    def read(self, hu: Tensor) -> Reading:
        """Read at the encoder's resolution.

        Parameters
        ----------
        hu
            (B, 3, H, W) HU: slice below, slice, slice above; H and W multiples of 32.

        Returns
        -------
        Reading
            The mask at H×W, the kinds' maps at an eighth of it.
        """
        # HU in float32 up to here: half precision would round blood by half a HU.
        channels = to_channels(hu).to(self.segmenter.mask.weight.dtype)
        taps, top = self.classifier.encode(channels)
        mask, kind_maps = self.segmenter(taps, channels)
        return Reading(self.classifier.classify(top), mask, kind_maps)

    def encoder(self) -> nn.Module:
        """Return the features that start from ImageNet."""
        return self.classifier.features


def enlarge(planes: Tensor, factor: int) -> Tensor:
    """Return (B, C, factor·H, factor·W) of (B, C, H, W), linear between pixel centers."""
    if factor == 1:
        return planes
    rows, columns = planes.shape[-2:]
    size = (rows * factor, columns * factor)
    return functional.interpolate(planes, size, mode="bilinear", align_corners=False)


def mean_of_blocks(planes: Tensor, side: int) -> Tensor:
    """Return the means of ``side``² pixels: ``avg_pool2d`` by whole rows, six times as fast.

    Parameters
    ----------
    planes
        (…, H, W), both multiples of ``side``.
    side
        1 leaves them as they are.
    """
    if side == 1:
        return planes
    rows = reduce(add, [planes[..., first::side, :] for first in range(side)])
    return reduce(add, [rows[..., first::side] for first in range(side)]) / side**2


def to_channels(hu: Tensor) -> Tensor:
    """Map a stack of slices to the color channels of ``ml.windows``, −1..1.

    Parameters
    ----------
    hu
        (B, 3, H, W) float32 HU.

    Returns
    -------
    Tensor
        (B, 5, H, W); ImageNet weights expect −1..1.
    """
    planes = []
    for channel in CHANNELS:
        window = channel.window
        half = (window.high_hu - window.low_hu) / 2
        middle = (window.high_hu + window.low_hu) / 2
        planes.append(((hu[:, CENTER + channel.offset] - middle) / half).clamp(-1.0, 1.0))
    return torch.stack(planes, dim=1).contiguous(memory_format=torch.channels_last)
