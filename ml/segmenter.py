"""The U-Net's way up: from the encoder's features to a binary map of blood.

Ronneberger et al., U-Net, MICCAI 2015, arXiv:1505.04597, with MobileNetV2 as the way
down. One 3×3 convolution per level instead of two: half of the computing time, and on
a few hundred positive slices less to learn by heart.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.classifier import TAPS, conv_norm

DECODER_CHANNELS: Final = (128, 64, 32, 24)
LAST_CHANNELS: Final = 12
PRIOR_LOGIT: Final = -4.0
# The decoder level whose features name the kind of the blood at each place: stride 8.
KIND_LEVEL: Final = 1


class JoinLevel(nn.Sequential):
    """One level: the features below, doubled, beside the way down's, then ``conv_norm``."""

    def __init__(self, below: int, beside: int, outputs: int) -> None:
        """Build the level; ``below`` and ``beside`` are channels."""
        super().__init__(*conv_norm(below + beside, outputs))
        self.below = below

    def forward(self, features: Tensor, skip: Tensor) -> Tensor:  # type: ignore[override]
        """Return (B, outputs, 2h, 2w) of features (B, below, h, w) and skip (…, 2h, 2w)."""
        doubled = functional.interpolate(features, scale_factor=2.0, mode="nearest")
        joined = torch.cat([doubled, skip], dim=1)
        for layer in self:
            joined = layer(joined)
        return joined


class Segmenter(nn.Module):
    """Decoder with the encoder's features and the input itself as skips.

    Parameters
    ----------
    channels
        Channels of the network's input, which the last level sees again.
    kinds
        Channels of the coarse map of kinds.
    """

    def __init__(self, channels: int, kinds: int) -> None:
        """Build an untrained decoder."""
        super().__init__()
        skips = list(TAPS.values())
        width = skips[-1]
        self.levels = nn.ModuleList()
        for skip, outputs in zip(reversed(skips[:-1]), DECODER_CHANNELS, strict=True):
            self.levels.append(JoinLevel(width, skip, outputs))
            width = outputs
        self.last = JoinLevel(width, channels, LAST_CHANNELS)
        self.mask = nn.Conv2d(LAST_CHANNELS, 1, 1)
        # One pixel in a hundred is blood: start there, not at one in two.
        self.mask.bias = nn.Parameter(torch.full((1,), PRIOR_LOGIT))
        nn.init.normal_(self.mask.weight, std=0.3)
        self.kinds = nn.Conv2d(DECODER_CHANNELS[KIND_LEVEL], kinds, 1)

    def forward(self, taps: list[Tensor], channels: Tensor) -> tuple[Tensor, Tensor]:
        """Decode.

        Parameters
        ----------
        taps
            Features at strides 2, 4, 8, 16, 32.
        channels
            (B, channels, H, W), the encoder's input.

        Returns
        -------
        tuple of Tensor
            Logits of blood (B, 1, H, W) and of its kind (B, kinds, H/8, W/8).
        """
        features = taps[-1]
        kinds = features
        for index, (level, skip) in enumerate(zip(self.levels, reversed(taps[:-1]), strict=True)):
            features = level(features, skip)
            if index == KIND_LEVEL:
                kinds = self.kinds(features)
        features = self.last(features, channels)
        return self.mask(features), kinds
