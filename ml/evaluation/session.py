"""All studies of a source, one after the other: skip what is known, keep each outcome at once."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from ml.evaluation.contact_sheets import TILES, keep_tiles
from ml.evaluation.gallery import keep_picture
from ml.evaluation.journal import Journal
from ml.evaluation.results import Identity, Outcome
from ml.evaluation.study import Judge, evaluate_study
from ml.labeled import LabeledStudy

JOURNAL: Final = "studies.jsonl"
PICTURES: Final = "gallery"


class Tell(Protocol):
    """Is told of each study: its number from 1, its outcome, and whether it was known before."""

    def __call__(self, number: int, outcome: Outcome, *, is_known: bool) -> None:
        """Show it to a person."""
        ...


class ResultsExist(Exception):
    """The folder holds results and nobody said to go on with them."""


class SameName(Exception):
    """Two studies of a source cannot be told apart."""


@dataclass(frozen=True)
class Plan:
    """What to do with the studies.

    Attributes
    ----------
    folder
        Receives the journal and the pictures.
    limit
        Of studies; None for all.
    resume
        Go on with what the folder holds.
    gallery
        Keep pictures of failures and of findings.
    """

    folder: Path
    limit: int | None = None
    resume: bool = False
    gallery: bool = True


def evaluate_all(
    studies: Iterable[LabeledStudy], judge: Judge, plan: Plan, tell: Tell
) -> list[Outcome]:
    """Evaluate studies and keep every outcome as soon as it is there.

    Parameters
    ----------
    studies
        Any source.
    judge
        Who reads.
    plan
        Where to and how far.
    tell
        Called after each study.

    Returns
    -------
    list of outcomes
        Of this run's studies, in their order. An earlier outcome is taken over where study,
        bundle and basis are the same.

    Raises
    ------
    ResultsExist
        If the folder has a journal and the plan does not resume.
    SameName
        If two studies have the same name and patient.
    """
    journal = Journal(plan.folder / JOURNAL)
    if journal.path.exists() and not plan.resume:
        message = f"{journal.path} exists: go on with --resume, or choose another folder"
        raise ResultsExist(message)
    known = journal.read()
    journal.restart(known.values())
    outcomes: dict[tuple[str, str], Outcome] = {}
    for number, (study, outcome, is_known) in enumerate(
        _judged(islice(studies, plan.limit), judge, known, plan), start=1
    ):
        if (study.name, study.patient) in outcomes:
            message = f"two studies of the source are called «{study.name}»"
            raise SameName(message)
        outcomes[study.name, study.patient] = outcome
        if not is_known:
            journal.add(outcome)
        tell(number, outcome, is_known=is_known)
    return list(outcomes.values())


def _judged(
    studies: Iterable[LabeledStudy], judge: Judge, known: Mapping[Identity, Outcome], plan: Plan
) -> Iterator[tuple[LabeledStudy, Outcome, bool]]:
    for study in studies:
        earlier = known.get(judge.identity(study))
        if earlier is not None:
            yield study, earlier, True
            continue
        evaluated = evaluate_study(study, judge)
        if plan.gallery:
            keep_picture(evaluated, plan.folder / PICTURES)
            keep_tiles(evaluated, plan.folder / TILES)
        yield study, evaluated.outcome, False
