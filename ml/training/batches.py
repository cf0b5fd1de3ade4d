"""Draw batches: half of each bleeds, rare kinds and small patients are heard too."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml.labeled import ABSENT, PRESENT
from ml.training.prepared import ReducedSet, SliceRow

KINDS: Final = 5
ALL_PATIENTS: Final = -1


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
    device
        Where batches are made. A CPU reads from disk what it draws; on another device the
        whole set lies in memory, or reading would take longer than learning.
    """

    def __init__(
        self,
        prepared: ReducedSet,
        chosen: list[int],
        random: np.random.Generator,
        device: str = "cpu",
    ) -> None:
        """Weigh the slices."""
        self._random = random
        self._hu, self._mask, self._kind = (
            torch.from_numpy(array).to(device)
            for array in (prepared.hu, prepared.mask, prepared.kind)
        )
        self._near = torch.from_numpy(_neighbors(prepared.rows)).to(device)
        rows = prepared.rows
        self._labels = torch.tensor([row.labels for row in rows], dtype=torch.float32).to(device)
        self._any = torch.tensor([row.any for row in rows], dtype=torch.float32).to(device)
        self._has_mask = torch.tensor([row.has_mask for row in rows]).to(device)
        bleeds = [row.any for row in rows]
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
        return self._read(np.concatenate([bleeding, clean]))

    def _read(self, indices: NDArray[np.intp]) -> Batch:
        chosen = torch.from_numpy(indices).to(self._hu.device)
        kind = self._kind[chosen]
        share = self._mask[chosen].float()[:, None] / 255
        known = torch.stack([kind == 1 + index for index in range(KINDS)], dim=1)
        return Batch(
            hu=self._hu[self._near[chosen]].float(),
            maps=torch.cat([share, known.float()], dim=1),
            labels=self._labels[chosen],
            any=self._any[chosen],
            has_mask=self._has_mask[chosen],
        )


def sampler_without(
    prepared: ReducedSet, fold: int, random: np.random.Generator, device: str
) -> Sampler:
    """Draw from every patient of a set that is not held out, synthetic copies included.

    Parameters
    ----------
    prepared
        The set.
    fold
        Held out; ``ALL_PATIENTS`` for none.
    random, device
        As :class:`Sampler` takes them.

    Raises
    ------
    ValueError
        If the set has no such fold.
    """
    folds = {row.fold for row in prepared.rows}
    if fold not in {ALL_PATIENTS, *folds} and folds != {ALL_PATIENTS}:
        message = f"a prepared set has no fold {fold}; nothing would be held out"
        raise ValueError(message)
    held_out = fold if fold != ALL_PATIENTS else None
    chosen = [index for index, row in enumerate(prepared.rows) if row.fold != held_out]
    return Sampler(prepared, chosen, random, device)


def join(batches: list[Batch]) -> Batch:
    """Concatenate batches."""
    return Batch(
        torch.cat([batch.hu for batch in batches]),
        torch.cat([batch.maps for batch in batches]),
        torch.cat([batch.labels for batch in batches]),
        torch.cat([batch.any for batch in batches]),
        torch.cat([batch.has_mask for batch in batches]),
    )


def _neighbors(rows: tuple[SliceRow, ...]) -> NDArray[np.intp]:
    """Return (N, 3): below, itself, above; at an end of its study a slice stands in."""
    study = np.array([row.study for row in rows])
    index = np.arange(len(rows))
    near = np.clip(index[:, None] + np.array([-1, 0, 1]), 0, len(rows) - 1)
    return np.where(study[near] == study[:, None], near, index[:, None])


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
