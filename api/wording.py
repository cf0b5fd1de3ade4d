"""The words, signs and shapes in which the page says how far a study got.

A sign, a word and a color always go together, so that nothing is said by color alone. What
was not assessed, failed or is not done yet has its own sign and word: it must never be taken
for «nothing found».
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from api.study_bodies import StudyView
from preread.feedback import FalsePositiveCause, Verdict, VolumeVerdict
from preread.findings import Location
from preread.proportions import Share
from preread.regions import REGION, names_with_side
from preread.study import AiState, ReadState
from preread.terms import (
    TYPE_NAME,
    Compartment,
    HemorrhageType,
    Laterality,
    Level,
    OrderClass,
    Region,
)


@dataclass(frozen=True, slots=True)
class Badge:
    """How far the software got with a study, or what it says.

    Attributes
    ----------
    kind
        The CSS class.
    sign, word
        What stands on it.
    remark
        What more there is to say; None if nothing.
    """

    kind: str
    sign: str
    word: str
    remark: str | None


_STUCK: Final = timedelta(minutes=10)
"""A pre-read takes seconds; who waits so long for one should look at the workers."""

_SPACE: Final = "\N{NO-BREAK SPACE}"
_LEVEL: Final = {
    Level.CRITICAL: ("critical", "▲", "Critical"),
    Level.SUSPECTED: ("suspected", "◆", "Suspected"),
    Level.INDETERMINATE: ("indeterminate", "●", "Indeterminate"),
    Level.NONE: ("none", "–", "No hemorrhage flagged"),
    Level.NOT_ASSESSED: ("not-assessed", "⊘", "Not assessed"),
}
_STATE: Final = {
    AiState.RECEIVING: ("pending", "⇣", "Receiving"),
    AiState.QUEUED: ("pending", "◌", "AI pending"),
    AiState.RUNNING: ("pending", "◔", "AI reading"),
    AiState.FAILED: ("failed", "✕", "AI failed"),
    AiState.NOT_ASSESSED: _LEVEL[Level.NOT_ASSESSED],
}

STATE_WORD: Final = {
    AiState.QUEUED: "pending",
    AiState.RUNNING: "reading",
    AiState.SUCCEEDED: "assessed",
    AiState.NOT_ASSESSED: "not assessed",
    AiState.FAILED: "failed",
}
LIST_WORD: Final = {
    "waiting": "Waiting",
    "claimed": "In reading",
    "on_hold": "On hold",
    "reopened": "Reopened",
    "second_requested": "Second read wanted",
    "receiving": "Still receiving",
    "preliminary": "Preliminary reports",
    "final": "Final reports",
}
READ_WORD: Final = {
    ReadState.UNREAD: "waiting",
    ReadState.CLAIMED: "in reading",
    ReadState.ON_HOLD: "on hold",
    ReadState.PRELIMINARY: "preliminary",
    ReadState.FINAL: "final",
    ReadState.REOPENED: "reopened",
    ReadState.SECOND_REQUESTED: "second read wanted",
    ReadState.CLAIMED_SECOND: "in its second read",
    ReadState.CANCELLED: "cancelled",
}
ORDER_WORD: Final = {
    OrderClass.STAT: "STAT",
    OrderClass.ER: "ER",
    OrderClass.INPATIENT: "Inpatient",
    OrderClass.ROUTINE: "Routine",
}
INTERVAL_WORD: Final = {
    "transfer_s": "Transfer",
    "completeness_s": "Until complete",
    "ai_queue_s": "AI queue",
    "ai_s": "AI",
    "wait_s": "Wait for a reader",
    "read_s": "Reading",
    "sign_s": "Signing",
    "total_s": "Total",
}
VERDICT_WORD: Final = {
    Verdict.TRUE_POSITIVE: "Rightly flagged",
    Verdict.FALSE_POSITIVE: "False alarm",
    Verdict.FALSE_NEGATIVE: "Missed bleed",
    Verdict.TRUE_NEGATIVE: "Rightly not flagged",
}
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
CAUSE_WORD: Final = {
    FalsePositiveCause.CALCIFICATION: "calcification",
    FalsePositiveCause.ARTIFACT: "artifact",
    FalsePositiveCause.POSTOP: "after surgery",
    FalsePositiveCause.TUMOR: "tumor",
    FalsePositiveCause.VESSEL: "vessel",
    FalsePositiveCause.OTHER: "something else",
}
VOLUME_WORD: Final = {
    VolumeVerdict.TOO_SMALL: "too small",
    VolumeVerdict.ABOUT_RIGHT: "about right",
    VolumeVerdict.TOO_LARGE: "too large",
}
COMPARTMENT_WORD: Final = {
    Compartment.PARENCHYMAL: "In the brain",
    Compartment.EXTRA_AXIAL: "Outside the brain",
    Compartment.SUBARACHNOID: "Subarachnoid",
    Compartment.VENTRICULAR: "In the ventricles",
}


def badge(study: StudyView, now: datetime) -> Badge:
    """Return what the page shows for a study's state and result.

    A study that waits for the AI for long says so: it is in nobody's way, but its reader should
    not count on a pre-read, and somebody should look at the workers.
    """
    if study.ai_state is AiState.SUCCEEDED and study.level is not None:
        return Badge(*_LEVEL[study.level], None)
    state = study.ai_state if study.ai_state in _STATE else AiState.QUEUED
    return Badge(*_STATE[state], _remark(study, now))


def _remark(study: StudyView, now: datetime) -> str | None:
    parts = [] if study.ai_reason_text is None else [study.ai_reason_text]
    since = {AiState.QUEUED: study.completed_at, AiState.RUNNING: study.ai_started_at}
    stuck = now - (since.get(study.ai_state) or now)
    if stuck >= _STUCK:
        said = "has not begun" if study.ai_state is AiState.QUEUED else "has not ended"
        parts.append(
            f"Stuck: AI {said} for {duration(stuck.total_seconds())}; look at the workers."
        )
    if study.ai_state is AiState.FAILED:
        parts.append("It keeps the place of its order.")
    if study.level not in {None, Level.NOT_ASSESSED} and study.ai_state not in {
        AiState.NOT_ASSESSED,
        AiState.SUCCEEDED,
    }:
        word = _LEVEL[Level(study.level)][2].lower()
        parts.append(f"Of the images received before, AI said: {word}.")
    return " ".join(parts) or None


def type_name(kind: HemorrhageType) -> str:
    """Return the words of a type."""
    return TYPE_NAME[kind]


def region_name(region: Region) -> str:
    """Return the words of a region, without a side."""
    return REGION[region].name


def places(locations: Iterable[Location]) -> str:
    """Return where a finding lies: each side once, with its regions.

    A side that is missing from a place is worse than a long line.
    """
    sides: dict[Laterality, list[Region]] = {}
    for where in locations:
        sides.setdefault(where.laterality, []).append(where.region)
    return "; ".join(names_with_side(regions, side) for side, regions in sides.items())


def images(count: int) -> str:
    r"""Return a number of images as it is read.

    Examples
    --------
    >>> images(1), images(32)
    ('1\xa0image', '32\xa0images')
    """
    return f"{count}{_SPACE}image{'' if count == 1 else 's'}"


def percent(probability: float) -> str:
    r"""Return a probability as it is read, never rounded up to certainty.

    Examples
    --------
    >>> percent(0.934), percent(0.9999), percent(0.0004)
    ('93\xa0%', '>\xa099\xa0%', '<\xa01\xa0%')
    """
    if probability > 0.99:  # noqa: PLR2004 - one percent from certainty
        return f">{_SPACE}99{_SPACE}%"
    if 0 < probability < 0.01:  # noqa: PLR2004
        return f"<{_SPACE}1{_SPACE}%"
    return f"{probability * 100:.0f}{_SPACE}%"


def milliliters(volume_ml: float | None) -> str:
    r"""Return a volume as it is read; a dash if it was not computed.

    Examples
    --------
    >>> milliliters(12.54), milliliters(3.21), milliliters(None)
    ('13\xa0ml', '3.2\xa0ml', '–\xa0ml')
    """
    if volume_ml is None:
        return f"–{_SPACE}ml"
    number = f"{volume_ml:.0f}" if volume_ml >= 10 else f"{volume_ml:.1f}"  # noqa: PLR2004
    return f"{number}{_SPACE}ml"


def duration(seconds: float | None) -> str:
    r"""Return a time span as it is read; a dash if nothing was measured.

    Examples
    --------
    >>> duration(42.4), duration(754), duration(7500), duration(None)
    ('42\xa0s', '12:34\xa0min', '2\xa0h\xa005', '–')
    """
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - a minute
        return f"{whole}{_SPACE}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes}:{rest:02}{_SPACE}min"
    return f"{minutes // 60}{_SPACE}h{_SPACE}{minutes % 60:02}"


def short_duration(seconds: float) -> str:
    r"""Return a round time span for an axis.

    Examples
    --------
    >>> short_duration(30), short_duration(600), short_duration(5400), short_duration(864000)
    ('30\xa0s', '10\xa0min', '1.5\xa0h', '10\xa0d')
    """
    for length_s, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length_s:
            return f"{seconds / length_s:.2g}{_SPACE}{unit}"
    return f"{seconds:.0f}{_SPACE}s"


def share(said: Share) -> str:
    r"""Return a share with what it is a share of and its 95 % interval.

    Examples
    --------
    >>> share(Share(0, 0, None, None, None))
    'no case'
    >>> share(Share(3, 4, 0.75, 0.3006, 0.9544))
    '75\xa0% (3 of 4; 30–95\xa0%)'
    """
    if said.share is None or said.low is None or said.high is None:
        return "no case"
    interval = f"{said.low * 100:.0f}–{said.high * 100:.0f}{_SPACE}%"
    return f"{said.share * 100:.0f}{_SPACE}% ({said.count} of {said.of}; {interval})"


def iso(moment: datetime) -> str:
    """Return a time as RFC 3339 in UTC."""
    return moment.isoformat().replace("+00:00", "Z")


def clock_time(moment: datetime) -> str:
    """Return a time for readers without scripts."""
    return f"{moment:%d %b %H:%M} UTC"
