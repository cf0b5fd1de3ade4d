"""The command line: evaluate a folder of labeled studies, keep the report, write the model card.

The readers of sources come from outside, so that this file needs none of them.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from ml.bundle import DEFAULT_BUNDLE, Bundle, load_bundle
from ml.evaluation.adopt import NoEvidence, adopt_report
from ml.evaluation.card import write_card
from ml.evaluation.contact_sheets import MOST, NoTiles, write_sheets
from ml.evaluation.estimates import ROUNDS, Figures
from ml.evaluation.gallery import exhibits
from ml.evaluation.goals import figure_at, goal_table
from ml.evaluation.report import PAGE_FILE, REPORT_FILE, make_report, render_page, write_report
from ml.evaluation.results import Basis, Identity, Outcome, UnreadStudy
from ml.evaluation.session import PICTURES, Plan, ResultsExist, SameName, evaluate_all
from ml.evaluation.study import Judge, NamePlaces
from ml.labeled import UNKNOWN, LabeledStudy
from ml.places.blood import by_geometry
from ml.prediction import Predictor
from preread.errors import PreReadError
from preread.notice import NOTICE

OUT: Final = Path("var") / "evaluation"
CARD: Final = Path(__file__).parents[2] / "docs" / "model-card.md"
AUTO: Final = "auto"


class LeftOut(Protocol):
    """A study that a reader could not read."""

    @property
    def name(self) -> str:
        """The source's own name of it."""
        ...

    @property
    def reason(self) -> str:
        """Why, for a person."""
        ...


Read: TypeAlias = Callable[[Path, str, Callable[[LeftOut], None]], Iterator[LabeledStudy]]


@dataclass(frozen=True, slots=True)
class Doors:
    """What the command needs from outside.

    Attributes
    ----------
    read
        Yields the studies of a folder by the name of its source; tells of those left out.
    recognize
        Returns the name of a folder's source.
    load
        Makes the predictor of a bundle, on a device, with a number of threads.
    namer
        Makes who names places; by default plain geometry.
    """

    read: Read
    recognize: Callable[[Path], str]
    load: Callable[[Bundle, str, int], Predictor]
    namer: NamePlaces = by_geometry


def main(words: Sequence[str] | None, doors: Doors) -> int:
    """Carry out one command line and return its exit status."""
    arguments = _parser().parse_args(words)
    try:
        if arguments.command == "card":
            write_card(arguments.bundle, arguments.out)
        elif arguments.command == "adopt":
            adopt_report(arguments.folder, arguments.bundle)
        elif arguments.command == "contact-sheets":
            for sheet in write_sheets(arguments.folder, arguments.most):
                print(sheet)
        else:
            _run(arguments, doors)
    except (PreReadError, ResultsExist, SameName, NoEvidence, NoTiles) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml.evaluation", description=main.__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="evaluate labeled studies and write a report")
    run.add_argument("folder", type=Path, metavar="FOLDER", help="of labeled studies")
    run.add_argument("--source", default=AUTO, help="kind of the folder; auto: by its layout")
    run.add_argument("--out", type=Path, default=OUT, help=f"folder of the report; {OUT}")
    run.add_argument("--limit", type=int, help="no more studies than this")
    run.add_argument("--no-gallery", action="store_true", help="keep no pictures")
    run.add_argument("--resume", action="store_true", help="go on with what --out holds")
    run.add_argument(
        "--in-sample",
        action="store_true",
        help="read the training set with all members: no evidence",
    )
    run.add_argument("--rounds", type=int, default=ROUNDS, help=f"of the bootstrap; {ROUNDS}")
    run.add_argument("--device", default="auto", help="auto, cpu, cuda")
    run.add_argument("--threads", type=int, default=1, help="of torch")
    adopt = commands.add_parser("adopt", help="keep the report of a folder beside the weights")
    adopt.add_argument("folder", type=Path, metavar="FOLDER", help="the --out of a run")
    card = commands.add_parser("card", help="write the model card from the report in the bundle")
    card.add_argument("--out", type=Path, default=CARD, help="docs/model-card.md")
    sheets = commands.add_parser(
        "contact-sheets", help="show the findings of a run with places, one picture per type"
    )
    sheets.add_argument("folder", type=Path, metavar="FOLDER", help="the --out of a run")
    sheets.add_argument("--most", type=int, default=MOST, help=f"findings on a sheet; {MOST}")
    for command in (run, adopt, card):
        command.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE, help="the shipped one")
    return parser


def _run(arguments: argparse.Namespace, doors: Doors) -> None:
    given: str = arguments.source
    source = doors.recognize(arguments.folder) if given == AUTO else given
    bundle = load_bundle(arguments.bundle)
    judge = Judge(
        bundle,
        lambda part: doors.load(part, arguments.device, arguments.threads),
        source,
        in_sample=arguments.in_sample,
        namer=doors.namer,
    )
    plan = Plan(
        arguments.out,
        limit=arguments.limit,
        resume=arguments.resume,
        gallery=not arguments.no_gallery,
    )
    print(NOTICE)
    left_out: list[LeftOut] = []
    studies = doors.read(arguments.folder, source, left_out.append)
    outcomes = evaluate_all(studies, judge, plan, _tell)
    outcomes += [_unreadable(one, judge) for one in left_out]
    report = make_report(
        outcomes, bundle, source=source, day=datetime.now(UTC).date(), rounds=arguments.rounds
    )
    shown = exhibits(outcomes, plan.folder / PICTURES) if plan.gallery else ()
    write_report(report, plan.folder / REPORT_FILE)
    page = plan.folder / PAGE_FILE
    page.write_text(render_page(report, outcomes, shown), encoding="utf-8")
    _tell_end(report, page)


def _tell(number: int, outcome: Outcome, *, is_known: bool) -> None:
    """Print a line for each study."""
    name = outcome.identity.name
    if isinstance(outcome, UnreadStudy):
        print(
            f"{number:5}  {name}: {'not assessed' if outcome.refused else 'FAILED'}: {outcome.reason}"
        )
        return
    truth = {True: "bleeds", False: "quiet", None: "unknown"}[outcome.bleeds]
    took = "known" if is_known else f"{outcome.cpu_s:.1f} s"
    probability = f"{outcome.said.probability:.2f}"
    print(
        f"{number:5}  {name}: {truth}, {outcome.said.level.value} {probability} ({took})",
        flush=True,
    )


def _tell_end(report: Figures, page: Path) -> None:
    print(f"\n{report['basis']}.")
    for row in goal_table(report):
        value, reached = figure_at(row, ("value",)), figure_at(row, ("reached",))
        verdict = "reached" if reached is True else "NOT reached"
        words = "not measured" if reached is None else f"{value}, {verdict}"
        print(f"  {figure_at(row, ('goal',))}: {words}")
    print(f"Report: {page}")


def _unreadable(left_out: LeftOut, judge: Judge) -> UnreadStudy:
    """Return the outcome of a study that its reader left out."""
    identity = Identity(
        name=left_out.name,
        patient=left_out.name,
        fold=None,
        bundle=judge.bundle.manifest.identity,
        basis=Basis.UNSEEN,
    )
    reason = f"unreadable: {left_out.reason}"
    return UnreadStudy(identity=identity, study_any=UNKNOWN, refused=False, reason=reason)
