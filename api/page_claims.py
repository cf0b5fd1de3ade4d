"""The tokens of a person's claims, in cookies that scripts cannot read: one for each study."""

from collections.abc import Mapping
from typing import Final

from fastapi import Request, Response

from preread.claims import Lease

_PREFIX: Final = "preread_claim_"
_LASTS_LEASES: Final = 4
"""A cookie outlives its lease a little, so that a late release says what happened."""


def held_tokens(request: Request) -> Mapping[str, str]:
    """Return the tokens that the browser holds, by study."""
    return {
        name.removeprefix(_PREFIX): token
        for name, token in request.cookies.items()
        if name.startswith(_PREFIX)
    }


def remember(answer: Response, request: Request, lease: Lease, *, lease_s: float) -> None:
    """Let the browser hold a claim."""
    answer.set_cookie(
        _PREFIX + lease.study.id,
        lease.token,
        max_age=round(lease_s * _LASTS_LEASES),
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def forget(answer: Response, study_id: str) -> None:
    """Let the browser forget a claim that is over."""
    answer.delete_cookie(_PREFIX + study_id)
