"""What the page shows of one study."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote

from api.corrections import Corrections, corrections
from api.filters import Filters
from api.study_bodies import StudyView
from api.views import study_view
from api.wording import Badge, badge
from preread.coordination import Reader, readers
from preread.db.feedback import GivenFeedback, that_count
from preread.findings import KeyImage, Mode, PreRead
from preread.keys import Caller, Role
from preread.modes import for_mode
from preread.reading import SECOND_STATES, ReadStep, allowed_read_steps
from preread.resources import Resources
from preread.study import Study
from preread.terms import Level

_STEP_WORDS: Final = {
    ReadStep.FINAL_REPORT: ("final", "Final report given"),
    ReadStep.PRELIMINARY_REPORT: ("preliminary", "Preliminary report given"),
}


@dataclass(frozen=True, slots=True)
class ShownImage:
    """One key image in its two renderings."""

    plain_url: str
    overlay_url: str | None
    caption: str
    alt: str


@dataclass(frozen=True, slots=True)
class StudyPane:
    """Everything in the pane beside the list.

    Attributes
    ----------
    steps
        Reports that this person may give: value and words.
    barred
        Whether the study waits for a second read that cannot be this person's.
    """

    url: str
    study: StudyView
    badge: Badge
    pre_read: PreRead | None
    is_old: bool
    images: tuple[ShownImage, ...]
    corrections: Corrections | None
    readers: tuple[Reader, ...]
    slices_url: str | None
    segmentation_url: str | None
    start_slice: int
    viewer_url: str | None
    steps: tuple[tuple[str, str], ...]
    barred: bool
    times: tuple[tuple[str, datetime | None], ...]

    @property
    def has_overlay(self) -> bool:
        """Whether there is an outline to show or hide."""
        return any(image.overlay_url is not None for image in self.images)


def study_pane(resources: Resources, caller: Caller, study_id: str, filters: Filters) -> StudyPane:
    """Read a study and its newest pre-read.

    Raises
    ------
    StudyNotFound
        If the caller has no such study.
    """
    mode = resources.settings.mode
    with resources.reading() as work:
        study = work.studies.get(study_id, sites=caller.sites)
        own_viewer = work.sites.get(study.site).viewer_url
        row = work.studies.pre_read(study_id)
        stored = None if row is None else PreRead.model_validate(row.document)
        said = that_count(work.feedback.of_study(study_id)).get((study_id, caller.key_id))
        second = study.read_state in SECOND_STATES
        reported_by = work.studies.reported_by(study_id) if second else frozenset()
    document = None if stored is None else for_mode(stored, mode)
    barred = caller.key_id in reported_by
    view = study_view(study, caller, mode)
    return StudyPane(
        url=filters.url(f"/studies/{study_id}"),
        study=view,
        badge=badge(view, resources.clock()),
        pre_read=document,
        is_old=document is not None and document.revision < study.revision,
        images=() if document is None else _images(document, study_id, mode),
        corrections=None if document is None else _corrections(document, study, said),
        readers=tuple(
            reader
            for reader in _readers(resources, caller, study)
            if reader.key_id not in reported_by
        ),
        slices_url=None if stored is None else _kept_url(stored, study_id, "slices"),
        segmentation_url=None if stored is None else _kept_url(stored, study_id, "segmentation"),
        start_slice=0 if stored is None else _start_slice(stored),
        viewer_url=_viewer_url(own_viewer or resources.settings.viewer_url, study),
        steps=() if barred or (view.claim and not view.claim.mine) else _steps(study),
        barred=barred,
        times=_times(study),
    )


def _images(document: PreRead, study_id: str, mode: Mode) -> tuple[ShownImage, ...]:
    shown = []
    for image in document.key_images:
        url = f"/v1/studies/{study_id}/key-images/{image.number}.png?revision={document.revision}"
        overlay = image.has_overlay and mode is not Mode.TRIAGE_ONLY
        shown.append(
            ShownImage(
                plain_url=url,
                overlay_url=f"{url}&overlay=true" if overlay else None,
                caption=_caption(image),
                alt=_alt(document, image),
            )
        )
    return tuple(shown)


def _corrections(document: PreRead, study: Study, said: GivenFeedback | None) -> Corrections | None:
    """Return what a reader can say of the pre-read; None where it says nothing of this study."""
    if document.revision < study.revision or document.assessment.level is Level.NOT_ASSESSED:
        return None
    of_this = said is not None and said.judgment.revision == document.revision
    return corrections(document, said.judgment if said is not None and of_this else None)


def _readers(resources: Resources, caller: Caller, study: Study) -> tuple[Reader, ...]:
    """Return to whom this person may give the study."""
    decides = caller.role in {Role.COORDINATOR, Role.ADMIN}
    if not decides or ReadStep.ASSIGN not in allowed_read_steps(study.read_state):
        return ()
    return readers(resources, frozenset({study.site}))


def _kept_url(stored: PreRead, study_id: str, what: str) -> str | None:
    """Return the address of what is made from the slices that were kept; None where none were."""
    if stored.input.slice_record is None:
        return None
    return f"/v1/studies/{study_id}/{what}?revision={stored.revision}"


def _start_slice(stored: PreRead) -> int:
    """Return the slice that shows most: the first key image, else the middle of the head."""
    if stored.key_images:
        return stored.key_images[0].slice
    return (stored.input.slice_count or 0) // 2


def _viewer_url(template: str, study: Study) -> str | None:
    if not template:
        return None
    filled = template.replace("{study_instance_uid}", quote(study.study_instance_uid, safe=""))
    return filled.replace("{accession_number}", quote(study.accession_number or "", safe=""))


def _caption(image: KeyImage) -> str:
    number = "" if image.instance_number is None else f"Image {image.instance_number} · "
    return f"{number}W {image.window_width_hu:.0f} L {image.window_center_hu:.0f}"


def _alt(document: PreRead, image: KeyImage) -> str:
    names = [
        finding.name for finding in document.findings if finding.finding_id in image.finding_ids
    ]
    return f"Key image: suspected {', '.join(names)}" if names else "Key image, nothing outlined"


def _times(study: Study) -> tuple[tuple[str, datetime | None], ...]:
    return (
        ("First image", study.received_at),
        ("Complete", study.completed_at),
        ("AI began", study.ai_started_at),
        ("AI done", study.ai_done_at),
        ("Read by", study.due_at if study.ranked else None),
        ("Reported", study.reported_at),
    )


def _steps(study: Study) -> tuple[tuple[str, str], ...]:
    if study.completed_at is None:
        return ()
    allowed = allowed_read_steps(study.read_state)
    return tuple(words for step, words in _STEP_WORDS.items() if step in allowed)
