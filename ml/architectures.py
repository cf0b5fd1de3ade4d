"""Builds the network that a specification names."""

from typing import Final

from ml.classic import ClassicUNet
from ml.network import HemorrhageNetwork, SliceReader
from ml.spec import Architecture, NetworkSpec

NETWORKS: Final[dict[Architecture, type[HemorrhageNetwork] | type[ClassicUNet]]] = {
    Architecture.MOBILENET_UNET: HemorrhageNetwork,
    Architecture.UNET_CLASSIC: ClassicUNet,
}


def build_network(spec: NetworkSpec) -> SliceReader:
    """Build an untrained network."""
    return NETWORKS[spec.arch](spec)
