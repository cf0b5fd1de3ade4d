"""What training minimizes: kinds of the slice, any blood, the mask, and the mask's kinds.

What is not known of a slice is not learned from it: unknown labels cost nothing, and slices of
sources that outline nothing leave the mask alone.
"""

import torch
from monai.losses.dice import DiceLoss
from torch import Tensor
from torch.nn import functional

from ml.labeled import PRESENT, UNKNOWN
from ml.network import Reading
from ml.training.batches import Batch

# Positive slices fill half of each batch, but each single kind stays rare there.
KIND_POSITIVE_WEIGHT = 2.0
# A pixel belongs to a kind that covers more than half of it.
MOSTLY = 0.5
# One pixel smooths numerator and denominator.
_DICE_OF_SLICE = DiceLoss(sigmoid=True, smooth_nr=1.0, smooth_dr=1.0)
_DICE_OF_BATCH = DiceLoss(sigmoid=True, smooth_nr=1.0, smooth_dr=1.0, batch=True)
WEIGHTS = {
    "kinds": 1.0,
    "any": 1.0,
    "mask": 1.0,
    "dice": 1.0,
    "places": 0.5,
    "taught_kinds": 2.0,
    "taught_mask": 1.0,
    "taught_places": 0.5,
}


def any_kind_loss(kind_logits: Tensor, any_label: Tensor) -> Tensor:
    """Cross-entropy of «any kind», read as 1 − Π(1 − p), over the slices of which it is known.

    Parameters
    ----------
    kind_logits
        (B, K).
    any_label
        (B,) 1, 0 or −1.

    Returns
    -------
    Tensor
        Scalar.
    """
    # log Π(1 − p) = −Σ softplus(z); its complement by expm1 keeps precision near zero.
    log_none = -functional.softplus(kind_logits).sum(dim=1)
    log_any = torch.log(-torch.expm1(log_none.clamp(max=-1e-6)))
    return _known_mean(-torch.where(any_label == PRESENT, log_any, log_none), any_label)


def losses(reading: Reading, batch: Batch, share: Tensor, kind: Tensor) -> dict[str, Tensor]:
    """Compute every term.

    Parameters
    ----------
    reading
        The network's logits.
    batch
        What is known of the slices.
    share
        (B, 1, H, W), the share of each pixel that is blood, 0..1, as it was shown.
    kind
        (B, 1, H, W), 1 + index of the kind where it is known, else 0.

    Returns
    -------
    dict of Tensor
        Unweighted scalars by name.
    """
    outlined = batch.has_mask
    return {
        "kinds": _kinds_loss(reading.kinds, batch.labels),
        "any": any_kind_loss(reading.kinds, batch.any),
        "mask": _mask_loss(reading.mask[outlined], share[outlined]),
        "dice": _dice_loss(reading.mask[outlined], share[outlined]),
        "places": _places_loss(reading.kind_maps, kind),
    }


def total(terms: dict[str, Tensor]) -> Tensor:
    """Weigh and add the terms."""
    return torch.stack([WEIGHTS[name] * term for name, term in terms.items()]).sum()


def known_kind(known: Tensor) -> Tensor:
    """Return 1 + index of the kind that covers each pixel, 0 where none is known to."""
    most, index = known.max(dim=1, keepdim=True)
    return torch.where(most > MOSTLY, index + 1, torch.zeros_like(index)).float()


def _known_mean(values: Tensor, labels: Tensor) -> Tensor:
    """Return the mean over the known labels, 0 where there is none."""
    known = (labels != UNKNOWN).to(values.dtype)
    return (values * known).sum() / known.sum().clamp(min=1)


def _kinds_loss(logits: Tensor, labels: Tensor) -> Tensor:
    weight = logits.new_full((labels.shape[1],), KIND_POSITIVE_WEIGHT)
    each = functional.binary_cross_entropy_with_logits(
        logits, labels.clamp(min=0), pos_weight=weight, reduction="none"
    )
    return _known_mean(each, labels)


def _mask_loss(logits: Tensor, share: Tensor) -> Tensor:
    """Cross-entropy; blood pixels count five times, being one in a hundred."""
    if not len(share):
        return logits.sum()
    weight = logits.new_full((), 5.0)
    return 2.0 * functional.binary_cross_entropy_with_logits(logits, share, pos_weight=weight)


def _dice_loss(logits: Tensor, share: Tensor) -> Tensor:
    """Soft Dice of each slice with blood; half of it over the whole batch, which is steadier."""
    if not len(share):
        return logits.sum()
    batch: Tensor = _DICE_OF_BATCH(logits, share)
    positive = share.flatten(1).sum(dim=1) > 1
    if not positive.any():
        return batch
    each: Tensor = _DICE_OF_SLICE(logits[positive], share[positive])
    return 0.5 * (batch + each)


def _places_loss(kind_maps: Tensor, kind: Tensor) -> Tensor:
    """Cross-entropy of the kind at each place with blood of a known kind."""
    step = kind.shape[-1] // kind_maps.shape[-1]
    # The greatest value of each coarse cell; two kinds in one cell are rare.
    coarse = functional.max_pool2d(kind, step)[:, 0].round().long()
    known = coarse > 0
    if not known.any():
        return kind_maps.sum() * 0.0
    logits = kind_maps.permute(0, 2, 3, 1)[known]
    return functional.cross_entropy(logits, coarse[known] - 1)
