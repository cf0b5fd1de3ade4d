"""Puts the page of a reading study together."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.staticfiles import StaticFiles

from api.metrics import Metrics
from api.middleware import Observed, SmallBodies
from api.reader_study import pages
from api.reader_study.session import Session, to_sign_in
from api.reader_study.session import SignInNeeded as NobodyHere
from preread.errors import SettingsInvalid
from preread.reader_study.cases import StudyFolder
from preread.reader_study.journal import Journal
from preread.resources import utc_now

HOSTS: Final = ["127.0.0.1", "localhost"]


def create_app(folder: StudyFolder, clock: Callable[[], datetime] = utc_now) -> FastAPI:
    """Return the application of one reading study.

    Parameters
    ----------
    folder
        Prepared cases; receives the answers.
    clock
        The present time; tests hand over their own.

    Raises
    ------
    SettingsInvalid
        If no case in the folder can be read by anybody.
    InvalidJournal
        If the answers so far are damaged.
    """
    cases = {number: folder.facts(number) for number in folder.numbers()}
    readable = {number: facts for number, facts in cases.items() if facts.is_read}
    if not readable:
        message = f"{folder.path} holds no case that could be assessed"
        raise SettingsInvalid(message)
    app = FastAPI(
        title="PreRead reading study",
        openapi_url=None,
        redirect_slashes=False,
        middleware=[
            # A page elsewhere that gives its name our address is not us.
            Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS),
            Middleware(Observed, metrics=Metrics()),
            Middleware(SmallBodies, uploads=None),
        ],
    )
    app.state.session = Session(
        folder, folder.plan(), readable, Journal(folder.answers_path), clock
    )
    app.add_exception_handler(NobodyHere, to_sign_in)
    app.include_router(pages.router)
    static = Path(__file__).parent / "static"
    app.mount("/static", StaticFiles(directory=static), name="static")
    return app
