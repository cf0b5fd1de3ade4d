"""MobileNetV2 with dropout and five sigmoids, in torchvision's parameter names.

Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018,
arXiv:1801.04381. The names are torchvision's (``features.0.0.weight`` …), so that
any ImageNet file in that naming loads without a table of renames.
"""

from typing import Final

import torch
from torch import Tensor, nn

# Expansion, channels, repeats, stride: table 2 of the paper.
INVERTED_RESIDUALS: Final = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
STEM_CHANNELS: Final = 32
TOP_CHANNELS: Final = 1280
# Index of the last feature of each stride 2, 4, 8, 16, 32 and its channels: the U-Net's skips.
TAPS: Final = {1: 16, 3: 24, 6: 32, 13: 96, 17: 320}


def conv_norm(
    channels: int, outputs: int, *, kernel: int = 3, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution, batch normalization, ReLU6 (torchvision's Conv2dNormActivation)."""
    return nn.Sequential(
        nn.Conv2d(channels, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(inplace=True),
    )


class InvertedResidual(nn.Module):
    """Widen, filter each channel, narrow; add the input where the shapes allow."""

    def __init__(self, channels: int, outputs: int, *, stride: int, expansion: int) -> None:
        """Build the block."""
        super().__init__()
        hidden = channels * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers.append(conv_norm(channels, hidden, kernel=1))
        layers += [
            conv_norm(hidden, hidden, stride=stride, groups=hidden),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        self.conv = nn.Sequential(*layers)
        self.adds_input = stride == 1 and channels == outputs

    def forward(self, features: Tensor) -> Tensor:
        """Return (B, outputs, H/stride, W/stride)."""
        filtered: Tensor = self.conv(features)
        return features + filtered if self.adds_input else filtered


class Classifier(nn.Module):
    """The encoder with the classification head.

    Parameters
    ----------
    channels
        Input channels (see ``ml.windows``).
    kinds
        Outputs; one sigmoid each.
    dropout
        Share of the 1280 pooled features that training drops.
    """

    def __init__(self, channels: int, kinds: int, dropout: float) -> None:
        """Build an untrained network."""
        super().__init__()
        self.channels = channels
        features: list[nn.Module] = [conv_norm(channels, STEM_CHANNELS, stride=2)]
        width = STEM_CHANNELS
        for expansion, outputs, repeats, first_stride in INVERTED_RESIDUALS:
            for repeat in range(repeats):
                stride = first_stride if repeat == 0 else 1
                features.append(
                    InvertedResidual(width, outputs, stride=stride, expansion=expansion)
                )
                width = outputs
        features.append(conv_norm(width, TOP_CHANNELS, kernel=1))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(TOP_CHANNELS, kinds))

    def encode(self, channels: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the features at strides 2, 4, 8, 16, 32 and the 1280 top features."""
        taps: list[Tensor] = []
        features = channels
        for index, block in enumerate(self.features):
            features = block(features)
            if index in TAPS:
                taps.append(features)
        return taps, features

    def classify(self, top: Tensor) -> Tensor:
        """Return (B, kinds) logits of the pooled top features."""
        logits: Tensor = self.classifier(top.mean(dim=(2, 3)))
        return logits


def load_imagenet(classifier: Classifier, state: dict[str, Tensor]) -> None:
    """Start the encoder from ImageNet weights.

    Parameters
    ----------
    classifier
        Any number of input channels.
    state
        torchvision's names; the 1000-class head is left aside. Channels 0, 1, 2 take the
        color kernels; the neighbors take a quarter of their mean, so that at the start the
        slice itself decides.
    """
    encoder = {
        name.removeprefix("features."): tensor.float()
        for name, tensor in state.items()
        if name.startswith("features.")
    }
    color = encoder["0.0.weight"]
    extra = classifier.channels - color.shape[1]
    neighbor = 0.25 * color.mean(dim=1, keepdim=True)
    encoder["0.0.weight"] = torch.cat([color, neighbor.repeat(1, extra, 1, 1)], dim=1)
    classifier.features.load_state_dict(encoder)
