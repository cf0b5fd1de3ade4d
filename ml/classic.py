"""The classic U-Net with 31 million parameters: the measured peer, never the shipped network.

Ronneberger et al., U-Net, MICCAI 2015, arXiv:1505.04597: 64 to 1024 channels, two 3×3
convolutions per level, transposed convolutions on the way up. What differs: the convolutions
are padded, so that input and mask are of one size; batch normalization stands behind each,
without which it does not train in the steps that we have; and the head and the coarse map of
kinds, 8 000 parameters, are there so that it learns and reads as the shipped network does.
"""

from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn

from ml.network import Reading, SliceReader, to_channels
from ml.segmenter import PRIOR_LOGIT
from ml.spec import NetworkSpec
from ml.windows import CHANNELS

# Channels at strides 1, 2, 4, 8 and 16: figure 1 of the paper.
WIDTHS: Final = (64, 128, 256, 512, 1024)
# The level of the way up, coarsest first, whose features name the kind of the blood: stride 8.
KIND_LEVEL: Final = 0


def double_convolution(channels: int, outputs: int) -> nn.Sequential:
    """Two padded 3×3 convolutions, each with batch normalization and ReLU."""
    layers: list[nn.Module] = []
    for width in (channels, outputs):
        layers += [
            nn.Conv2d(width, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


class ClassicUNet(SliceReader):
    """Way down, way up, a binary mask; five sigmoids of the pooled bottleneck."""

    def __init__(self, spec: NetworkSpec) -> None:
        """Build an untrained network."""
        super().__init__(spec)
        steps = list(pairwise(WIDTHS))
        self.stem = double_convolution(len(CHANNELS), WIDTHS[0])
        self.down = nn.ModuleList(double_convolution(above, below) for above, below in steps)
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, 2) for a, b in reversed(steps))
        self.join = nn.ModuleList(double_convolution(b, a) for a, b in reversed(steps))
        self.mask = nn.Conv2d(WIDTHS[0], 1, 1)
        self.mask.bias = nn.Parameter(torch.full((1,), PRIOR_LOGIT))
        self.kind_map = nn.Conv2d(WIDTHS[-2 - KIND_LEVEL], spec.kinds, 1)
        self.head = nn.Sequential(nn.Dropout(spec.dropout), nn.Linear(WIDTHS[-1], spec.kinds))

    def read(self, hu: Tensor) -> Reading:
        """Read at the resolution given; H and W multiples of 16."""
        features = self.stem(to_channels(hu).to(self.mask.weight.dtype))
        skips = []
        for level in self.down:
            skips.append(features)
            features = level(self.pool(features))
        kinds = self.head(features.mean(dim=(2, 3)))
        kind_maps = features
        for index, (up, join) in enumerate(zip(self.up, self.join, strict=True)):
            features = join(torch.cat([skips.pop(), up(features)], dim=1))
            if index == KIND_LEVEL:
                kind_maps = self.kind_map(features)
        return Reading(kinds, self.mask(features), kind_maps)

    def encoder(self) -> nn.Module:
        """Return nothing to start from elsewhere: all of it learns from scratch."""
        return nn.ModuleList()
