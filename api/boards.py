"""The pages of figures for coordinators: how fast the studies are read, how good the pre-reads are.

Both show what the API answers, and nothing that it does not.
"""

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.deps import OperatorPageCaller, ResourcesDep
from api.filters import SITE_PATTERN
from api.quality import QualityQuery, get_quality
from api.templating import render
from api.turnaround import TableFormat, TurnaroundQuery, get_turnaround
from preread.keys import Caller
from preread.resources import Resources

router = APIRouter(include_in_schema=False)

INTERVAL_WORD: Final = {
    "transfer_s": "Transfer",
    "completeness_s": "Until complete",
    "ai_queue_s": "AI queue",
    "ai_s": "AI",
    "wait_s": "Wait for a reader",
    "read_s": "Reading",
    "sign_s": "Signing",
    "total_s": "Total",
}


class Chosen(BaseModel):
    """What of the figures a person wants to see."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    days: Annotated[int, Field(ge=1, le=400)] = 30
    site: Annotated[str | None, Field(pattern=f"{SITE_PATTERN}|^$")] = None

    def period(self, resources: Resources) -> dict[str, Any]:
        """Return the query of the API."""
        now = resources.clock()
        return {"site": self.site or None, "from": now - timedelta(days=self.days), "to": now}


@router.get("/turnaround")
def show_turnaround(
    caller: OperatorPageCaller,
    request: Request,
    resources: ResourcesDep,
    chosen: Annotated[Chosen, Query()],
) -> Response:
    """Show turnaround times by site and order class, and by hour of the week."""
    said = chosen.period(resources) | {"format": TableFormat.JSON}
    wanted = TurnaroundQuery.model_validate(said)
    answer = get_turnaround(caller, request, resources, wanted)
    context = _context(resources, caller, chosen, "/turnaround")
    return render(request, "turnaround.html", context | {"answer": answer})


@router.get("/quality")
def show_quality(
    caller: OperatorPageCaller,
    request: Request,
    resources: ResourcesDep,
    chosen: Annotated[Chosen, Query()],
) -> Response:
    """Show what readers' judgments say of the pre-reads, and what the promotions cost."""
    wanted = QualityQuery.model_validate(chosen.period(resources))
    answer = get_quality(caller, resources, wanted)
    context = _context(resources, caller, chosen, "/quality")
    return render(request, "quality.html", context | {"answer": answer})


def _context(resources: Resources, caller: Caller, chosen: Chosen, here: str) -> dict[str, Any]:
    with resources.reading() as work:
        sites = work.worklist.sites(caller.sites) if caller.has_several_sites else ()
    return {
        "caller": caller,
        "here": here,
        "chosen": chosen,
        "sites": sites,
        "intervals": INTERVAL_WORD,
    }
