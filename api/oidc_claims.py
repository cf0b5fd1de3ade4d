"""What the claims of an ID token make of a person here: a role and a site, by the settings' words."""

from collections.abc import Mapping
from typing import Any, Final

from preread.errors import SettingsInvalid
from preread.keys import Role
from preread.people import Person
from preread.scope import Sites
from preread.settings import Settings

ALL_SITES: Final = "*"

_ROLES: Final = (Role.READER, Role.COORDINATOR, Role.ADMIN)
"""What a person can be on the page, the one that may most last."""


class SignInRefused(Exception):
    """The sign-in cannot be completed.

    Attributes
    ----------
    code
        For the log; names no person.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def person_of(settings: Settings, claims: Mapping[str, Any]) -> Person:
    """Return who the claims of a verified ID token are about.

    Raises
    ------
    SignInRefused
        If they give no role, or no site.
    """
    subject = str(claims["sub"])
    name = claims.get("name") or claims.get("preferred_username") or subject
    return Person(
        issuer=settings.oidc_issuer,
        subject=subject,
        name=str(name),
        role=role_of(settings, claims),
        sites=sites_of(settings, claims),
        licenses=licenses_of(settings, claims),
    )


def role_of(settings: Settings, claims: Mapping[str, Any]) -> Role:
    """Return the role that may most of those that a person's values are mapped to.

    Raises
    ------
    SignInRefused
        If none is.
    """
    roles = mapped_roles(settings.oidc_roles)
    found = {
        roles[value] for value in values_at(claims, settings.oidc_role_claim) if value in roles
    }
    if not found:
        raise SignInRefused("no-role", "Your account has no role here.")
    return max(found, key=_ROLES.index)


def sites_of(settings: Settings, claims: Mapping[str, Any]) -> Sites:
    """Return the sites of a person; None for all.

    Raises
    ------
    SignInRefused
        If a person has none.
    """
    if not settings.oidc_site_claim:
        return None
    values = values_at(claims, settings.oidc_site_claim)
    if settings.oidc_sites:
        sites = pairs_of(settings.oidc_sites, "PREREAD_OIDC_SITES")
        values = tuple(sites[value] for value in values if value in sites)
    if ALL_SITES in values:
        return None
    if not values:
        raise SignInRefused("no-site", "Your account belongs to no site here.")
    return frozenset(values)


def licenses_of(settings: Settings, claims: Mapping[str, Any]) -> frozenset[str]:
    """Return the licenses of a person, as the sites name them."""
    if not settings.oidc_license_claim:
        return frozenset()
    return frozenset(values_at(claims, settings.oidc_license_claim))


def values_at(claims: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """Return the words of a claim, which may lie within others and be one word or a list.

    Examples
    --------
    >>> values_at({"realm_access": {"roles": ["a", "b"]}}, "realm_access.roles")
    ('a', 'b')
    >>> values_at({"roles": "a"}, "roles"), values_at({}, "roles.x")
    (('a',), ())
    """
    found: Any = claims.get(path)  # a claim's name may have dots itself, as in a URL
    if found is None:
        found = claims
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return (found,)
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()


def mapped_roles(text: str) -> dict[str, Role]:
    """Return which value of the claim gives which role.

    Raises
    ------
    SettingsInvalid
        If a role does not exist, or is none of the page's.
    """
    pairs = pairs_of(text, "PREREAD_OIDC_ROLES")
    if not set(pairs.values()) <= {role.value for role in _ROLES}:
        raise SettingsInvalid("PREREAD_OIDC_ROLES gives reader, coordinator or admin.")
    return {value: Role(role) for value, role in pairs.items()}


def pairs_of(text: str, name: str) -> dict[str, str]:
    """Return the pairs of a setting as ``left=right, …``.

    Examples
    --------
    >>> pairs_of("rad=reader, lead = coordinator", "X")
    {'rad': 'reader', 'lead': 'coordinator'}
    """
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if any(not left.strip() or not right.strip() for left, _, right in pairs):
        raise SettingsInvalid(f"{name} holds pairs as in value=word, separated by commas.")
    return {left.strip(): right.strip() for left, _, right in pairs}
