"""Alerts: what calls for attention now, and who has heard it."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query
from pydantic import Field

from api.auth import site_for
from api.bodies import AnswerBody, RequestBody
from api.contract import problems
from api.deps import ReaderCaller, ResourcesDep
from api.filters import SITE_PATTERN
from preread import alerts
from preread.alarms import AlertEnd, AlertKind, AlertStage
from preread.db.alerts import Alert
from preread.keys import Caller
from preread.notice import NOTICE
from preread.terms import Level

router = APIRouter(prefix="/v1/alerts", tags=["alerts"])

_LARGEST_ID = 2**63 - 1


class AcknowledgeRequest(RequestBody):
    """Say who has heard an alert."""

    name: Annotated[str | None, Field(pattern=r"^[^\x00-\x1f\x7f]{1,64}$")] = Field(
        default=None, description="Of the person; without it, the label of the key is noted."
    )


class AlertView(AnswerBody):
    """A study that calls for attention.

    ``mine`` says that the caller has the study in hand; ``to_all`` that nobody has, so that all
    readers of the site are called. The last four are null while nobody has ended the alert.
    """

    alert_id: int
    study_id: str
    revision: int
    site: str
    kind: AlertKind
    level: Level
    raised_at: datetime
    stage: AlertStage
    stage_at: datetime
    mine: bool
    to_all: bool
    closed_at: datetime | None
    closed_how: AlertEnd | None
    closed_name: str | None


class AlertsAnswer(AnswerBody):
    """Alerts, with the notice that goes with every result."""

    alerts: tuple[AlertView, ...]
    notice: str


@router.get("", responses=problems(401, 403, 422, 503))
def get_alerts(
    caller: ReaderCaller,
    resources: ResourcesDep,
    *,
    site: Annotated[str | None, Query(pattern=SITE_PATTERN)] = None,
    only_open: Annotated[
        bool, Query(description="False gives the newest 200, ended or not.")
    ] = True,
) -> AlertsAnswer:
    """Return the alerts that nobody has ended, oldest first.

    A critical study that nobody has claimed calls everybody; one that is flagged after its
    claim calls its reader. The events `alert_raised`, `alert_nagged`, `alert_escalated` and
    `alert_closed` of the stream tell each change once.
    """
    with resources.reading() as work:
        listed = work.alerts.listed(sites=site_for(caller, site), only_open=only_open)
    return AlertsAnswer(alerts=tuple(_view(alert, caller) for alert in listed), notice=NOTICE)


@router.post("/{alert_id}/acknowledge", responses=problems(401, 403, 404, 413, 422, 503))
def acknowledge_alert(
    caller: ReaderCaller,
    alert_id: Annotated[int, Path(ge=1, le=_LARGEST_ID)],
    resources: ResourcesDep,
    body: Annotated[AcknowledgeRequest | None, Body()] = None,
) -> AlertView:
    """Say by name that an alert was heard; who came first stays noted."""
    name = None if body is None else body.name
    return _view(alerts.acknowledge(resources, alert_id, by=caller, name=name), caller)


def _view(alert: Alert, caller: Caller) -> AlertView:
    return AlertView(
        alert_id=alert.id,
        study_id=alert.study_id,
        revision=alert.revision,
        site=alert.site,
        kind=alert.kind,
        level=alert.level,
        raised_at=alert.raised_at,
        stage=alert.stage,
        stage_at=alert.stage_at,
        mine=alert.addressee == caller.key_id,
        to_all=alert.addressee is None,
        closed_at=alert.closed_at,
        closed_how=alert.closed_how,
        closed_name=alert.closed_name,
    )
