"""Sites: what is said of them, and the target times that they promise."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from api.auth import site_for
from api.bodies import AnswerBody, RequestBody
from api.contract import problems
from api.deps import AdminCaller, ReaderCaller, ResourcesDep
from api.errors import FieldRefused
from api.filters import LICENSE_PATTERN, SITE_PATTERN
from preread import sites, targets
from preread.db.sites import SiteInfo
from preread.db.unit_of_work import UnitOfWork
from preread.errors import InvalidRequest
from preread.policy import LONGEST_TARGET_MIN, SHORTEST_TARGET_MIN
from preread.sites import MOST_TITLE, MOST_VIEWER_URL, check_viewer_url
from preread.terms import OrderClass

router = APIRouter(prefix="/v1/sites", tags=["sites"])

Site = Annotated[str, Path(pattern=SITE_PATTERN)]
Minutes = Annotated[int, Field(ge=SHORTEST_TARGET_MIN, le=LONGEST_TARGET_MIN)]


class TargetMinutes(RequestBody):
    """Minutes from completion to the read that each order class promises."""

    STAT: Minutes
    ER: Minutes
    INPATIENT: Minutes
    ROUTINE: Minutes


class TargetsVersion(AnswerBody):
    """One version; who made it when, null for that of the policy in force, which is version 0."""

    version: int
    targets_min: TargetMinutes
    created_at: datetime | None
    by: str | None


class TargetsAnswer(AnswerBody):
    """What a site promises to studies that are complete from now on, and what it promised."""

    site: str
    current: TargetsVersion
    earlier: tuple[TargetsVersion, ...]


class SiteRequest(RequestBody):
    """What is said of a site from now on; what is left out is said no longer."""

    title: Annotated[str, Field(pattern=rf"^[^\x00-\x1f\x7f]{{0,{MOST_TITLE}}}$")] = ""
    viewer_url: Annotated[
        str,
        Field(
            max_length=MOST_VIEWER_URL,
            description="Link of the page to the site's own viewer; {study_instance_uid} and "
            "{accession_number} in it are replaced. Empty: that of the settings.",
        ),
    ] = ""
    license: Annotated[
        str | None,
        Field(
            pattern=LICENSE_PATTERN,
            description="What a key must name to take studies of the site; null asks for none.",
        ),
    ] = None


class SiteView(AnswerBody):
    """A site; who described it last, null where nobody did."""

    site: str
    title: str
    viewer_url: str
    license: str | None
    changed_at: datetime | None
    changed_by: str | None


class SitesAnswer(AnswerBody):
    """The sites that the key covers, as far as they were described or left a trace."""

    sites: tuple[SiteView, ...]


@router.get("", responses=problems(401, 403, 503))
def get_sites(caller: ReaderCaller, resources: ResourcesDep) -> SitesAnswer:
    """Return the known sites. A site needs no description: it begins with its first study."""
    return SitesAnswer(sites=tuple(map(_view, sites.known_sites(resources, caller.sites))))


@router.put("/{site}", responses=problems(401, 403, 413, 422, 503))
def put_site(
    caller: AdminCaller, site: Site, body: SiteRequest, resources: ResourcesDep
) -> SiteView:
    """Say what a site is called, where its viewer is, and which license its readers need."""
    site_for(caller, site)
    try:
        check_viewer_url(body.viewer_url)
    except InvalidRequest as error:
        raise FieldRefused("body.viewer_url", "viewer_url", str(error)) from error
    info = sites.describe_site(
        resources,
        site,
        title=body.title.strip(),
        viewer_url=body.viewer_url,
        license_name=body.license,
        by=caller,
    )
    return _view(info)


@router.get("/{site}/targets", responses=problems(401, 403, 422, 503))
def get_targets(caller: ReaderCaller, site: Site, resources: ResourcesDep) -> TargetsAnswer:
    """Return the target times of a site, with all earlier versions, oldest first."""
    site_for(caller, site)
    with resources.reading() as work:
        return _answer(work, site)


@router.put("/{site}/targets", responses=problems(401, 403, 413, 422, 503))
def put_targets(
    caller: AdminCaller, site: Site, body: TargetMinutes, resources: ResourcesDep
) -> TargetsAnswer:
    """Set the target times of a site, for studies that are complete from now on.

    Studies that are complete already keep their due times and places.
    """
    site_for(caller, site)
    minutes = {OrderClass(name): value for name, value in body.model_dump().items()}
    targets.set_targets(resources, site, minutes, by=caller)
    with resources.reading() as work:
        return _answer(work, site)


def _view(info: SiteInfo) -> SiteView:
    return SiteView(
        site=info.site,
        title=info.title,
        viewer_url=info.viewer_url,
        license=info.license,
        changed_at=info.changed_at,
        changed_by=info.actor,
    )


def _answer(work: UnitOfWork, site: str) -> TargetsAnswer:
    versions = work.targets.versions(site)
    policy = work.policies.policy(work.policies.active_number())
    shipped = TargetsVersion(
        version=0,
        targets_min=_minutes(policy.order_target_min),
        created_at=None,
        by=None,
    )
    shown = (
        shipped,
        *(
            TargetsVersion(
                version=one.version,
                targets_min=_minutes(one.order_target_min),
                created_at=one.created_at,
                by=one.actor,
            )
            for one in versions
        ),
    )
    return TargetsAnswer(site=site, current=shown[-1], earlier=shown[:-1])


def _minutes(order_target_min: Mapping[OrderClass, int]) -> TargetMinutes:
    return TargetMinutes(**{order.value: minutes for order, minutes in order_target_min.items()})
