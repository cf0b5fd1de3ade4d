"""The sizes of a network: what a manifest says of it, without loading torch."""

from dataclasses import dataclass
from enum import StrEnum


class Architecture(StrEnum):
    """Which network; ``unet-classic`` is a peer to measure against and is not shipped."""

    MOBILENET_UNET = "mobilenet-unet"
    UNET_CLASSIC = "unet-classic"


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """What distinguishes one network of this family from another.

    Attributes
    ----------
    size
        Pixels per side of input and mask.
    spacing_mm
        In-plane spacing of the input.
    reduction
        The encoder works on means of ``reduction``² pixels; 1 is full resolution.
    kinds
        Number of sigmoids.
    dropout
        Of the classification head.
    arch
        Which network it is.
    """

    size: int = 512
    spacing_mm: float = 0.45
    reduction: int = 2
    kinds: int = 5
    dropout: float = 0.3
    arch: Architecture = Architecture.MOBILENET_UNET
