"""The recipes that ship, and heads small enough to train on in a test."""

from pathlib import Path

from ml.training.prepared import SliceRow, SourceSeries
from tests.support.heads import Ball, head

CONFIGS = Path(__file__).parents[2] / "ml" / "training" / "configs"


def series(number):
    one = head(
        *([Ball((0, 10 * number, 25), 20)] if number % 2 else []), slices=8, size=80, spacing_mm=2.8
    )
    bleeds = (one.kinds > 0).any(axis=(1, 2))
    rows = tuple(
        SliceRow(
            study=f"study {number}",
            patient=f"patient {number}",
            fold=number // 2,
            number=1 + index,
            any=int(bleed),
            labels=(int(bleed), 0, 0, 0, 0),
            has_mask=True,
        )
        for index, bleed in enumerate(bleeds)
    )
    return SourceSeries(one.volume.hu, one.kinds, (2.8, 2.8), rows)
