"""The templates of the page: their words, and the two ways in which they are sent."""

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from api import wording
from api.strict_templates import strict_templates
from preread.db.policies import version_of
from preread.keys import Caller, Role
from preread.notice import NOTICE
from preread.phrases import midline_text
from preread.regions import regions_of
from preread.rubric import SCORE_WORDS
from preread.scope import Sites, words_of
from preread.terms import KINDS, LATERALITY_NAME


def operates(caller: Caller) -> bool:
    """Whether somebody looks after the service and its readers."""
    return caller.role in {Role.COORDINATOR, Role.ADMIN}


def pages(caller: Caller) -> tuple[tuple[str, str], ...]:
    """Return paths and words of the pages that somebody may see."""
    shown = [("/", "Worklist")]
    if operates(caller):
        shown += [("/turnaround", "Turnaround"), ("/quality", "Quality"), ("/policies", "Policies")]
    if caller.role is Role.ADMIN:
        shown.append(("/sites", "Sites"))
        if caller.sites is None:
            shown.append(("/keys", "Keys"))
    return tuple(shown)


def _few_words(sites: Sites) -> str:
    """Return the sites in a few words, for the head of the page."""
    few = sites is None or len(sites) <= _FEW_SITES
    return words_of(sites) if few else f"{len(sites or ())} sites"


_FEW_SITES: Final = 3
_TEMPLATES: Final = strict_templates(Path(__file__).parent / "templates")
_TEMPLATES.env.filters.update(
    {
        "type_name": wording.type_name,
        "images": wording.images,
        "places": wording.places,
        "regions": regions_of,
        "region_name": wording.region_name,
        "percent": wording.percent,
        "duration": wording.duration,
        "share": wording.share,
        "milliliters": wording.milliliters,
        "midline": midline_text,
        "iso": wording.iso,
        "clock_time": wording.clock_time,
        "pages": pages,
        "site_words": _few_words,
        "operates": operates,
        "policy_version": version_of,
    }
)
_TEMPLATES.env.globals.update(
    {
        "notice": NOTICE,
        "kinds": KINDS,
        "orders": wording.ORDER_WORD,
        "rubric": SCORE_WORDS,
        "causes": wording.CAUSE_WORD,
        "volumes": wording.VOLUME_WORD,
        "compartments": wording.COMPARTMENT_WORD,
        "sides": LATERALITY_NAME,
        "lists": wording.LIST_WORD,
        "readings": wording.READ_WORD,
        "states": wording.STATE_WORD,
    }
)


def render(
    request: Request, name: str, context: dict[str, Any], status: int = HTTPStatus.OK
) -> Response:
    """Return a template filled in."""
    return _TEMPLATES.TemplateResponse(request, name, context, status)


def is_fragment(request: Request) -> bool:
    """Whether a script of the page asks for a part, and not a person for the whole."""
    headers = request.headers
    return "hx-request" in headers and "hx-history-restore-request" not in headers


def done(request: Request, back_to: str, said: str, *, opens: str | None = None) -> Response:
    """Answer a step that succeeded: the page asks anew for what it shows.

    Parameters
    ----------
    request
        The step; without a script it is answered with a redirect.
    back_to
        Path of the page where a browser without scripts goes on.
    said
        One sentence for the person, in plain ASCII as a header carries it.
    opens
        Path of a study that the page shall open.
    """
    if not is_fragment(request):
        return RedirectResponse(back_to, HTTPStatus.SEE_OTHER)
    happened = json.dumps({"step-done": {"said": said}})
    headers = {"HX-Trigger": happened}
    if opens is not None:
        place = {"path": opens, "target": "#detail", "swap": "innerHTML"}
        headers["HX-Location"] = json.dumps(place)
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)
