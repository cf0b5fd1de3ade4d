"""Raises alerts, passes them on as time goes by, and ends them.

Every change of an alert holds the lock of its study, so that it is closed once.
"""

from datetime import datetime, timedelta
from typing import Final

from preread.alarms import (
    AlertEnd,
    AlertKind,
    AlertStage,
    Patience,
    alert_for,
    end_of,
    next_stage,
)
from preread.db.alerts import Alert, alert_of
from preread.db.events import EventKind
from preread.db.tables.readers import AlertRow
from preread.db.tables.study import StudyRow
from preread.db.unit_of_work import UnitOfWork
from preread.keys import Caller
from preread.resources import Resources
from preread.study import ReadState
from preread.terms import Level

_SERVICE: Final = "service"
_EVENT_OF: Final = {
    AlertStage.RAISED: EventKind.ALERT_RAISED,
    AlertStage.NAGGED: EventKind.ALERT_NAGGED,
    AlertStage.ESCALATED: EventKind.ALERT_ESCALATED,
}


def raise_alert(
    work: UnitOfWork, row: StudyRow, *, revision: int, level: Level, now: datetime
) -> None:
    """Let a result of a locked study call for attention, if it is one that does."""
    kind = alert_for(ReadState(row.read_state), level)
    if kind is None:
        return
    alert = AlertRow(
        study_id=row.id,
        revision=revision,
        site=row.site,
        kind=kind,
        level=level,
        raised_at=now,
        addressee=row.claimed_by,
        stage=AlertStage.RAISED,
        stage_at=now,
    )
    number = work.alerts.add(alert)
    if number is not None:
        _tell(work, alert, EventKind.ALERT_RAISED, now, alert_id=number)


def follow_step(work: UnitOfWork, row: StudyRow, by: Caller | None, now: datetime) -> None:
    """Let the alerts of a locked study follow what was done to it."""
    after = ReadState(row.read_state)
    for alert in work.alerts.of_study(row.id):
        alert.addressee = row.claimed_by
        how = end_of(AlertKind(alert.kind), after)
        if how is not None:
            _close(work, alert, how, by=by, name=None if by is None else by.name, now=now)


def acknowledge(resources: Resources, alert_id: int, *, by: Caller, name: str | None) -> Alert:
    """Note who has heard an alert; who came first stays noted.

    Parameters
    ----------
    resources
        Where the alert is.
    alert_id
        Its number.
    by
        Who calls.
    name
        The person; None is the label of the key.

    Raises
    ------
    AlertNotFound
        If the caller has no such alert.
    """
    now = resources.clock()
    with resources.unit_of_work() as work:
        work.studies.locked(work.alerts.get(alert_id, sites=by.sites).study_id)
        row = work.alerts.get(alert_id, sites=by.sites)
        if row.closed_at is None:
            _close(work, row, AlertEnd.ACKNOWLEDGED, by=by, name=name or by.name, now=now)
        alert = alert_of(row)
        work.commit()
    return alert


def pass_on(resources: Resources) -> int:
    """Repeat alerts that nobody acknowledged, or tell the coordinators; return how many."""
    now = resources.clock()
    settings = resources.settings
    patience = Patience(settings.alert_nag_s, settings.alert_escalate_s)
    soonest_s = min(patience.nag_s, patience.escalate_s)
    with resources.reading() as work:
        waiting = work.alerts.open_not_escalated(now - timedelta(seconds=soonest_s))
    passed = 0
    for alert_id, study_id in waiting:  # a transaction each, as everywhere
        with resources.unit_of_work() as work:
            work.studies.locked(study_id)
            row = work.alerts.get(alert_id, sites=None)
            stage = next_stage(AlertStage(row.stage), row.raised_at, patience, now)
            if stage is None or row.closed_at is not None:
                continue
            row.stage, row.stage_at = stage, now
            _tell(work, row, _EVENT_OF[stage], now)
            work.commit()
            passed += 1
    return passed


def _close(
    work: UnitOfWork,
    row: AlertRow,
    how: AlertEnd,
    *,
    by: Caller | None,
    name: str | None,
    now: datetime,
) -> None:
    row.closed_at = now
    row.closed_how = how
    row.closed_by = _SERVICE if by is None else by.key_id
    row.closed_name = name
    _tell(work, row, EventKind.ALERT_CLOSED, now, how=how.value, by=name)


def _tell(
    work: UnitOfWork, row: AlertRow, kind: EventKind, now: datetime, **detail: object
) -> None:
    work.events.append(
        kind,
        study_id=row.study_id,
        site=row.site,
        actor=row.closed_by or _SERVICE,
        at=now,
        detail={
            "alert_id": row.id,
            "kind": row.kind,
            "level": row.level,
            "revision": row.revision,
            "addressee": row.addressee,
            **detail,
        },
    )
