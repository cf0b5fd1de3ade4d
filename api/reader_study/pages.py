"""The pages: sign in, the list of one's cases, first read, score; and the pictures they show."""

from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi import Form as FormField
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from api.auth import refuse_other_pages
from api.reader_study.forms import InvalidForm, read_first, read_judgment
from api.reader_study.session import (
    READER_COOKIE,
    ReaderDep,
    Session,
    SessionDep,
    TooLate,
    is_flagged,
)
from api.strict_templates import strict_templates
from api.wording import milliliters, percent
from preread.dicom.picture import WindowName
from preread.errors import NotAllowed
from preread.feedback import FalsePositiveCause
from preread.findings import PreRead
from preread.notice import NOTICE
from preread.phrases import midline_text
from preread.reader_study.answers import NamedBleed, Progress, Step
from preread.reader_study.cases import CaseFacts
from preread.reader_study.order import reader_code
from preread.regions import COMPARTMENTS_OF_TYPE, REGION, RegionTerm
from preread.rubric import PLACE_WORDS, SCOPE, SCORE_WORDS, TYPES_WORDS
from preread.terms import KINDS, LATERALITY_NAME, TYPE_NAME, HemorrhageType, Region

router = APIRouter(default_response_class=HTMLResponse)


def _regions_of(kind: HemorrhageType) -> list[tuple[Region, RegionTerm]]:
    """Return the places where a type can lie, by name."""
    fitting = [
        (region, term)
        for region, term in REGION.items()
        if term.compartment in COMPARTMENTS_OF_TYPE[kind]
    ]
    return sorted(fitting, key=lambda item: item[1].name)


_TEMPLATES: Final = strict_templates(Path(__file__).parent / "templates")
_TEMPLATES.env.filters.update(
    {"percent": percent, "milliliters": milliliters, "midline": midline_text}
)
_TEMPLATES.env.globals.update(
    {
        "notice": NOTICE,
        "kinds": KINDS,
        "type_name": TYPE_NAME,
        "sides": LATERALITY_NAME,
        "regions": {kind: _regions_of(kind) for kind in KINDS},
        "windows": tuple(WindowName),
        "causes": tuple(FalsePositiveCause),
        "scores": SCORE_WORDS,
        "types_words": TYPES_WORDS,
        "place_words": PLACE_WORDS,
        "scope": SCOPE,
    }
)


def same_page(request: Request) -> None:
    """Refuse a form that another page sends with the reader's cookie."""
    try:
        refuse_other_pages(request)
    except NotAllowed as error:
        raise HTTPException(HTTPStatus.FORBIDDEN, str(error)) from None


async def form_of(request: Request) -> FormData:
    """Return the fields of a form of this page."""
    same_page(request)
    return await request.form(max_files=0, max_fields=500)


@router.get("/sign-in")
def show_sign_in(request: Request) -> Response:
    """Ask for the reader's code."""
    return _render(request, "sign_in.html", {"message": None})


@router.post("/sign-in")
def take_sign_in(
    request: Request, session: SessionDep, reader: Annotated[str, FormField(max_length=100)] = ""
) -> Response:
    """Take a reader's code: a pseudonym, no secret."""
    same_page(request)
    code = reader_code(reader)
    if code is None:
        message = "A code has up to 20 letters, digits, _ or -; please do not take your name."
        return _render(
            request, "sign_in.html", {"message": message}, HTTPStatus.UNPROCESSABLE_ENTITY
        )
    session.sign_in(code)
    answer = RedirectResponse("/", HTTPStatus.SEE_OTHER)
    answer.set_cookie(READER_COOKIE, code, httponly=True, samesite="strict")
    return answer


@router.post("/sign-out")
def take_sign_out(request: Request) -> Response:
    """Let another reader sit down."""
    same_page(request)
    answer = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    answer.delete_cookie(READER_COOKIE)
    return answer


@router.get("/")
def show_cases(request: Request, session: SessionDep, reader: ReaderDep) -> Response:
    """Show the reader's own list."""
    order = session.order(reader)
    rows = [(number, session.progress(reader, number)) for number in order]
    todo = [number for number, progress in rows if progress.scored is None]
    context = {
        "reader": reader,
        "rows": rows,
        "plan": session.plan,
        "next_case": todo[0] if todo else None,
        "done": len(rows) - len(todo),
    }
    return _render(request, "cases.html", context)


@router.get("/cases/{number}")
def show_case(request: Request, session: SessionDep, reader: ReaderDep, number: int) -> Response:
    """Show the step that this reader has to do, or has done last."""
    facts = session.case(number)
    progress = session.progress(reader, facts.number)
    step = Step.SCORE if session.is_revealed(progress) else Step.FIRST_READ
    session.open(reader, facts.number, step)
    return _show_step(request, session, reader, facts)


@router.post("/cases/{number}/first-read")
async def take_first_read(
    request: Request, session: SessionDep, reader: ReaderDep, number: int
) -> Response:
    """Keep a first read and show the pre-read."""
    facts = session.case(number)
    fields = await form_of(request)
    try:
        session.give_first_read(reader, facts.number, read_first(fields))
    except InvalidForm as error:
        return _show_step(request, session, reader, facts, str(error))
    except TooLate:
        raise HTTPException(HTTPStatus.CONFLICT, "The pre-read was shown already.") from None
    return RedirectResponse(f"/cases/{facts.number}", HTTPStatus.SEE_OTHER)


@router.post("/cases/{number}/score")
async def take_score(
    request: Request, session: SessionDep, reader: ReaderDep, number: int
) -> Response:
    """Keep a score and go on with the next case."""
    facts = session.case(number)
    fields = await form_of(request)
    if not session.is_revealed(session.progress(reader, facts.number)):
        raise HTTPException(HTTPStatus.CONFLICT, "The first read comes before the score.")
    flagged = is_flagged(session.folder.pre_read(facts.number))
    try:
        session.give_score(reader, facts.number, read_judgment(fields, flagged=flagged))
    except InvalidForm as error:
        return _show_step(request, session, reader, facts, str(error))
    return RedirectResponse("/", HTTPStatus.SEE_OTHER)


@router.get("/cases/{number}/{window}/{index}.png")
def show_slice(
    window: WindowName, index: int, session: SessionDep, reader: ReaderDep, number: int
) -> Response:
    """Send one slice; nothing of the pre-read is in it."""
    facts = session.case(number)
    del reader
    if not 0 <= index < facts.slice_count:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    path = session.folder.slice_path(facts.number, window, index)
    return FileResponse(path, media_type="image/png")


@router.get("/cases/{number}/outlines/{index}")
def show_outline(index: int, session: SessionDep, reader: ReaderDep, number: int) -> Response:
    """Send the outline of a slice, once the pre-read may be shown."""
    facts = session.case(number)
    if not session.is_revealed(session.progress(reader, facts.number)):
        raise HTTPException(HTTPStatus.FORBIDDEN, "The first read comes before the pre-read.")
    if index not in facts.outlined:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    path = session.folder.outline_path(facts.number, index)
    return FileResponse(path, media_type="image/png")


def _show_step(
    request: Request,
    session: Session,
    reader: str,
    facts: CaseFacts,
    message: str | None = None,
) -> Response:
    """Show the present step of a case.

    What is put into the blinded page is listed here and holds nothing of the pre-read.
    """
    progress = session.progress(reader, facts.number)
    order = session.order(reader)
    context: dict[str, Any] = {
        "reader": reader,
        "number": facts.number,
        "position": order.index(facts.number) + 1,
        "of": len(order),
        "slice_count": facts.slice_count,
        "synthetic": facts.synthetic,
        "message": message,
        "plan": session.plan,
    }
    status = HTTPStatus.OK if message is None else HTTPStatus.UNPROCESSABLE_ENTITY
    if not session.is_revealed(progress):
        blinded = {"named": by_type(()), "nothing": False, "outlined": (), "start": None}
        return _render(request, "first_read.html", context | blinded, status)
    document = session.folder.pre_read(facts.number)
    named, nothing = _to_correct(progress, document)
    revealed = {
        "document": document,
        "flagged": is_flagged(document),
        "first_read": progress.first_read,
        "scored": progress.scored,
        "named": by_type(named),
        "nothing": nothing,
        "outlined": facts.outlined,
        "start": document.key_images[0].slice if document.key_images else None,
    }
    return _render(request, "score.html", context | revealed, status)


def _to_correct(progress: Progress, document: PreRead) -> tuple[tuple[NamedBleed, ...], bool]:
    """Return the bleeds to begin with: one's own where there are any, else the pre-read's."""
    own = progress.scored or progress.first_read
    if own is not None:
        return own.named, not own.named
    said = tuple(
        NamedBleed(type=finding.type, laterality=place.laterality, region=place.region)
        for finding in document.findings
        for place in finding.locations
    )
    return said, False


def by_type(named: tuple[NamedBleed, ...]) -> dict[HemorrhageType, list[NamedBleed]]:
    """Return the bleeds of each type, also of those that are not named."""
    return {kind: [one for one in named if one.type is kind] for kind in KINDS}


def _render(
    request: Request, name: str, context: dict[str, Any], status: int = HTTPStatus.OK
) -> Response:
    return _TEMPLATES.TemplateResponse(request, name, context, status)
