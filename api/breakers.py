"""The circuit breaker of a site: whether its AI still promotes, and a person's word that it may."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import ConfigDict, Field

from api.auth import site_for
from api.bodies import AnswerBody, RequestBody
from api.contract import problems
from api.deps import OperatorCaller, ReaderCaller, ResourcesDep
from api.filters import SITE_PATTERN
from api.list_bodies import ListNotice
from preread import breaking
from preread.breaker import BreakerCause, limit_of
from preread.breaking import expected_share
from preread.db.breakers import Breaker, BreakerStep
from preread.notice import NOTICE
from preread.resources import Resources

router = APIRouter(prefix="/v1/sites", tags=["measuring"])

Site = Annotated[str, Path(pattern=SITE_PATTERN)]


class ResetRequest(RequestBody):
    """A person lets a site's results promote again."""

    reason: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{3,200}$")] = Field(
        description="Why; stays on record. Never anything of a patient."
    )
    expected_share: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None, description="The flagged share to expect of this site from now on."
    )


class BreakerChangeView(AnswerBody):
    """One trip or reset.

    Where `cause` is calibration, `flagged_count` are false alarms of the last `counted` flagged
    studies with a final report, and `expected_share` is what the pre-reads promised of those.
    """

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    kind: BreakerStep
    cause: BreakerCause
    actor: str
    reason: str
    flagged_count: int
    counted: int
    expected_share: float


class BreakerView(AnswerBody):
    """The breaker of a site.

    ``trips_at`` is the flagged count at which a window as full as this one trips at the latest;
    null while it holds too few studies. ``cause`` is null while the breaker is closed. While ``tripped_at`` is not null, new results promote nothing.
    """

    site: str
    tripped_at: datetime | None
    tripped_by_study: str | None
    cause: BreakerCause | None
    expected_share: float
    counted: int
    flagged_count: int
    trips_at: int | None
    banner: ListNotice | None
    changes: tuple[BreakerChangeView, ...]
    notice: str


@router.get("/{site}/breaker", responses=problems(401, 403, 422, 503))
def get_breaker(caller: ReaderCaller, site: Site, resources: ResourcesDep) -> BreakerView:
    """Return whether a site's results still promote, and what its window holds."""
    site_for(caller, site)
    return _view(resources, site)


@router.post("/{site}/breaker/reset", responses=problems(401, 403, 413, 422, 503))
def reset_breaker(
    caller: OperatorCaller, site: Site, body: ResetRequest, resources: ResourcesDep
) -> BreakerView:
    """Let a site's new results promote again, with an empty window.

    Studies whose promotion was withheld keep their place; pin what has to be read first.
    """
    site_for(caller, site)
    breaking.reset_breaker(
        resources, site, actor=caller.key_id, reason=body.reason, share=body.expected_share
    )
    return _view(resources, site)


def breaker_notice(breaker: Breaker) -> ListNotice | None:
    """Return the banner of a breaker; None while it is closed."""
    if breaker.tripped_at is None:
        return None
    reason = breaker.reason or "improbably many studies were flagged"
    return ListNotice(
        code=breaking.SUPPRESSED_BY,
        site=breaker.site,
        since=breaker.tripped_at,
        text=f"AI promotion is off at {breaker.site}: {reason}. The list follows the orders' due "
        "times. Flags are shown, and move nothing until a coordinator resets the breaker.",
    )


def _view(resources: Resources, site: str) -> BreakerView:
    with resources.reading() as work:
        breaker = work.breakers.get(site)
        changes = work.breakers.changes(site)
    share = expected_share(breaker, resources.settings)
    return BreakerView(
        site=site,
        tripped_at=breaker.tripped_at,
        tripped_by_study=breaker.tripped_by_study,
        cause=breaker.cause,
        expected_share=share,
        counted=breaker.window.count,
        flagged_count=breaker.window.flagged_count,
        trips_at=limit_of(breaker.window.count, share),
        banner=breaker_notice(breaker),
        changes=tuple(BreakerChangeView.model_validate(change) for change in changes),
        notice=NOTICE,
    )
