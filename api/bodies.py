"""What every body of a request and of an answer has in common.

What we send carries no defaults, so that every member is «required» in the OpenAPI document
and a reader can rely on it; null says that there is nothing. What we take refuses a member that
it does not know, so that a misspelt one is not silently without effect.
"""

from pydantic import BaseModel, ConfigDict


class AnswerBody(BaseModel):
    """What we send."""

    model_config = ConfigDict(frozen=True)


class RequestBody(BaseModel):
    """What we take."""

    model_config = ConfigDict(frozen=True, extra="forbid")
