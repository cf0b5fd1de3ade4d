"""How good the pre-reads are where they are used, and who pays for the promotions."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from api.bodies import AnswerBody
from api.contract import problems
from api.deps import OperatorCaller, ResourcesDep
from api.periods import Period
from preread.fairness import Displacement, PickedShift
from preread.measuring import measure
from preread.notice import NOTICE
from preread.quality import Quality, by_group, quality_of

router = APIRouter(prefix="/v1/quality", tags=["measuring"])


class QualityQuery(Period):
    """Which final reports, and of which model."""

    model_version: Annotated[str | None, Field(max_length=64)] = None


class QualityGroup(AnswerBody):
    """Figures of one site, model version and scanner; null where that is not known."""

    site: str
    model_version: str | None
    scanner: str | None
    figures: Quality


class SiteDisplacement(AnswerBody):
    """What promotions cost the studies of one site that nothing was flagged of."""

    site: str
    displaced: Displacement


class QualityAnswer(AnswerBody):
    """Figures over studies with a final report that a reader judged.

    ``finalized_count`` is how many there could be: where few were judged, the figures are those
    of the readers who answered. A share of nothing is null.
    """

    since: datetime
    until: datetime
    finalized_count: int
    disputed_count: int
    total: Quality
    groups: tuple[QualityGroup, ...]
    displacement: tuple[SiteDisplacement, ...]
    shifts: tuple[PickedShift, ...]
    notice: str


@router.get("", responses=problems(401, 403, 422, 503))
def get_quality(
    caller: OperatorCaller, resources: ResourcesDep, wanted: Annotated[QualityQuery, Query()]
) -> QualityAnswer:
    """Return predictive values, agreement, reading times, calibration, misses and fairness."""
    query = wanted.query(caller, resources)
    with resources.reading() as work:
        measured = measure(work, query)
    judged = [one for one in measured.judged if wanted.model_version in {None, one.model_version}]
    return QualityAnswer(
        since=query.since,
        until=query.until,
        finalized_count=measured.finalized_count,
        disputed_count=measured.disputed_count,
        total=quality_of(judged),
        groups=tuple(
            QualityGroup(
                site=site,
                model_version=version or None,
                scanner=scanner or None,
                figures=quality_of(members),
            )
            for (site, version, scanner), members in by_group(judged).items()
        ),
        displacement=tuple(
            SiteDisplacement(site=site, displaced=one) for site, one in measured.displaced.items()
        ),
        shifts=measured.shifts,
        notice=NOTICE,
    )
