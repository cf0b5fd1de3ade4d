"""A reader's feedback on a pre-read, bound to the revision that it is about."""

from preread.breaking import check_promises
from preread.db.feedback import GivenFeedback
from preread.errors import Conflict, JudgmentContradicts, PreReadNotFound
from preread.feedback import Judgment, Verdict, contradictions, verdict_of
from preread.findings import PreRead
from preread.resources import Resources
from preread.scope import Sites
from preread.terms import Level


def give_feedback(
    resources: Resources, study_id: str, judgment: Judgment, *, reader: str, sites: Sites
) -> GivenFeedback:
    """Add a judgment; an earlier one of the same reader stays on record and no longer counts.

    A false alarm too many trips the circuit breaker of the site (:mod:`preread.promises`).

    Raises
    ------
    StudyNotFound
        If the caller has no such study.
    PreReadNotFound
        If the study has no pre-read of this revision.
    Conflict
        If the pre-read did not assess the study.
    JudgmentContradicts
        If members of the judgment exclude each other.
    """
    with resources.unit_of_work() as work:
        study = work.studies.get(study_id, sites=sites)
        row = work.studies.pre_read(study_id, judgment.revision)
        if row is None:
            raise PreReadNotFound("The study has no pre-read of this revision.")
        document = PreRead.model_validate(row.document)
        level = document.assessment.level
        if level is Level.NOT_ASSESSED:
            raise Conflict("The study was not assessed, so there is nothing to agree with.")
        verdict = verdict_of(level, judgment.types)
        for member, rule in contradictions(judgment, level).items():
            raise JudgmentContradicts(member, rule)
        if verdict is Verdict.FALSE_POSITIVE:  # it may trip the breaker: study first, as everywhere
            work.studies.locked(study_id)
        any_hemorrhage = document.assessment.any_hemorrhage
        given = work.feedback.add(
            GivenFeedback(
                number=0,
                study_id=study_id,
                reader=reader,
                given_at=resources.clock(),
                level=level,
                model_version=None if document.model is None else document.model.version,
                probability=None if any_hemorrhage is None else any_hemorrhage.probability,
                named=tuple(finding.type for finding in document.findings),
                verdict=verdict,
                judgment=judgment,
            )
        )
        if verdict is Verdict.FALSE_POSITIVE:
            check_promises(work, study.site, study_id, now=given.given_at)
        work.commit()
    return given
