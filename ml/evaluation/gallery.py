"""Pictures of what went wrong, each with the true and the predicted outline; they show patients."""

import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.evaluation.results import Identity, Outcome, StudyResult
from ml.evaluation.study import Evaluated
from ml.keyimages import render_slice
from ml.labeled import NO_BLOOD
from preread.dicom.picture import Outline, Rgb

TRUTH_RGB: Final[Rgb] = (64, 220, 120)
SAID_RGB: Final[Rgb] = (255, 64, 64)
WIDTH_PX: Final = 340
COLORS: Final = 128
# Outlines of a study with more of its slices' blood in common are not shown as a failure.
POOR_DICE: Final = 0.5
MOST_OF_A_CAUSE: Final = 12


class Failure(StrEnum):
    """What went wrong."""

    MISSED = "missed"
    FALSE_ALARM = "false_alarm"
    POOR_OUTLINE = "poor_outline"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One failure with its picture.

    Attributes
    ----------
    failure, result
        What went wrong with which study.
    png
        Of the most telling slice.
    """

    failure: Failure
    result: StudyResult
    png: bytes


def failure_of(outcome: Outcome) -> Failure | None:
    """Return what is wrong with an outcome, the gravest first; None if nothing is.

    A false alarm is a study without hemorrhage at «suspected» or above.
    """
    if not isinstance(outcome, StudyResult) or outcome.bleeds is None:
        return None
    if not outcome.bleeds:
        return Failure.FALSE_ALARM if outcome.said.flagged else None
    if not outcome.detected:
        return Failure.MISSED
    dice = study_dice(outcome)
    return Failure.POOR_OUTLINE if dice is not None and dice < POOR_DICE else None


def study_dice(result: StudyResult) -> float | None:
    """Return the Dice of all voxels of a study; None without blood in the truth's outline."""
    overlap = result.overlap
    if overlap is None or overlap.blood == 0:
        return None
    return 2 * overlap.shared / (overlap.blood + overlap.outlined)


def keep_picture(evaluated: Evaluated, folder: Path) -> None:
    """Write the picture of a failed study; nothing for another."""
    outcome = evaluated.outcome
    if isinstance(outcome, StudyResult) and failure_of(outcome) is not None:
        folder.mkdir(parents=True, exist_ok=True)
        _path(folder, outcome.identity).write_bytes(_draw(evaluated, outcome))


def exhibits(outcomes: Iterable[Outcome], folder: Path) -> tuple[Exhibit, ...]:
    """Return the worst failures of each kind whose picture is there, the gravest kind first."""
    failed: dict[Failure, list[StudyResult]] = {failure: [] for failure in Failure}
    for outcome in outcomes:
        failure = failure_of(outcome)
        if failure is not None and isinstance(outcome, StudyResult):
            failed[failure].append(outcome)
    return tuple(
        Exhibit(failure, result, _path(folder, result.identity).read_bytes())
        for failure, results in failed.items()
        for result in _worst(failure, results)
        if _path(folder, result.identity).exists()
    )


def _worst(failure: Failure, results: Sequence[StudyResult]) -> list[StudyResult]:
    def badness(result: StudyResult) -> float:
        if failure is Failure.POOR_OUTLINE:
            return -(study_dice(result) or 0.0)
        probability = result.said.probability
        return probability if failure is Failure.FALSE_ALARM else -probability

    return sorted(results, key=badness, reverse=True)[:MOST_OF_A_CAUSE]


def _path(folder: Path, identity: Identity) -> Path:
    """Return a file name that no name of a study can lead out of the folder."""
    digest = hashlib.sha256(identity.model_dump_json().encode()).hexdigest()
    return folder / f"{digest[:24]}.png"


def _draw(evaluated: Evaluated, result: StudyResult) -> bytes:
    number = _telling_slice(evaluated, result)
    outlines = []
    if evaluated.mask is not None:
        outlines.append(Outline(evaluated.mask[number] != NO_BLOOD, TRUTH_RGB))
    if evaluated.outline is not None:
        outlines.append(Outline(evaluated.outline[number], SAID_RGB))
    png = render_slice(evaluated.source, number, outlines, synthetic=False)
    return _small(png)


def _telling_slice(evaluated: Evaluated, result: StudyResult) -> int:
    """Return the slice with the most blood on one side only, else the most probable one."""
    wrong = np.zeros(evaluated.source.hu.shape, np.bool_)
    if evaluated.mask is not None:
        wrong ^= evaluated.mask != NO_BLOOD
    if evaluated.outline is not None:
        wrong ^= evaluated.outline
    counts: NDArray[np.intp] = wrong.sum(axis=(1, 2))
    if counts.any():
        return int(counts.argmax())
    return int(np.argmax(result.said.slice_any))


def _small(png: bytes) -> bytes:
    with Image.open(io.BytesIO(png)) as picture:
        height = round(picture.height * WIDTH_PX / picture.width)
        small = picture.resize((WIDTH_PX, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.quantize(COLORS).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
