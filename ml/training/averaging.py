"""The running mean of a network's weights, which is what is kept of a run."""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

# Early in a run the mean forgets faster: after so many steps half of it is new.
RAMP: Final = 10


class AveragedWeights:
    """Follows a network.

    Parameters
    ----------
    network
        On its device; must stay there.
    decay
        How much of the mean each step keeps, at most.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        """Begin with the network as it is."""
        self._decay = decay
        # The tensors themselves, not copies: gathering them anew at each step costs a millisecond.
        self._live: dict[str, Tensor] = dict(network.state_dict())
        self._mean = {name: value.clone() for name, value in self._live.items()}
        self._moving = [name for name, value in self._live.items() if value.is_floating_point()]

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Move the mean towards the network after its ``step``-th step, from 0."""
        decay = min(self._decay, (1 + step) / (RAMP + step))
        move = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        means = [self._mean[name] for name in self._moving]
        move(means, [self._live[name] for name in self._moving], None)
        for name, value in self._live.items():
            if not value.is_floating_point():
                self._mean[name].copy_(value)

    def state(self) -> dict[str, Tensor]:
        """Return the mean, as a checkpoint keeps it."""
        return self._mean

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from a checkpoint's mean."""
        for name, value in state.items():
            self._mean[name].copy_(value)

    def halved(self) -> dict[str, Tensor]:
        """Return the mean in half precision, integers as they are, on the CPU."""
        return halved(self._mean)

    def halved_towards(self, start: dict[str, Tensor], learned: float) -> dict[str, Tensor]:
        """Return what lies between a start and the mean, as ``halved`` does.

        A network that was taught on from a start keeps more of what it knew of other pictures if
        its weights go only a part of the way (Wortsman et al., Robust Fine-tuning of Zero-shot
        Models, CVPR 2022, arXiv:2109.01903).

        Parameters
        ----------
        start
            The state that the network began from, on the CPU; integers are not taken from it.
        learned
            How much of the way, 0 to 1.
        """
        return halved(
            {
                name: torch.lerp(start[name].to(value), value, learned)
                if value.is_floating_point()
                else value
                for name, value in self._mean.items()
            }
        )


def halved(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights in half precision, integers as they are, on the CPU."""
    return {
        name: (value.half() if value.is_floating_point() else value).cpu().contiguous()
        for name, value in state.items()
    }
