"""Sites: the target times that they promise."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from api.auth import site_for
from api.contract import problems
from api.deps import AdminCaller, ReaderCaller, ResourcesDep
from api.filters import SITE_PATTERN
from preread import targets
from preread.db.targets import SiteTargets
from preread.ranking import DEFAULT_POLICY, LONGEST_TARGET_MIN, SHORTEST_TARGET_MIN
from preread.terms import OrderClass

router = APIRouter(prefix="/v1/sites", tags=["sites"])

Site = Annotated[str, Path(pattern=SITE_PATTERN)]
Minutes = Annotated[int, Field(ge=SHORTEST_TARGET_MIN, le=LONGEST_TARGET_MIN)]


class TargetMinutes(BaseModel):
    """Minutes from completion to the read that each order class promises."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    STAT: Minutes
    ER: Minutes
    INPATIENT: Minutes
    ROUTINE: Minutes


class TargetsVersion(BaseModel):
    """One version; who made it when, null for the shipped one, which is version 0."""

    model_config = ConfigDict(frozen=True)

    version: int
    targets_min: TargetMinutes
    created_at: datetime | None
    by: str | None


class TargetsAnswer(BaseModel):
    """What a site promises to studies that are complete from now on, and what it promised."""

    model_config = ConfigDict(frozen=True)

    site: str
    current: TargetsVersion
    earlier: tuple[TargetsVersion, ...]


@router.get("/{site}/targets", responses=problems(401, 403, 422, 503))
def get_targets(caller: ReaderCaller, site: Site, resources: ResourcesDep) -> TargetsAnswer:
    """Return the target times of a site, with all earlier versions, oldest first."""
    site_for(caller, site)
    with resources.reading() as work:
        return _answer(site, work.targets.versions(site))


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
        return _answer(site, work.targets.versions(site))


def _answer(site: str, versions: tuple[SiteTargets, ...]) -> TargetsAnswer:
    shipped = TargetsVersion(
        version=0,
        targets_min=_minutes(DEFAULT_POLICY.order_target_min),
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
