"""One row per reader and case: what was answered, beside what the pre-read and the labels say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ml.reader_study.computed import computed_score, said_types
from ml.reader_study.truth import Truth
from preread.findings import PreRead
from preread.reader_study.answers import Event, FirstRead, Scored, SignedIn, progress_of
from preread.terms import HemorrhageType


@dataclass(frozen=True, slots=True)
class Reading:
    """One reader's last answer to one case.

    Attributes
    ----------
    first_read
        None where the study has none.
    revised
        How often the score was given anew.
    said
        The types of the pre-read.
    labeled
        The types that the labels say; None without labels.
    computed
        The rubric's score of the pre-read against the reader's own words.
    computed_by_labels
        The same against the labels.
    """

    scored: Scored
    first_read: FirstRead | None
    revised: int
    said: frozenset[HemorrhageType]
    labeled: frozenset[HemorrhageType] | None
    computed: int | None
    computed_by_labels: int | None


def gather_readings(
    events: Iterable[Event], documents: Mapping[int, PreRead], truth: Mapping[int, Truth]
) -> list[Reading]:
    """Return the readings that are done, by reader and case.

    Parameters
    ----------
    events
        The journal.
    documents
        The pre-reads by case.
    truth
        The labels by case, of cases that have any.
    """
    known = list(events)
    pairs = sorted({(one.reader, one.case) for one in known if not isinstance(one, SignedIn)})
    readings = []
    for reader, case in pairs:
        progress = progress_of(known, reader, case)
        if progress.scored is None or case not in documents:
            continue
        label = truth.get(case)
        readings.append(
            Reading(
                scored=progress.scored,
                first_read=progress.first_read,
                revised=progress.revised,
                said=said_types(documents[case]),
                labeled=None if label is None else label.types,
                computed=computed_score(progress.scored.named, documents[case]),
                computed_by_labels=None if label is None else label.computed,
            )
        )
    return readings
