"""One network of places, trained without one fold; some minutes of one core."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ml.places.network import COMPARTMENTS, GROUPS, PlaceNetwork
from ml.training.averaging import AveragedWeights
from ml.training.placing.batches import Batch, SlabPool, draw_batches
from ml.training.placing.heads import LabeledHead
from ml.training.placing.poses import train_pose
from ml.training.rates import schedule

RATE: Final = 4e-3
WEIGHT_DECAY: Final = 0.02
WARM_UP: Final = 0.05
# A region that no blood of the cell's kind can lie in teaches anatomy all the same, but less.
ELSEWHERE: Final = 0.3
# Two of the five kinds lie outside of the brain, so that each compartment weighs about alike: what
# is read of one is then evidence, and no frequency in the training set.
COMPARTMENT_WEIGHTS: Final = (1.0, 1.0, 1.0, 0.5)
COMPARTMENT_SHARE: Final = 0.5
# Neighbors of the right region are not as wrong as others, but labels of cells are uncertain.
SMOOTHING: Final = 0.02
AVERAGE: Final = 0.99


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to train, on how many slabs at once, how long to see poses before, and from which seed."""

    steps: int = 2600
    pose_steps: int = 1200
    slabs: int = 16
    seed: int = 20_260_301


def train_places(
    real: Sequence[LabeledHead], painted: Sequence[LabeledHead], plan: Plan
) -> PlaceNetwork:
    """Train one network: first to see how a head is held, then to read places in a head held straight.

    Parameters
    ----------
    real, painted
        Heads that it may see; of at least one real one the pose is known.
    plan
        Steps and seed.

    Returns
    -------
    PlaceNetwork
        The moving average of its weights.
    """
    torch.manual_seed(plan.seed)
    random = np.random.default_rng(plan.seed)
    network = PlaceNetwork().train()
    known = [(one.head, one.pose) for one in real if one.pose is not None]
    network.pose = train_pose(
        [head for head, _ in known], [pose for _, pose in known], plan.pose_steps, plan.seed
    )
    network.pose.requires_grad_(requires_grad=False)
    average = AveragedWeights(network, AVERAGE)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY)
    rates = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: schedule(step / plan.steps, WARM_UP, falls_from=0.0, last=0.0),
    )
    started = time.process_time()
    pools = SlabPool.of(real), SlabPool.of(painted)
    batches = islice(draw_batches(*pools, plan.slabs, random), plan.steps)
    for step, batch in enumerate(batches, start=1):
        optimizer.zero_grad()
        loss = loss_of(network, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        rates.step()
        average.follow(step)
        if step % 100 == 0:
            spent = time.process_time() - started
            print(f"step {step}: loss {loss.item():.3f}, {spent:.0f} s of CPU", flush=True)
    trained = PlaceNetwork()
    trained.load_state_dict(average.state())
    return trained.eval()


def loss_of(network: PlaceNetwork, batch: Batch) -> Tensor:
    """Return the loss: the region in each compartment, and the compartment of blood."""
    logits = network.read(network.encode(batch.patches), batch.patches, batch.cells)
    total = torch.zeros(())
    for number, group in enumerate(GROUPS):
        label = batch.labels[:, number]
        own = torch.full((max(group) + 2,), -100)
        own[list(group)] = torch.arange(len(group))
        target = own[torch.where((label >= 0) & (label <= max(group)), label, -1)]
        weight = torch.where(batch.compartment == number, 1.0, ELSEWHERE)
        each = functional.cross_entropy(
            logits.regions[:, group], target, reduction="none", label_smoothing=SMOOTHING
        )
        total = total + (weight * each).sum() / weight[target >= 0].sum().clamp(min=1.0)
    known = batch.compartment >= 0
    if known.any():
        total = total + COMPARTMENT_SHARE * len(COMPARTMENTS) * functional.cross_entropy(
            logits.compartments[known],
            batch.compartment[known],
            weight=torch.tensor(COMPARTMENT_WEIGHTS),
            label_smoothing=SMOOTHING,
        )
    return total
