"""Draw batches: half of each bleeds, rare kinds and small patients are heard too."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml.labeled import ABSENT, PRESENT
from ml.training.prepared import ReducedSet

KINDS: Final = 5


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch at the encoder's resolution.

    Attributes
    ----------
    hu
        (B, 3, H, W) float32 HU.
    maps
        (B, 1 + K, H, W): share of blood, then the known kinds, 0..1.
    labels
        (B, K) 1, 0, or −1 where it is unknown.
    any
        (B,) the same of any kind.
    has_mask
        (B,) bool; where it is false the maps say nothing.
    """

    hu: Tensor
    maps: Tensor
    labels: Tensor
    any: Tensor
    has_mask: Tensor


class Sampler:
    """Draws slices of one prepared set: those that are known to bleed, or not to.

    Parameters
    ----------
    prepared
        The set.
    chosen
        Indices of the slices that may be drawn.
    random
        Makes the draw repeatable.
    """

    def __init__(
        self, prepared: ReducedSet, chosen: list[int], random: np.random.Generator
    ) -> None:
        """Weigh the slices."""
        self._prepared = prepared
        self._random = random
        bleeds = [row.any for row in prepared.rows]
        self._positive = [index for index in chosen if bleeds[index] == PRESENT]
        self._negative = [index for index in chosen if bleeds[index] == ABSENT]
        self._positive_share = _positive_weights(prepared, self._positive)

    def draw(self, count: int, positive: int) -> Batch:
        """Draw ``count`` slices of which ``positive`` bleed.

        Raises
        ------
        ValueError
            If there is none to draw.
        """
        if (positive and not self._positive) or (count > positive and not self._negative):
            raise ValueError("no slice to draw is known to bleed, or none is known not to")
        bleeding = self._random.choice(self._positive, positive, p=self._positive_share)
        clean = self._random.choice(self._negative, count - positive)
        return self._read([int(index) for index in (*bleeding, *clean)])

    def _read(self, indices: list[int]) -> Batch:
        prepared = self._prepared
        hu = np.stack([self._stack(index) for index in indices]).astype(np.float32)
        share = prepared.mask[indices].astype(np.float32)[:, None] / 255
        kind = prepared.kind[indices]
        known = [(kind == 1 + index).astype(np.float32) for index in range(KINDS)]
        maps = np.concatenate([share, np.stack(known, axis=1)], axis=1)
        rows = [prepared.rows[index] for index in indices]
        return Batch(
            hu=torch.from_numpy(hu),
            maps=torch.from_numpy(maps),
            labels=torch.tensor([row.labels for row in rows], dtype=torch.float32),
            any=torch.tensor([row.any for row in rows], dtype=torch.float32),
            has_mask=torch.tensor([row.has_mask for row in rows]),
        )

    def _stack(self, index: int) -> NDArray[np.int16]:
        rows = self._prepared.rows
        near = [index - 1, index, index + 1]
        same = [
            other if 0 <= other < len(rows) and rows[other].study == rows[index].study else index
            for other in near
        ]
        return np.stack([self._prepared.hu[other] for other in same])


def join(batches: list[Batch]) -> Batch:
    """Concatenate batches."""
    return Batch(
        torch.cat([batch.hu for batch in batches]),
        torch.cat([batch.maps for batch in batches]),
        torch.cat([batch.labels for batch in batches]),
        torch.cat([batch.any for batch in batches]),
        torch.cat([batch.has_mask for batch in batches]),
    )


def _positive_weights(prepared: ReducedSet, chosen: list[int]) -> NDArray[np.float64]:
    """Weigh by the rarest kind of the slice and by the size of the study, each under a root."""
    kinds = np.array([row.labels for row in prepared.rows], np.int8).reshape(-1, KINDS) == PRESENT
    # Blood of which no kind is known counts as one more kind.
    labels = np.column_stack([kinds, ~kinds.any(axis=1)])[chosen].astype(np.float64)
    per_kind = labels.sum(axis=0).clip(1)
    studies = [prepared.rows[index].study for index in chosen]
    per_study = Counter(studies)
    sizes = np.array([per_study[study] for study in studies], np.float64)
    weights = (labels / np.sqrt(per_kind)).max(axis=1, initial=0.0) / np.sqrt(sizes)
    normalized: NDArray[np.float64] = weights / weights.sum() if len(weights) else weights
    return normalized
