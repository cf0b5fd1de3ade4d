"""A page of the worklist as it is sent."""

from datetime import datetime

from api.bodies import AnswerBody
from api.study_bodies import StudyView
from preread.findings import Mode


class WorklistRow(AnswerBody):
    """One study on the worklist.

    ``position`` counts from 1 within this page only: a place in the whole list would be out
    of date as soon as it is read.
    """

    position: int
    study: StudyView


class Counts(AnswerBody):
    """How many studies are in which condition, for all that the key covers.

    The last four are off the waiting list and will not leave their state by themselves, but for
    claims that expire.
    """

    waiting: int
    flagged: int
    critical: int
    pending: int
    failed: int
    not_assessed: int
    receiving: int
    claimed: int
    on_hold: int
    reopened: int
    second_requested: int


class ListNotice(AnswerBody):
    """What everybody who reads the list has to know, as a banner."""

    code: str
    site: str
    since: datetime
    text: str


class WorklistAnswer(AnswerBody):
    """A page of the worklist.

    ``event_seq`` is the number of the newest event that the page contains; following
    ``/v1/worklist/events?after=<event_seq>`` misses nothing.
    """

    studies: tuple[WorklistRow, ...]
    next_cursor: str | None
    counts: Counts
    event_seq: int
    notices: tuple[ListNotice, ...]
    mode: Mode
    notice: str
