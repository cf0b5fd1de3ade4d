"""A problem as it is sent (RFC 9457)."""

from api.bodies import AnswerBody
from preread.reasons import ReasonCode
from preread.study import AiState


class RefusedFile(AnswerBody):
    """A file of an upload that was refused, numbered from 1 in the order sent."""

    number: int
    code: str


class RefusedValue(AnswerBody):
    """A value that breaks its rule; the value itself is never repeated."""

    location: str
    rule: str
    message: str


class Problem(AnswerBody):
    """A problem (RFC 9457); members below ``code`` are there only for some types."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: tuple[RefusedValue, ...] | None = None
    files: tuple[RefusedFile, ...] | None = None
    state: str | None = None
    allowed: tuple[str, ...] | None = None
    active: int | None = None
    ai_state: AiState | None = None
    ai_reason: ReasonCode | None = None
    checks: dict[str, str] | None = None
