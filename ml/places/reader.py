"""The networks that name places, behind a door of numpy."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ml.bundle import Bundle
from ml.places.blood import ANALYTIC, PlaceNamer
from ml.places.network import NEIGHBORS, Patches, PlaceNetwork, log_shares
from ml.places.pose import STRAIGHT, mirrored, straighten
from ml.places.reading import CellPlaces
from ml.places.upright import COLUMNS, UprightHead, along_axes_mm
from ml.places.views import LEAST_LEVELS, front_view, shown_levels, side_view
from preread.errors import InvalidBundle

MIDDLE: Final = (COLUMNS - 1) / 2
# No pose moves blood farther from where the axes put it, to either side: it may be that of a head unlike any.
MOST_MOVED_MM: Final = 6.0


def load_namer(bundle: Bundle) -> PlaceNamer:
    """Return who names places for a bundle: its networks, or geometry where it has none.

    Raises
    ------
    InvalidBundle
        If the weights do not fit the network.
    """
    rule = bundle.manifest.places
    if rule is None:
        return ANALYTIC
    return PlaceNamer(TorchPlaceReader.load(bundle.place_paths), rule.calibration)


class TorchPlaceReader:
    """Reads places with torch; the probabilities of several networks are averaged.

    Each slab is read with most of its blood on the left, so a mirrored head has mirrored places.
    """

    def __init__(self, networks: Sequence[PlaceNetwork]) -> None:
        """Keep the networks, ready to read."""
        self._networks = tuple(network.eval() for network in networks)

    @classmethod
    def load(cls, paths: Sequence[Path]) -> "TorchPlaceReader":
        """Load networks from safetensors files.

        Raises
        ------
        InvalidBundle
            If names or shapes do not fit.
        """
        networks = []
        for path in paths:
            network = PlaceNetwork()
            try:
                state = load_file(path)
                network.load_state_dict({name: value.float() for name, value in state.items()})
            except (SafetensorError, RuntimeError) as error:
                raise InvalidBundle("the weights do not fit the network of places") from error
            networks.append(network)
        return cls(networks)

    @torch.inference_mode()
    def poses(self, head: UprightHead) -> tuple[NDArray[np.float32], ...]:
        """Return what each network takes for the (3, 4) pose of a head; see ``ml.places.pose``.

        Too few slabs show no pose; such a head is taken for one held straight.
        """
        if shown_levels(head) < LEAST_LEVELS:
            return (np.array(STRAIGHT, np.float32),) * len(self._networks)
        side, front = (torch.from_numpy(view(head))[None] for view in (side_view, front_view))
        return tuple(network.pose(side, front)[0].numpy() for network in self._networks)

    @torch.inference_mode()
    def read(
        self, head: UprightHead, cells: NDArray[np.intp], blood: NDArray[np.float32]
    ) -> CellPlaces:
        """Read cells; see :class:`ml.places.reading.PlaceReader`."""
        slabs, patch = np.unique(cells[:, 0], return_inverse=True)
        outlined = np.zeros(head.hu.shape, np.float32)
        outlined[tuple(cells.T)] = blood
        aside = np.bincount(patch, (cells[:, 2] - MIDDLE) * blood, minlength=len(slabs))
        is_flipped = aside < 0
        near = np.clip(slabs[:, None] + np.arange(NEIGHBORS) - 1, 0, len(head.hu) - 1)
        hu, drawn, depth = head.hu[near], outlined[near], head.depth_mm[slabs]
        for array in (hu, drawn, depth):
            array[is_flipped] = array[is_flipped][..., ::-1]
        columns = np.where(is_flipped[patch], COLUMNS - 1 - cells[:, 2], cells[:, 2])
        seen_hu, seen_depth, seen_blood = (torch.from_numpy(one) for one in (hu, depth, drawn))
        below = torch.from_numpy(head.below_mm[slabs].astype(np.float32))
        asked = torch.from_numpy(np.column_stack([patch, cells[:, 1], columns]).astype(np.int64))
        regions, compartments = [], []
        flipped = torch.from_numpy(is_flipped)[:, None, None]
        held = [torch.from_numpy(pose) for pose in self.poses(head)]
        for network, pose in zip(self._networks, held, strict=True):
            poses = torch.where(flipped, mirrored(pose), pose)
            patches = Patches(seen_hu, seen_depth, seen_blood, below, poses)
            logits = network.read(network.encode(patches), patches, asked)
            regions.append(log_shares(logits.regions).exp())
            compartments.append(torch.softmax(logits.compartments, dim=1))
        return CellPlaces(
            torch.stack(regions).mean(dim=0).numpy(),
            torch.stack(compartments).mean(dim=0).numpy(),
            _left_mm(held, torch.from_numpy(along_axes_mm(head, cells)).float()).numpy(),
        )


def _left_mm(poses: Sequence[Tensor], at_mm: Tensor) -> Tensor:
    """Return (C,) mm left of the midline in a head held straight, of (C, 3) along its own axes."""
    by_axes = at_mm[:, 0]
    straight = torch.stack([straighten(pose, at_mm)[:, 0] for pose in poses]).mean(dim=0)
    return by_axes + (straight - by_axes).clamp(-MOST_MOVED_MM, MOST_MOVED_MM)
