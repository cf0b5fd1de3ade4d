"""Draw batches: half of each bleeds, rare kinds and small patients are heard too."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

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
        (B, K).
    """

    hu: Tensor
    maps: Tensor
    labels: Tensor


class Sampler:
    """Draws slices of one prepared set.

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
        labels = np.array([row.labels for row in prepared.rows], np.float64)
        patients = [row.patient for row in prepared.rows]
        bleeds = labels.max(axis=1) > 0
        self._positive = [index for index in chosen if bleeds[index]]
        self._negative = [index for index in chosen if not bleeds[index]]
        self._positive_share = _positive_weights(labels, patients, self._positive)

    def draw(self, count: int, positive: int) -> Batch:
        """Draw ``count`` slices of which ``positive`` bleed."""
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
        labels = np.array([prepared.rows[index].labels for index in indices], np.float32)
        return Batch(torch.from_numpy(hu), torch.from_numpy(maps), torch.from_numpy(labels))

    def _stack(self, index: int) -> NDArray[np.int16]:
        rows = self._prepared.rows
        near = [index - 1, index, index + 1]
        same = [
            other
            if 0 <= other < len(rows) and rows[other].patient == rows[index].patient
            else index
            for other in near
        ]
        return np.stack([self._prepared.hu[other] for other in same])


def join(batches: list[Batch]) -> Batch:
    """Concatenate batches."""
    return Batch(
        torch.cat([batch.hu for batch in batches]),
        torch.cat([batch.maps for batch in batches]),
        torch.cat([batch.labels for batch in batches]),
    )


def _positive_weights(
    labels: NDArray[np.float64], patients: list[int], chosen: list[int]
) -> NDArray[np.float64]:
    """Weigh by the rarest kind of the slice and by the size of the patient, each under a root."""
    per_kind = labels[chosen].sum(axis=0).clip(1)
    per_patient = Counter(patients[index] for index in chosen)
    weights = np.array(
        [
            (labels[index] / np.sqrt(per_kind)).max() / np.sqrt(per_patient[patients[index]])
            for index in chosen
        ]
    )
    normalized: NDArray[np.float64] = weights / weights.sum()
    return normalized
