"""What readers do in a reading study, as events that are only ever added."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from preread.feedback import FalsePositiveCause, Verdict
from preread.regions import REGION
from preread.rubric import BEST_SCORE
from preread.terms import LATERALITY_NAME, HemorrhageType, Laterality, Region

COMMENT_LENGTH: Final = 2000


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(StrEnum):
    """The two steps of one case."""

    FIRST_READ = "first_read"
    SCORE = "score"


class NamedBleed(_Value):
    """One bleed as a person names it; no region where it was not named."""

    type: HemorrhageType
    laterality: Laterality
    region: Region | None = None

    @property
    def words(self) -> str:
        """Type, side and place in words."""
        place = "" if self.region is None else f" {REGION[self.region].name}"
        return f"{self.type.value} {LATERALITY_NAME[self.laterality]}{place}"


class _Event(_Value):
    """Something a reader did; ``at`` is the server's clock, UTC."""

    at: datetime
    reader: str


class SignedIn(_Event):
    """A reader came; ``order`` is the order of cases that the seed gives this reader."""

    kind: Literal["signed_in"] = "signed_in"
    seed: int
    order: tuple[int, ...]


class Opened(_Event):
    """A step of a case was shown."""

    kind: Literal["opened"] = "opened"
    case: int
    step: Step


class _Answer(_Event):
    """An answer to a step.

    Attributes
    ----------
    named
        All bleeds the reader sees; none for «no hemorrhage».
    server_ms
        From the last showing of the step to the answer.
    visible_ms
        Of it, and of earlier showings, how long the page was in front of the reader; None if
        the browser did not say.
    """

    case: int
    named: tuple[NamedBleed, ...]
    server_ms: int = Field(ge=0)
    visible_ms: int | None = Field(ge=0)

    @property
    def types(self) -> frozenset[HemorrhageType]:
        """The types named."""
        return frozenset(one.type for one in self.named)

    @property
    def read_ms(self) -> int:
        """How long the reader looked, as far as is known."""
        return self.server_ms if self.visible_ms is None else self.visible_ms


class FirstRead(_Answer):
    """What the reader saw before anything of the pre-read was shown."""

    kind: Literal["first_read"] = "first_read"


class Scored(_Answer):
    """How the reader judges the pre-read.

    Attributes
    ----------
    pre_read_id, revision, digest
        What was judged.
    blinded
        Whether this reader gave a first read before.
    score
        0 to 4 by the rubric; None where the reader sees no hemorrhage.
    """

    kind: Literal["score"] = "score"
    pre_read_id: str
    revision: int
    digest: str
    blinded: bool
    score: int | None = Field(ge=0, le=BEST_SCORE)
    verdict: Verdict
    fp_cause: FalsePositiveCause | None
    comment: str = Field(max_length=COMMENT_LENGTH)


Event: TypeAlias = Annotated[SignedIn | Opened | FirstRead | Scored, Field(discriminator="kind")]
EVENT: Final[TypeAdapter[Event]] = TypeAdapter(Event)


class Progress(_Value):
    """How far one reader is with one case.

    Attributes
    ----------
    first_read
        The first one: nothing that came after the pre-read was shown may change it.
    scored
        The last one: a reader may think again.
    revised
        How often the score was given anew.
    first_opened, last_opened
        When each step was shown.
    """

    first_read: FirstRead | None = None
    scored: Scored | None = None
    revised: int = 0
    first_opened: dict[Step, datetime] = {}
    last_opened: dict[Step, datetime] = {}


def progress_of(events: Iterable[Event], reader: str, case: int) -> Progress:
    """Return how far a reader is with a case."""
    first_read: FirstRead | None = None
    scores: list[Scored] = []
    first_opened: dict[Step, datetime] = {}
    last_opened: dict[Step, datetime] = {}
    for event in events:
        if event.reader != reader or isinstance(event, SignedIn) or event.case != case:
            continue
        if isinstance(event, Opened):
            first_opened.setdefault(event.step, event.at)
            last_opened[event.step] = event.at
        elif isinstance(event, FirstRead):
            first_read = first_read or event
        else:
            scores.append(event)
    return Progress(
        first_read=first_read,
        scored=scores[-1] if scores else None,
        revised=max(0, len(scores) - 1),
        first_opened=first_opened,
        last_opened=last_opened,
    )
