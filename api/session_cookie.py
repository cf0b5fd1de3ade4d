"""The cookie of a session on the page, and where a sign-in may lead to."""

from fastapi import Request, Response

from api.auth import SESSION_COOKIE
from preread.settings import Settings


def set_session(answer: Response, request: Request, settings: Settings, token: str) -> None:
    """Give a browser its session in a cookie that scripts cannot read and other pages not use."""
    answer.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=settings.session_hours * 3600,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def own_path(target: str) -> str:
    """Return a path of this page; anything else, another host above all, becomes the list."""
    plain = target.startswith("/") and not target.startswith("//") and "\\" not in target
    return target if plain and target.isprintable() else "/"
