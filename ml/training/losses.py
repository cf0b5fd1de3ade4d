"""What training minimizes: kinds of the slice, any blood, the mask, and the mask's kinds."""

import torch
from torch import Tensor
from torch.nn import functional

from ml.network import Reading

# Positive slices fill half of each batch, but each single kind stays rare there.
KIND_POSITIVE_WEIGHT = 2.0
WEIGHTS = {"kinds": 1.0, "any": 1.0, "mask": 1.0, "dice": 1.0, "places": 0.5}


def any_kind_loss(kind_logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of «any kind», read as 1 − Π(1 − p).

    Parameters
    ----------
    kind_logits, labels
        (B, K).

    Returns
    -------
    Tensor
        Scalar.
    """
    # log Π(1 − p) = −Σ softplus(z); its complement by expm1 keeps precision near zero.
    log_none = -functional.softplus(kind_logits).sum(dim=1)
    log_any = torch.log(-torch.expm1(log_none.clamp(max=-1e-6)))
    any_label = labels.amax(dim=1)
    return -(any_label * log_any + (1 - any_label) * log_none).mean()


def losses(reading: Reading, labels: Tensor, share: Tensor, kind: Tensor) -> dict[str, Tensor]:
    """Compute every term.

    Parameters
    ----------
    reading
        The network's logits.
    labels
        (B, K) 0/1.
    share
        (B, 1, H, W), the share of each pixel that is blood, 0..1.
    kind
        (B, 1, H, W), 1 + index of the kind where it is known, else 0.

    Returns
    -------
    dict of Tensor
        Unweighted scalars by name.
    """
    weight = torch.full((labels.shape[1],), KIND_POSITIVE_WEIGHT)
    return {
        "kinds": functional.binary_cross_entropy_with_logits(
            reading.kinds, labels, pos_weight=weight
        ),
        "any": any_kind_loss(reading.kinds, labels),
        "mask": _mask_loss(reading.mask, share),
        "dice": _dice_loss(reading.mask, share),
        "places": _places_loss(reading.kind_maps, kind),
    }


def total(terms: dict[str, Tensor]) -> Tensor:
    """Weigh and add the terms."""
    return torch.stack([WEIGHTS[name] * term for name, term in terms.items()]).sum()


def _mask_loss(logits: Tensor, share: Tensor) -> Tensor:
    """Cross-entropy; blood pixels count five times, being one in a hundred."""
    weight = torch.full((), 5.0)
    return 2.0 * functional.binary_cross_entropy_with_logits(logits, share, pos_weight=weight)


def _dice_loss(logits: Tensor, share: Tensor) -> Tensor:
    """Soft Dice of each slice with blood; half of it over the whole batch, which is steadier."""
    probability = torch.sigmoid(logits).flatten(1)
    truth = share.flatten(1)
    shared = 2 * (probability * truth).sum(dim=1)
    both = probability.sum(dim=1) + truth.sum(dim=1)
    positive = truth.sum(dim=1) > 1
    batch = 1 - (shared.sum() + 1) / (both.sum() + 1)
    if not positive.any():
        return batch
    each = 1 - ((shared + 1) / (both + 1))[positive].mean()
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
