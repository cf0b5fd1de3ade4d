"""API keys: who may call, for which sites, in which role, with which licenses to read.

A key reads ``pr_<id>_<secret>``; the secret has 256 random bits, so a plain SHA-256 of it
cannot be guessed back and no slow password hash is needed. Only that hash is stored.
"""

import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from preread.db.tables.access import ApiKeyRow, BrowserSessionRow
from preread.db.unit_of_work import UnitOfWork
from preread.errors import KeyNotFound, NotAuthenticated
from preread.leases import token_digest
from preread.resources import Resources
from preread.scope import Sites
from preread.site_names import check_licenses, check_sites

_FORMAT: Final = re.compile(r"pr_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")


class Role(StrEnum):
    """What a caller may do."""

    SENDER = "sender"
    READER = "reader"
    COORDINATOR = "coordinator"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the key's ID, role, sites (None for all), label, and licenses to read."""

    key_id: str
    role: Role
    sites: Sites
    name: str
    licenses: frozenset[str] = frozenset()

    @property
    def has_several_sites(self) -> bool:
        """Whether there is a site to choose."""
        return self.sites is None or len(self.sites) > 1


@dataclass(frozen=True, slots=True)
class KeySummary:
    """A key as it may be listed: never its secret."""

    key_id: str
    label: str
    role: Role
    sites: Sites
    licenses: frozenset[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


def create_key(
    resources: Resources,
    role: Role,
    *,
    label: str,
    sites: Collection[str] | None = None,
    licenses: Collection[str] = (),
    valid_days: int | None = None,
) -> str:
    """Make a key and return it; it cannot be shown again.

    Parameters
    ----------
    resources, role
        Of this process; what the key may do.
    label
        Whose it is.
    sites
        What it sees; None is all sites.
    licenses
        What its reader may read, as the sites name it.
    valid_days
        None is until it is revoked.

    Raises
    ------
    InvalidRequest
        If a site or a license is not a plain word, or there is none or far too many.
    """
    check_sites(sites)
    check_licenses(licenses)
    key_id = secrets.token_hex(4)
    secret = secrets.token_urlsafe(32)
    now = resources.clock()
    with resources.unit_of_work() as work:
        work.keys.add(
            ApiKeyRow(
                id=key_id,
                secret_sha256=token_digest(secret),
                label=label,
                role=role,
                sites=None if sites is None else sorted(set(sites)),
                licenses=sorted(set(licenses)),
                created_at=now,
                expires_at=None if valid_days is None else now + timedelta(days=valid_days),
                revoked_at=None,
            )
        )
        work.commit()
    return f"pr_{key_id}_{secret}"


def revoke_key(resources: Resources, key_id: str) -> bool:
    """Make a key useless from now on; False if there is none."""
    with resources.unit_of_work() as work:
        row = work.keys.find(key_id)
        if row is None:
            return False
        row.revoked_at = row.revoked_at or resources.clock()
        work.commit()
    return True


def list_keys(resources: Resources) -> tuple[KeySummary, ...]:
    """Return all keys, oldest first."""
    with resources.reading() as work:
        return tuple(_summary(row) for row in work.keys.all())


def summary_of(resources: Resources, key_id: str) -> KeySummary:
    """Return one key.

    Raises
    ------
    KeyNotFound
        If there is none of this ID.
    """
    with resources.reading() as work:
        row = work.keys.find(key_id)
        if row is None:
            message = "There is no such key."
            raise KeyNotFound(message)
        return _summary(row)


def id_of_key(key: str) -> str:
    """Return the ID of a key, which is no secret.

    Examples
    --------
    >>> id_of_key("pr_0123abcd_" + "x" * 43)
    '0123abcd'
    """
    return key.split("_")[1]


def caller_of_key(resources: Resources, key: str) -> Caller:
    """Return who a key belongs to.

    Raises
    ------
    NotAuthenticated
        If the key is malformed, unknown, expired or revoked; it does not say which.
    """
    match = _FORMAT.fullmatch(key)
    if match is None:
        raise _unknown()
    key_id, secret = match.groups()
    with resources.reading() as work:
        row = work.keys.find(key_id)
        expected = row.secret_sha256 if row is not None else token_digest("")
        if not hmac.compare_digest(token_digest(secret), expected) or row is None:
            raise _unknown()
        return _caller(row, resources.clock())


def sign_in(resources: Resources, key: str) -> tuple[Caller, str]:
    """Return who signs in and the token of the new browser session.

    Raises
    ------
    NotAuthenticated
        If the key is not good.
    """
    caller = caller_of_key(resources, key)
    with resources.unit_of_work() as work:
        token = start_session(resources, work, caller.key_id)
        work.commit()
    return caller, token


def start_session(resources: Resources, work: UnitOfWork, key_id: str) -> str:
    """Add a browser session of a key and return its token."""
    token = secrets.token_urlsafe(32)
    lasts = timedelta(hours=resources.settings.session_hours)
    work.keys.add_session(
        BrowserSessionRow(
            token_sha256=token_digest(token), key_id=key_id, expires_at=resources.clock() + lasts
        )
    )
    return token


def caller_of_session(resources: Resources, token: str) -> Caller:
    """Return who a browser session belongs to.

    Raises
    ------
    NotAuthenticated
        If it is unknown or over, or its key is no longer good.
    """
    now = resources.clock()
    with resources.reading() as work:
        session = work.keys.find_session(token_digest(token))
        if session is None or session.expires_at <= now:
            raise _unknown()
        row = work.keys.find(session.key_id)
        if row is None:
            raise _unknown()
        return _caller(row, now)


def sign_out(resources: Resources, token: str) -> None:
    """End a browser session."""
    with resources.unit_of_work() as work:
        work.keys.end_session(token_digest(token))
        work.commit()


def sites_of(row: ApiKeyRow) -> Sites:
    """Return the sites of a stored key."""
    return None if row.sites is None else frozenset(row.sites)


def _summary(row: ApiKeyRow) -> KeySummary:
    return KeySummary(
        key_id=row.id,
        label=row.label,
        role=Role(row.role),
        sites=sites_of(row),
        licenses=frozenset(row.licenses or ()),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


def _caller(row: ApiKeyRow, now: datetime) -> Caller:
    if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        raise _unknown()
    licenses = frozenset(row.licenses or ())
    return Caller(row.id, Role(row.role), sites_of(row), row.label, licenses)


def _unknown() -> NotAuthenticated:
    return NotAuthenticated("The API key or the session is missing or not valid.")
