"""Counts results at the breaker of their site, withholds promotions while it is tripped, resets it.

A tripped breaker changes nothing that is on the list already: studies keep the places that they
have. It withholds what *new* results would promote, so these keep the place that the hospital's
order gives them. The flag itself stays to be seen, as whoever reads the list may still want it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import fmean
from typing import Final

from preread.breaker import BreakerCause, Run, Window, counts, improbable_run
from preread.db.breakers import Breaker, BreakerChange, BreakerStep
from preread.db.events import EventKind
from preread.db.placing import place_of
from preread.db.promises import promises_of
from preread.db.tables.study import StudyRow
from preread.db.unit_of_work import UnitOfWork
from preread.findings import PreRead
from preread.policy import DEFAULT_POLICY
from preread.promises import MOST_SURE, Promise, broken_promise
from preread.ranking import MINUTE_MS, most_urgent
from preread.resources import Resources
from preread.settings import Settings
from preread.terms import FLAGGED, Level

SUPPRESSED_BY: Final = "circuit_breaker"

_MEMORY: Final = timedelta(days=90)
"""How far back the calibration alarm looks; older promises were those of another time."""

_SERVICE: Final = "service"


def expected_share(breaker: Breaker, settings: Settings) -> float:
    """Return the flagged share that is expected of a site."""
    return breaker.expected_share or settings.breaker_expected_share


def rank_by(
    work: UnitOfWork, settings: Settings, row: StudyRow, level: Level, *, now: datetime
) -> bool:
    """Let a result rank its study, or only be seen; return whether its promotion was withheld.

    Parameters
    ----------
    work, settings
        Of the transaction that stores the result.
    row
        The study, locked; ``rank_level`` and ``rank_cap`` are changed.
    level
        What the result says.
    now
        The time.
    """
    tripped = _count(work, settings, row, level, now=now)
    withheld = tripped and level in DEFAULT_POLICY.promotions
    ever = None if row.rank_level is None else Level(row.rank_level)
    ranking = ever if row.rank_cap is None else Level(row.rank_cap)
    row.rank_level = most_urgent(ever, level)
    after = ranking if withheld else most_urgent(ranking, level)
    row.rank_cap = None if after == row.rank_level else (after or Level.NONE)
    return withheld and row.rank_cap is not None


def withheld_document(work: UnitOfWork, document: PreRead, row: StudyRow) -> PreRead:
    """Return a pre-read that says that its promotion was withheld."""
    completed_at = row.completed_at or document.created_at
    cap = Level(row.rank_cap) if row.rank_cap is not None else None
    standing = place_of(work, row, completed_at, cap)
    effect = document.triage_effect.model_copy(
        update={
            "target_min": (standing.due_ms - standing.t0_ms) // MINUTE_MS,
            "head_start_min": (standing.due_ms - standing.key_ms) // MINUTE_MS,
            "policy_version": standing.policy_version,
            "applied": False,
            "suppressed_by": SUPPRESSED_BY,
        }
    )
    return document.model_copy(update={"triage_effect": effect})


def followed_document(
    work: UnitOfWork, document: PreRead, row: StudyRow, before: Level | None
) -> PreRead:
    """Return a pre-read that says what its level did under the policy that ranks the study.

    The worker knows the shipped policy alone.

    Parameters
    ----------
    work
        Of the transaction that stores the result.
    document
        As the worker wrote it.
    row
        The study, after the result may rank it.
    before
        What ranked it before.
    """
    completed_at = row.completed_at or document.created_at
    level = document.assessment.level
    standing = place_of(work, row, completed_at, most_urgent(before, level))
    if standing.policy_version == document.triage_effect.policy_version:
        return document
    promotion = work.policies.present(row).promotions.get(level)
    effect = document.triage_effect.model_copy(
        update={
            "target_min": (standing.due_ms - standing.t0_ms) // MINUTE_MS,
            "head_start_min": 0 if promotion is None else promotion.head_start_min,
            "policy_version": standing.policy_version,
            "applied": standing.key_ms < place_of(work, row, completed_at, before).key_ms,
        }
    )
    return document.model_copy(update={"triage_effect": effect})


def reset_breaker(
    resources: Resources, site: str, *, actor: str, reason: str, share: float | None
) -> Breaker:
    """Let a site's results promote again, with an empty window.

    Parameters
    ----------
    resources
        Of this process.
    site
        Whose breaker.
    actor, reason
        Who resets it and why; on record.
    share
        The flagged share to expect of the site from now on; None leaves it as it is.
    """
    now = resources.clock()
    with resources.unit_of_work() as work:
        work.studies.share_lock()  # its event names a study; whoever locks all of them comes first
        before = work.breakers.locked(site)
        after = Breaker(site, Window(), share or before.expected_share)
        work.breakers.store(after)
        change = BreakerChange(
            site=site,
            at=now,
            kind=BreakerStep.RESET,
            cause=before.cause or BreakerCause.FLAGGED_SHARE,
            actor=actor,
            reason=reason,
            flagged_count=before.window.flagged_count,
            counted=before.window.count,
            expected_share=expected_share(after, resources.settings),
        )
        work.breakers.record(change)
        if before.tripped_by_study is not None:
            work.events.append(
                EventKind.BREAKER_RESET,
                study_id=before.tripped_by_study,
                site=site,
                actor=actor,
                at=now,
                detail={"reason": reason, "expected_share": change.expected_share},
            )
        work.commit()
    return after


def _count(
    work: UnitOfWork, settings: Settings, row: StudyRow, level: Level, *, now: datetime
) -> bool:
    """Count a result, trip the breaker if it has to, and return whether it is tripped."""
    assessed_before = row.rank_level is not None and row.rank_level != Level.NOT_ASSESSED
    if not counts(level, synthetic=row.synthetic, assessed_before=assessed_before):
        return work.breakers.get(row.site).tripped
    breaker = work.breakers.locked(row.site)
    breaker = replace(breaker, window=breaker.window.with_next(flagged=level in FLAGGED))
    share = expected_share(breaker, settings)
    run = None if breaker.tripped else improbable_run(breaker.window, share)
    if run is not None:
        reason = (
            f"{run.found} of the last {run.of} studies were flagged where {share:.1%} are expected"
        )
        trip = _Trip(BreakerCause.FLAGGED_SHARE, run, share, reason)
        breaker = _trip(work, breaker, trip, study_id=row.id, now=now)
    work.breakers.store(breaker)
    return breaker.tripped


def check_promises(work: UnitOfWork, site: str, study_id: str, *, now: datetime) -> bool:
    """Trip the breaker of a site whose flags promise more than readers find.

    Parameters
    ----------
    work
        The transaction of the judgment that found a false alarm.
    site, study_id
        Of that judgment.
    now
        The time.

    Returns
    -------
    bool
        Whether it tripped now.
    """
    breaker = work.breakers.locked(site)
    if breaker.tripped:
        return False
    since = max(now - _MEMORY, work.breakers.last_reset_at(site) or now - _MEMORY)
    promises = promises_of(work.session, site, since)
    run = broken_promise(promises)
    if run is None:
        return False
    share = _refuted_share(promises[-run.of :])
    reason = (
        f"{run.found} of the last {run.of} flagged studies with a final report were false alarms "
        f"where the pre-reads promised {share * run.of:.0f}"
    )
    trip = _Trip(BreakerCause.CALIBRATION, run, share, reason)
    work.breakers.store(_trip(work, breaker, trip, study_id=study_id, now=now))
    return True


def _refuted_share(promises: Sequence[Promise]) -> float:
    """Return the share of false alarms that probabilities promise."""
    return fmean(1 - min(one.probability, MOST_SURE) for one in promises)


@dataclass(frozen=True, slots=True)
class _Trip:
    """Why a breaker trips: what was counted where which share was expected, and that in words."""

    cause: BreakerCause
    run: Run
    share: float
    reason: str


def _trip(
    work: UnitOfWork, breaker: Breaker, trip: _Trip, *, study_id: str, now: datetime
) -> Breaker:
    """Record a trip, tell it as an event, and return the tripped breaker."""
    work.breakers.record(
        BreakerChange(
            site=breaker.site,
            at=now,
            kind=BreakerStep.TRIPPED,
            cause=trip.cause,
            actor=_SERVICE,
            reason=trip.reason,
            flagged_count=trip.run.found,
            counted=trip.run.of,
            expected_share=trip.share,
        )
    )
    work.events.append(
        EventKind.BREAKER_TRIPPED,
        study_id=study_id,
        site=breaker.site,
        actor=_SERVICE,
        at=now,
        detail={
            "cause": trip.cause.value,
            "flagged": trip.run.found,
            "counted": trip.run.of,
            "expected_share": trip.share,
        },
    )
    return replace(
        breaker, tripped_at=now, tripped_by_study=study_id, cause=trip.cause, reason=trip.reason
    )
