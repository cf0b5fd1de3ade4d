"""The same function with less work: what a trained network is rewritten to before it reads."""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ml.network import SliceReader
from ml.segmenter import JoinLevel

# A 3-tap filter of a row whose pixels stand twice is a 4-tap filter of the row spread by two:
# out[2i − 1 + k] += SPREAD[k] · taps × row[i].
SPREAD: Final = ((0.0, 0.0, 1.0), (0.0, 1.0, 1.0), (1.0, 1.0, 0.0), (1.0, 0.0, 0.0))


def fold(network: SliceReader) -> SliceReader:
    """Fold a network in evaluation mode, in place: norms, then the levels of the way up."""
    fold_norms(network)
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, JoinLevel):
                setattr(module, name, FoldedJoin(child))
    return network


def ready_to_read(network: SliceReader, device: str, precision: torch.dtype) -> SliceReader:
    """Fold a trained network, in place, and move it to where and what it computes in."""
    folded = fold(network.eval()).to(device=device, dtype=precision)
    folded.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return folded


def fold_norms(network: SliceReader) -> SliceReader:
    """Fold each batch normalization into the convolution before it; the function stays."""
    for block in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        for index in range(len(block) - 1):
            convolution, norm = block[index], block[index + 1]
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                block[index] = fuse_conv_bn_eval(convolution, norm)
                block[index + 1] = nn.Identity()
    return network


class FoldedJoin(nn.Module):
    """A ``JoinLevel`` that neither doubles nor concatenates anything.

    The convolution of two things side by side is the sum of two convolutions. That of the
    doubled features is one transposed convolution of the features themselves: 4 products
    per output and channel instead of 9, and no copy of the greatest maps of the network.
    """

    def __init__(self, level: JoinLevel) -> None:
        """Take over the weights of a level whose norm is folded."""
        super().__init__()
        whole = level[0]
        if not isinstance(whole, nn.Conv2d) or whole.bias is None:
            message = "fold the norms of a level before the level"
            raise TypeError(message)
        outputs, inputs = whole.weight.shape[:2]
        self.below = nn.ConvTranspose2d(level.below, outputs, 4, 2, 1, bias=False)
        self.below.weight = nn.Parameter(_spread(whole.weight[:, : level.below]))
        self.beside = nn.Conv2d(inputs - level.below, outputs, 3, padding=1)
        self.beside.weight = nn.Parameter(whole.weight[:, level.below :].detach().clone())
        self.beside.bias = whole.bias

    def forward(self, features: Tensor, skip: Tensor) -> Tensor:
        """Return what the level returned."""
        return functional.relu6(self.below(features) + self.beside(skip))


def _spread(weight: Tensor) -> Tensor:
    """Return (inputs, outputs, 4, 4) of (outputs, inputs, 3, 3)."""
    spread = torch.tensor(SPREAD)
    return torch.einsum("ka,lb,oiab->iokl", spread, spread, weight.detach()).contiguous()
