"""Talks to the identity provider: discovery, the code against a token, the token's signature.

PyJWT is the optional extra ``oidc`` and is loaded only when somebody signs in. Discovery and keys
are fetched anew each time: sign-ins are rare, and a provider that changed its keys is no riddle.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode, urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.oidc_claims import SignInRefused
from preread.settings import Settings

_TIMEOUT_S: Final = 5.0
_LEEWAY_S: Final = 30
_ALGORITHMS: Final = ("RS256", "PS256", "ES256")
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

Word = Annotated[str, Field(min_length=1)]


class Discovery(BaseModel):
    """What we need of a provider's ``/.well-known/openid-configuration``."""

    model_config = ConfigDict(frozen=True)

    issuer: Word
    authorization_endpoint: Word
    token_endpoint: Word
    jwks_uri: Word
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Tokens(BaseModel):
    id_token: Word


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one sign-in has to remember until the browser comes back."""

    state: str
    nonce: str
    verifier: str
    next: str


def configured(settings: Settings) -> bool:
    """Tell whether people may sign in through a provider."""
    return bool(settings.oidc_issuer and settings.oidc_client_id)


def installed() -> bool:
    """Tell whether the extra is there."""
    return find_spec("jwt") is not None


def new_attempt(next_path: str) -> Attempt:
    """Return fresh secrets for one sign-in."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Attempt(state, nonce, verifier, next_path)


def authorization_url(settings: Settings, attempt: Attempt, return_url: str) -> str:
    """Return where the browser goes to sign in.

    Raises
    ------
    SignInRefused
        If the provider cannot be asked, or is not the one of the settings.
    """
    with _client() as client:
        found = _discover(settings, client)
    digest = hashlib.sha256(attempt.verifier.encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": settings.oidc_client_id,
        "redirect_uri": return_url,
        "scope": settings.oidc_scopes,
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    joint = "&" if urlsplit(found.authorization_endpoint).query else "?"
    return f"{found.authorization_endpoint}{joint}{urlencode(asked)}"


def claims_for(settings: Settings, attempt: Attempt, code: str, return_url: str) -> dict[str, Any]:
    """Exchange a code and return the claims of the ID token, verified.

    Raises
    ------
    SignInRefused
        If the provider cannot be asked or refuses the code, or the token is not good.
    """
    try:
        with _client() as client:
            found = _discover(settings, client)
            form = {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": return_url,
                "code_verifier": attempt.verifier,
                "client_id": settings.oidc_client_id,
            }
            headers = _client_proof(settings, found, form)
            answer = client.post(found.token_endpoint, data=form, headers=headers)
            answer.raise_for_status()
            token = _Tokens.model_validate_json(answer.content).id_token
            keys = client.get(found.jwks_uri)
            keys.raise_for_status()
            jwks = keys.json()
    except (httpx.HTTPError, ValidationError, ValueError) as error:
        raise _no_answer() from error
    return _verified(settings, attempt, token, jwks)


def _verified(settings: Settings, attempt: Attempt, token: str, jwks: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    import jwt  # noqa: PLC0415 - an optional extra

    try:
        wanted = jwt.get_unverified_header(token).get("kid")
        keys = jwt.PyJWKSet.from_dict(jwks).keys
        key = next(
            (one for one in keys if one.key_id == wanted or (wanted is None and len(keys) == 1)),
            None,
        )
        if key is None:
            raise SignInRefused("unknown-key", "The provider's answer is not signed by its keys.")
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=list(_ALGORITHMS),
            audience=settings.oidc_client_id,
            issuer=settings.oidc_issuer,
            leeway=_LEEWAY_S,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
    except (jwt.PyJWTError, AttributeError, TypeError) as error:
        raise SignInRefused(type(error).__name__, "The provider's answer is not valid.") from error
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), attempt.nonce.encode()):
        raise SignInRefused("wrong-nonce", "The answer belongs to another sign-in.")
    if claims.get("azp", settings.oidc_client_id) != settings.oidc_client_id:
        raise SignInRefused("wrong-party", "The answer was made for another service.")
    return claims


def _client() -> httpx.Client:
    return httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False)


def _discover(settings: Settings, client: httpx.Client) -> Discovery:
    url = f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration"
    try:
        answer = client.get(url)
        answer.raise_for_status()
        found = Discovery.model_validate_json(answer.content)
    except (httpx.HTTPError, ValidationError) as error:
        raise _no_answer() from error
    endpoints = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri)
    if found.issuer != settings.oidc_issuer or not all(map(_is_safe, (url, *endpoints))):
        raise SignInRefused("wrong-provider", "The provider is not the one of the settings.")
    return found


def _is_safe(url: str) -> bool:
    """Tell whether nobody on the way can read along."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def _client_proof(settings: Settings, found: Discovery, form: dict[str, str]) -> dict[str, str]:
    """Return the header that proves who we are, or put the proof into the form."""
    secret = settings.oidc_client_secret.get_secret_value()
    if not secret:
        return {}  # a public client: PKCE alone
    if "client_secret_basic" not in found.token_endpoint_auth_methods_supported:
        form["client_secret"] = secret
        return {}
    pair = f"{quote(settings.oidc_client_id, safe='')}:{quote(secret, safe='')}"  # RFC 6749 2.3.1
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _no_answer() -> SignInRefused:
    return SignInRefused("no-answer", "The provider gave no usable answer; try again.")
