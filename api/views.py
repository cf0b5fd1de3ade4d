"""Turns studies and events into what the API shows, as far as the caller and the mode allow."""

from typing import Final

from api.study_bodies import (
    AssignmentView,
    ClaimView,
    EventView,
    HoldView,
    PinView,
    StudyLinks,
    StudyView,
)
from preread.db.events import Event
from preread.findings import Mode
from preread.keys import Caller, Role
from preread.phrases import summary_without_places
from preread.policy import DEFAULT_POLICY
from preread.reading import ReadStep, allowed_read_steps
from preread.reasons import REASON_TEXT
from preread.study import AiState, FindingSummary, Handling, Study
from preread.terms import Level

ASSESSED: Final = frozenset({AiState.SUCCEEDED, AiState.NOT_ASSESSED})
"""States in which the result that is shown is that of the present revision."""


def study_view(study: Study, caller: Caller, mode: Mode) -> StudyView:
    """Return a study as this caller may see it."""
    hidden = caller.role is Role.SENDER
    level = None if hidden else _said_of_all(study, study.level)
    return StudyView(
        study_id=study.id,
        site=study.site,
        study_instance_uid=study.study_instance_uid,
        accession_number=study.accession_number,
        order_class=study.order_class,
        modality=study.modality,
        body_part=study.body_part,
        patient_age_years=study.patient_age_years,
        acquired_at=study.acquired_at,
        synthetic=study.synthetic,
        instance_count=study.instance_count,
        byte_count=study.byte_count,
        received_at=study.received_at,
        completed_at=study.completed_at,
        settled=study.settled,
        revision=study.revision,
        ai_state=study.ai_state,
        ai_reason=study.ai_reason,
        ai_reason_text=None if study.ai_reason is None else REASON_TEXT[study.ai_reason],
        ai_started_at=study.ai_started_at,
        ai_done_at=study.ai_done_at,
        read_state=study.read_state,
        reported_at=study.reported_at,
        allowed_steps=() if hidden else _allowed(study),
        claim=None if hidden else _claim(study.handling, caller),
        assignment=None if hidden else _assignment(study.handling, caller),
        hold=None if hidden else _hold(study.handling),
        held_s=study.handling.held_ms / 1000,
        pin=None if hidden else _pin(study.handling),
        on_worklist=study.ranked,
        due_at=None if hidden else study.due_at,
        policy_version=study.policy_version,
        result_hidden=hidden,
        rank_reason=None if hidden else study.rank_reason,
        level=level,
        rank_level=None if hidden else _said_of_all(study, study.rank_level),
        findings=() if hidden else shown_findings(study, mode),
        summary=None if level is None else shown_summary(study, mode),
        key_image_count=0 if hidden else study.key_image_count,
        key_image_url=None if hidden else key_image_url(study),
        links=_links(study),
    )


def _allowed(study: Study) -> tuple[ReadStep, ...]:
    return () if study.completed_at is None else allowed_read_steps(study.read_state)


def _claim(handling: Handling, caller: Caller) -> ClaimView | None:
    if handling.claimed_at is None or handling.lease_until is None:
        return None
    return ClaimView(
        by=handling.claimed_by_name or "",
        mine=handling.claimed_by == caller.key_id,
        since=handling.claimed_at,
        lease_until=handling.lease_until,
    )


def _assignment(handling: Handling, caller: Caller) -> AssignmentView | None:
    if handling.assigned_until is None:
        return None
    return AssignmentView(
        to=handling.assigned_to_name or "",
        mine=handling.assigned_to == caller.key_id,
        until=handling.assigned_until,
    )


def _hold(handling: Handling) -> HoldView | None:
    if handling.held_at is None:
        return None
    return HoldView(reason=handling.hold_reason or "", since=handling.held_at)


def _pin(handling: Handling) -> PinView | None:
    if handling.pinned_until is None:
        return None
    return PinView(reason=handling.pin_reason or "", until=handling.pinned_until)


def _said_of_all(study: Study, level: Level | None) -> Level | None:
    """Return a level unless it would say «none» of images that were not assessed yet."""
    present = study.ai_state in ASSESSED or level in DEFAULT_POLICY.promotions
    return level if present else None


def shown_findings(study: Study, mode: Mode) -> tuple[FindingSummary, ...]:
    """Return the findings of a row; triage-only software names no place."""
    if mode is Mode.RESEARCH_PREREAD:
        return study.findings
    return tuple(finding.model_copy(update={"place": None}) for finding in study.findings)


def shown_summary(study: Study, mode: Mode) -> str | None:
    """Return the sentence of a row; triage-only software names no place."""
    if mode is Mode.RESEARCH_PREREAD or study.level is None or not study.findings:
        return study.summary
    return summary_without_places(study.level, [finding.type for finding in study.findings])


def key_image_url(study: Study, number: int = 1) -> str | None:
    """Return where a key image is; with its revision, where that is known, it never changes."""
    if number > study.key_image_count:
        return None
    path = f"/v1/studies/{study.id}/key-images/{number}.png"
    return f"{path}?revision={study.revision}" if study.ai_state in ASSESSED else path


def event_view(event: Event) -> EventView:
    """Return an event as it is shown."""
    return EventView(
        seq=event.seq,
        at=event.at,
        kind=event.kind.value,
        study_id=event.study_id,
        site=event.site,
        detail=event.detail,
    )


def _links(study: Study) -> StudyLinks:
    here = f"/v1/studies/{study.id}"
    return StudyLinks(
        self=here,
        events=f"{here}/events",
        pre_read=None if study.level is None else f"{here}/pre-read",
        page=f"/studies/{study.id}",
    )
