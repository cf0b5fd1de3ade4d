"""One reading study while it is served: who reads, what may be shown, what is written down."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from api.reader_study.forms import Form, JudgmentForm
from preread.feedback import verdict_of_flag
from preread.findings import PreRead
from preread.reader_study.answers import (
    FirstRead,
    Opened,
    Progress,
    Scored,
    SignedIn,
    Step,
    progress_of,
)
from preread.reader_study.cases import CaseFacts, Plan, StudyFolder
from preread.reader_study.journal import Journal
from preread.reader_study.order import reader_code, reading_order
from preread.terms import Level

READER_COOKIE: Final = "preread_reader"


class SignInNeeded(Exception):
    """Nobody said who reads."""


class TooLate(Exception):
    """A first read that comes after the pre-read was shown."""


@dataclass(frozen=True)
class Session:
    """What the pages hold."""

    folder: StudyFolder
    plan: Plan
    cases: Mapping[int, CaseFacts]
    journal: Journal
    clock: Callable[[], datetime]

    def case(self, number: int) -> CaseFacts:
        """Return a case that readers see, or 404."""
        facts = self.cases.get(number)
        if facts is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return facts

    def order(self, reader: str) -> tuple[int, ...]:
        """Return the cases as this reader sees them."""
        return reading_order(self.plan.seed, reader, self.cases)

    def progress(self, reader: str, case: int) -> Progress:
        """Return how far a reader is with a case."""
        return progress_of(self.journal.events, reader, case)

    def is_revealed(self, progress: Progress) -> bool:
        """Tell whether the pre-read may be shown: not before the first read was given."""
        return not self.plan.first_read or progress.first_read is not None

    def sign_in(self, reader: str) -> None:
        """Write down that a reader came, with the order that the seed gives."""
        event = SignedIn(
            at=self.clock(), reader=reader, seed=self.plan.seed, order=self.order(reader)
        )
        self.journal.add(event)

    def open(self, reader: str, case: int, step: Step) -> None:
        """Write down that a step was shown."""
        self.journal.add(Opened(at=self.clock(), reader=reader, case=case, step=step))

    def give_first_read(self, reader: str, case: int, form: Form) -> None:
        """Keep a first read.

        Raises
        ------
        TooLate
            If there is one, or the pre-read was shown already.
        """
        progress = self.progress(reader, case)
        if self.is_revealed(progress):
            raise TooLate
        now = self.clock()
        self.journal.add(
            FirstRead(
                at=now,
                reader=reader,
                case=case,
                named=form.named,
                server_ms=_since_shown(progress, Step.FIRST_READ, now),
                visible_ms=_visible(form.visible_ms, progress, Step.FIRST_READ, now),
            )
        )

    def give_score(self, reader: str, case: int, form: JudgmentForm) -> None:
        """Keep a score; an earlier one stays in the journal."""
        progress = self.progress(reader, case)
        document = self.folder.pre_read(case)
        now = self.clock()
        self.journal.add(
            Scored(
                at=now,
                reader=reader,
                case=case,
                named=form.named,
                server_ms=_since_shown(progress, Step.SCORE, now),
                visible_ms=_visible(form.visible_ms, progress, Step.SCORE, now),
                pre_read_id=document.pre_read_id,
                revision=document.revision,
                digest=document.digest,
                blinded=progress.first_read is not None,
                score=form.score,
                verdict=verdict_of_flag(flagged=is_flagged(document), bleeds=bool(form.named)),
                fp_cause=form.fp_cause,
                comment=form.comment,
            )
        )


def is_flagged(document: PreRead) -> bool:
    """Tell whether the pre-read says more than «none»."""
    return document.assessment.level not in {Level.NONE, Level.NOT_ASSESSED}


def session_of(request: Request) -> Session:
    """Return the session of the application."""
    session = request.app.state.session
    if not isinstance(session, Session):
        raise TypeError
    return session


def reader_of(request: Request) -> str:
    """Return who reads.

    Raises
    ------
    SignInNeeded
        If nobody said so.
    """
    reader = reader_code(request.cookies.get(READER_COOKIE, ""))
    if reader is None:
        raise SignInNeeded
    return reader


def to_sign_in(request: Request, error: Exception) -> Response:
    """Lead to the sign-in page."""
    del request, error
    return RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)


SessionDep = Annotated[Session, Depends(session_of)]
ReaderDep = Annotated[str, Depends(reader_of)]


def _since_shown(progress: Progress, step: Step, now: datetime) -> int:
    return _ms(progress.last_opened.get(step, now), now)


def _visible(said_ms: int | None, progress: Progress, step: Step, now: datetime) -> int | None:
    """Return what the browser counted, but never more than passed since the step was first shown."""
    if said_ms is None:
        return None
    return min(said_ms, _ms(progress.first_opened.get(step, now), now))


def _ms(start: datetime, end: datetime) -> int:
    return max(0, round((end - start).total_seconds() * 1000))
