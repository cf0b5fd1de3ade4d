"""Train one network: all folds but one, or all patients; in resumable pieces of known length."""

import json
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from ml.architectures import build_network
from ml.network import Reading
from ml.precision import has_bfloat16
from ml.training.augment import augment
from ml.training.averaging import AveragedWeights
from ml.training.batches import Batch, join, sampler_without
from ml.training.config import TrainingConfig
from ml.training.curves import draw_curves
from ml.training.losses import known_kind, losses, total
from ml.training.prepared import ReducedSet, open_reduced
from ml.training.rates import parameter_groups, schedule
from ml.training.start import start_from_imagenet, weights_of_run, what_to_keep
from ml.training.teaching import Teachers, join_heads, taught_losses

CALIBRATION_BATCHES: Final = 4
LOG_EVERY_STEPS: Final = 20


@dataclass(frozen=True, slots=True)
class RunPaths:
    """Where a run reads and writes.

    Attributes
    ----------
    sets
        Prepared sets by the name of their source; the configuration says how much each gives.
    imagenet
        safetensors in torchvision's naming; None for a network that learns from scratch.
    run
        Folder for checkpoint, weights and log.
    start
        Checkpoint or weights of an earlier run, averaged, from which this one starts with a
        schedule of its own; None starts from ImageNet.
    teachers
        Weights of earlier runs, without the same fold, that a recipe with ``taught`` learns from.
    """

    sets: dict[str, Path]
    imagenet: Path | None
    run: Path
    start: Path | None = None
    teachers: tuple[Path, ...] = ()


@dataclass(slots=True)
class _Progress:
    """What a checkpoint holds besides tensors."""

    step: int = 0
    cpu_s: float = 0.0
    sums: dict[str, Tensor] = field(default_factory=dict)


def train(
    config: TrainingConfig,
    paths: RunPaths,
    *,
    fold: int,
    minutes: float = math.inf,
    device: str = "cpu",
) -> Path:
    """Train to the configuration's last step; a run that was cut goes on from its checkpoint.

    Parameters
    ----------
    config
        The recipe.
    paths
        Inputs and the run's folder.
    fold
        The fold to hold out, or −1 for none.
    minutes
        Stop after so many and at least one step, at a checkpoint: one piece of a long run.
    device
        ``cpu``, ``cuda`` or ``cuda:N``. Random numbers differ between kinds of device, and
        so do the networks that they make.

    Returns
    -------
    Path
        ``weights.safetensors`` of the averaged network, so far.

    Raises
    ------
    ValueError
        If a source of the configuration has no prepared set, or the set has no such fold, or
        the network starts from ImageNet and no weights were given, or from an earlier run and
        none was given, or teachers were given to a recipe without ``taught``, or none to one with it.
    """
    paths.run.mkdir(parents=True, exist_ok=True)
    run = _Run(config, paths, fold, device)
    run.resume()
    started = saved_at = time.monotonic()
    first = run.progress.step
    for step in tqdm(range(first, config.steps), f"fold {fold}", config.steps, initial=first):
        run.step(step / config.steps)
        if time.monotonic() - started >= minutes * 60:
            break
        if time.monotonic() - saved_at > config.checkpoint_every_s:
            run.save()
            saved_at = time.monotonic()
    run.save()
    draw_curves(paths.run)
    target = paths.run / "weights.safetensors"
    save_file(
        what_to_keep(run.averaged, paths.start, config.learned),
        target,
        {"name": config.name, "fold": str(fold)},
    )
    return target


class _Run:
    """The moving parts of one training run."""

    def __init__(self, config: TrainingConfig, paths: RunPaths, fold: int, device: str) -> None:
        if config.learned < 1 and paths.start is None:
            message = f"«{config.name}» goes a part of the way from an earlier run; none was given"
            raise ValueError(message)
        self.config = config
        self.progress = _Progress()
        self._device = torch.device(device)
        self._paths = paths
        seed = config.seed + fold
        torch.manual_seed(seed)
        self._random = np.random.default_rng(seed)
        self._torch_random = torch.Generator(device).manual_seed(seed)
        self._samplers = {
            name: sampler_without(_open_source(paths, name), fold, self._random, device)
            for name in config.batch
        }
        self.network = build_network(config.network)
        self.network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if paths.start is None:
            start_from_imagenet(self.network, paths.imagenet)
            self._recompute_statistics()
        else:
            self.network.load_state_dict(weights_of_run(paths.start))
        self.averaged = AveragedWeights(self.network, config.average)
        self._teachers = _teachers(config, paths, self._device)
        self._optimizer = torch.optim.AdamW(
            parameter_groups(self.network, config),
            weight_decay=config.optimizer.weight_decay,
            fused=self._device.type != "cpu",
        )

    def step(self, share: float) -> None:
        """Learn from one batch; ``share`` of the run is over."""
        size = next(phase.size for phase in self.config.phases if share <= phase.until)
        for group in self._optimizer.param_groups:
            group["lr"] = group["rate"] * schedule(share, self.config.optimizer.warm_up)
        started = time.process_time()
        batch = self._batch()
        hu, maps = augment(
            batch.hu,
            batch.maps,
            size,
            self.config.augmentation,
            self._torch_random,
            shown=self.config.draw_window(self._random),
        )
        kind = known_kind(maps[:, 1:])
        self.network.train()
        terms = self._terms(hu, batch, maps[:, :1], kind)
        self._optimizer.zero_grad(set_to_none=True)
        total(terms).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self._optimizer.step()
        self.averaged.follow(self.progress.step)
        self.progress.cpu_s += time.process_time() - started
        self._count(terms, size, share)

    def save(self) -> None:
        """Write the checkpoint; a crash leaves the older one."""
        state = {
            "network": self.network.state_dict(),
            "average": self.averaged.state(),
            "optimizer": self._optimizer.state_dict(),
            "torch_random": self._torch_random.get_state(),
            "step": self.progress.step,
            "cpu_s": self.progress.cpu_s,
        }
        partial = self._paths.run / "checkpoint.part"
        torch.save(state, partial)
        partial.replace(self._paths.run / "checkpoint.pt")

    def resume(self) -> None:
        """Go on from the run's checkpoint, if it has one."""
        path = self._paths.run / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=True, map_location=self._device)
        self.network.load_state_dict(state["network"])
        self.averaged.restore(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._torch_random.set_state(state["torch_random"].cpu())
        self.progress = _Progress(int(state["step"]), float(state["cpu_s"]))
        self._random.bit_generator.advance(self.progress.step * 1000)  # type: ignore[attr-defined]

    def _batch(self) -> Batch:
        return join(
            [
                self._samplers[name].draw(part.slices, part.positive)
                for name, part in self.config.batch.items()
            ]
        )

    def _terms(self, hu: Tensor, batch: Batch, share: Tensor, kind: Tensor) -> dict[str, Tensor]:
        """Compare with the truth and, if there are any, with the teachers."""
        if self._teachers is None:
            return losses(self._read(hu), batch, share, kind)
        shown = torch.cat([hu, join_heads(hu, self._torch_random)])
        reading = self._read(shown)
        true = Reading(*(part[: len(hu)] for part in reading))
        taught = taught_losses(reading, self._teachers.read(shown))
        weighted = {name: self.config.taught * term for name, term in taught.items()}
        return losses(true, batch, share, kind) | weighted

    def _read(self, hu: Tensor) -> Reading:
        """Read in half precision where the device computes in it; the losses stay in float32."""
        half = self._device.type != "cpu" or has_bfloat16()
        with torch.autocast(self._device.type, torch.bfloat16, enabled=half):
            reading = self.network.read(hu)
        return Reading(*(part.float() for part in reading))

    @torch.no_grad()
    def _recompute_statistics(self) -> None:
        """Give batch normalization the statistics of CT; ImageNet's were fitted to photographs."""
        norms = [m for m in self.network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over the batches seen
        self.network.train()
        for _ in range(CALIBRATION_BATCHES):
            self.network.read(self._batch().hu)
        for norm in norms:
            norm.momentum = 0.1

    def _count(self, terms: dict[str, Tensor], size: int, share: float) -> None:
        progress = self.progress
        progress.step += 1
        for name, term in terms.items():
            # Added where they lie: a number read off a GPU each step would make it wait.
            progress.sums[name] = progress.sums.get(name, torch.zeros(())) + term.detach()
        if progress.step % LOG_EVERY_STEPS == 0:
            means = {
                name: round(float(value) / LOG_EVERY_STEPS, 4)
                for name, value in progress.sums.items()
            }
            self._log(
                {
                    "step": progress.step,
                    "share": round(share, 4),
                    "size": size,
                    "cpu_s": round(progress.cpu_s),
                    **means,
                }
            )
            progress.sums.clear()

    def _log(self, line: dict[str, float]) -> None:
        with (self._paths.run / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")


def _teachers(config: TrainingConfig, paths: RunPaths, device: torch.device) -> Teachers | None:
    """Load the teachers that a recipe asks for."""
    if bool(paths.teachers) != (config.taught > 0):
        message = f"«{config.name}» learns from {'' if config.taught else 'no '}teachers"
        raise ValueError(message)
    if not paths.teachers:
        return None
    return Teachers.load(paths.teachers, config.network, device)


def _open_source(paths: RunPaths, name: str) -> ReducedSet:
    """Open the prepared set of a source that the configuration names."""
    if name not in paths.sets:
        message = f"the configuration asks for slices of «{name}», and no such set was given"
        raise ValueError(message)
    return open_reduced(paths.sets[name])
