"""The pages of figures for coordinators: how fast the studies are read, how good the pre-reads are.

Both show what the API answers, and nothing that it does not.
"""

from datetime import timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from api.deps import OperatorPageCaller, ResourcesDep
from api.filters import SITE_PATTERN
from api.plots.quality import quality_plots
from api.plots.turnaround import turnaround_plots
from api.quality import QualityGroup, QualityQuery, get_quality
from api.templating import render
from api.turnaround import TurnaroundQuery, is_zone, turnaround_of
from api.wording import INTERVAL_WORD, VERDICT_WORD, WEEKDAYS
from preread.keys import Caller
from preread.resources import Resources
from preread.terms import OrderClass

router = APIRouter(include_in_schema=False)


_MOST_MISSED: Final = 40


class Chosen(BaseModel):
    """What of the figures a person wants to see."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    days: Annotated[int, Field(ge=1, le=400)] = 30
    site: Annotated[str | None, Field(pattern=f"{SITE_PATTERN}|^$")] = None
    order_class: Annotated[OrderClass | None, BeforeValidator(lambda said: said or None)] = None
    timezone: Annotated[str, Field(max_length=64)] = ""

    def period(self, resources: Resources) -> dict[str, Any]:
        """Return the query of the API."""
        now = resources.clock()
        return {
            "site": self.site or None,
            "order_class": self.order_class,
            "from": now - timedelta(days=self.days),
            "to": now,
        }


@router.get("/turnaround")
def show_turnaround(
    caller: OperatorPageCaller,
    request: Request,
    resources: ResourcesDep,
    chosen: Annotated[Chosen, Query()],
) -> Response:
    """Show turnaround times by site and order class, and by hour of the week."""
    zone = chosen.timezone if is_zone(chosen.timezone) else "UTC"
    wanted = TurnaroundQuery.model_validate(chosen.period(resources) | {"timezone": zone})
    answer = turnaround_of(caller, resources, wanted)
    context = _context(resources, caller, chosen, "/turnaround")
    plots = turnaround_plots(answer.total, answer.groups, answer.hours)
    shown = {
        "answer": answer,
        "plots": plots,
        "unknown_zone": zone != (chosen.timezone or "UTC"),
        "csv_url": f"/v1/turnaround?{urlencode(_said(wanted) | {'format': 'csv'})}",
    }
    return render(request, "turnaround.html", context | shown)


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
    named = [(group_name(group), group.figures.ppv) for group in answer.groups]
    plots = quality_plots(answer.total, named)
    with resources.reading() as work:
        missed = [work.studies.get(one) for one in answer.total.false_negatives[:_MOST_MISSED]]
        names = {row.id: row.label for row in work.keys.all()}
    shown = {"answer": answer, "plots": plots, "missed": missed, "names": names}
    return render(request, "quality.html", context | shown)


def _said(wanted: TurnaroundQuery) -> dict[str, str]:
    """Return a query as it stands in an address."""
    return wanted.model_dump(mode="json", by_alias=True, exclude_none=True)


def group_name(group: QualityGroup) -> str:
    """Return what a site, model and scanner are called together."""
    return " · ".join(part for part in (group.site, group.model_version, group.scanner) if part)


def _context(resources: Resources, caller: Caller, chosen: Chosen, here: str) -> dict[str, Any]:
    with resources.reading() as work:
        sites = work.worklist.sites(caller.sites) if caller.has_several_sites else ()
    return {
        "caller": caller,
        "here": here,
        "chosen": chosen,
        "sites": sites,
        "intervals": INTERVAL_WORD,
        "weekdays": WEEKDAYS,
        "verdicts": VERDICT_WORD,
        "group_name": group_name,
    }
