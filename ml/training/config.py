"""One JSON file per shipped bundle says how it was trained."""

from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ml.field import FieldRule
from ml.spec import Architecture, NetworkSpec
from ml.training.augment import Augmentation


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Share(_Frozen):
    """How many slices of a batch come from one source, and how many of them bleed."""

    slices: int
    positive: int


class Phase(_Frozen):
    """A stretch of training at one size; ``until`` is a share of the whole."""

    until: float
    size: int


class ShownWindow(_Frozen):
    """Rows and columns around the middle that a batch may show, and its share of the batches."""

    rows: int = Field(gt=0, multiple_of=32)
    columns: int = Field(gt=0, multiple_of=32)
    share: float = Field(gt=0)


class OptimizerConfig(_Frozen):
    """AdamW's rates; ``warm_up`` is a share of the whole."""

    encoder_rate: float
    head_rate: float
    weight_decay: float
    warm_up: float


class TrainingConfig(_Frozen):
    """Everything a run needs besides paths, the fold and the time it may take.

    ``batch`` names the sources: ``real`` and, if wanted, ``painted`` and ``phantoms``.
    ``average`` is the decay of the running mean of the weights, which is what is kept.
    ``taught`` is the weight of what teachers say beside the truth; 0: there are none.
    ``learned`` is how much of the way from the earlier run that a run starts from to what it
    learned its weights go; 1 but for runs that start from one.
    ``field`` is what the network will read of a head, and ``windows`` are what a batch shows of its
    slices, so that it learns on such fields; without them whole slices are read and shown.
    """

    name: str
    network: NetworkSpec
    seed: int
    steps: int
    batch: dict[str, Share]
    phases: tuple[Phase, ...]
    optimizer: OptimizerConfig
    average: float
    checkpoint_every_s: float
    augmentation: Augmentation
    taught: float = 0.0
    learned: float = Field(1.0, gt=0, le=1)
    windows: tuple[ShownWindow, ...] = ()
    field: FieldRule | None = None

    @model_validator(mode="after")
    def _windows_fit(self) -> Self:
        """Refuse a window that is larger than what it would show a part of."""
        least = min(phase.size for phase in self.phases)
        if any(max(window.rows, window.columns) > least for window in self.windows):
            message = f"a window is larger than the {least} pixels of a phase"
            raise ValueError(message)
        return self

    def draw_window(self, random: np.random.Generator) -> tuple[int, int] | None:
        """Draw the rows and columns that a batch shows; None: all."""
        if not self.windows:
            return None
        shares = np.array([window.share for window in self.windows])
        drawn = self.windows[int(random.choice(len(shares), p=shares / shares.sum()))]
        return drawn.rows, drawn.columns

    def with_arch(self, arch: Architecture) -> "TrainingConfig":
        """Return the same recipe for another network, under a name that says so."""
        return self.model_copy(
            update={
                "name": f"{self.name}-{arch}",
                "network": replace(self.network, arch=arch),
            }
        )


def read_config(path: Path) -> TrainingConfig:
    """Read a training configuration.

    Raises
    ------
    pydantic.ValidationError
        If a key is missing, unknown or of the wrong type.
    """
    return TrainingConfig.model_validate_json(path.read_text())
