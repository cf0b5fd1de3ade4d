"""How much a run measures, and where."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Plan:
    """One run.

    Attributes
    ----------
    rounds
        How often every variant is measured; one more round comes before, to warm up.
    quick
        Sizes so small that the figures mean nothing: only to see that all of it runs.
    folder
        Empty, for whatever is written; its file system is part of the figures.
    bundle_dir
        The model.
    """

    rounds: int
    quick: bool
    folder: Path
    bundle_dir: Path
