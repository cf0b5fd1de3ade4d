"""Where a network's weights come from before it learns, and how far from there they are kept."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from ml.classifier import load_imagenet
from ml.network import HemorrhageNetwork, SliceReader
from ml.training.averaging import AveragedWeights


def start_from_imagenet(network: SliceReader, imagenet: Path | None) -> None:
    """Fill the shipped family's encoder; the classic U-Net has none to fill.

    Raises
    ------
    ValueError
        If the network has such an encoder and no weights were given.
    """
    if not isinstance(network, HemorrhageNetwork):
        return
    if imagenet is None:
        message = f"a network «{network.spec.arch}» starts from ImageNet weights; none were given"
        raise ValueError(message)
    load_imagenet(network.classifier, load_file(imagenet))


def weights_of_run(earlier: Path) -> dict[str, Tensor]:
    """Return the averaged weights of an earlier run: all that its checkpoint learned, or what it kept."""
    if earlier.suffix == ".safetensors":
        return load_file(earlier)
    state: dict[str, Tensor] = torch.load(earlier, weights_only=True, map_location="cpu")["average"]
    return state


def what_to_keep(
    averaged: AveragedWeights, earlier: Path | None, learned: float
) -> dict[str, Tensor]:
    """Return the weights that a run leaves behind, in half precision.

    Parameters
    ----------
    averaged
        What it learned.
    earlier
        The run that it started from, or None.
    learned
        How much of the way from there.
    """
    if earlier is None:
        return averaged.halved()
    return averaged.halved_towards(weights_of_run(earlier), learned)
