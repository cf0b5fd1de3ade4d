"""Signs people in whom an identity provider vouches for.

A person gets a row among the API keys, so that claims, feedback and events name them as they name
a key. No secret fits that row, and its ID has not the form of a key's, so it opens nothing by itself.
An administrator sees people in the list of keys, and revoking one keeps that person out.
"""

import hashlib
import secrets
from dataclasses import dataclass

from preread.db.tables.access import ApiKeyRow
from preread.errors import NotAuthenticated
from preread.keys import Role, start_session
from preread.resources import Resources
from preread.scope import Sites
from preread.site_names import check_licenses, check_sites

_ID_LETTERS = 14
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom an identity provider vouches for.

    Attributes
    ----------
    issuer, subject
        Together they name the person for ever.
    name
        As shown to others.
    sites
        None for all sites.
    licenses
        What the person may read, as the sites name it.
    """

    issuer: str
    subject: str
    name: str
    role: Role
    sites: Sites
    licenses: frozenset[str]


def sign_in_person(resources: Resources, person: Person) -> str:
    """Return the token of a new browser session; role, sites, licenses and name are those of now.

    Sessions of the same person that are open elsewhere get the new rights as well.

    Raises
    ------
    NotAuthenticated
        If an administrator has revoked the person.
    InvalidRequest
        If a site or a license is not a plain word, or there are none or far too many sites.
    """
    check_sites(person.sites)
    check_licenses(person.licenses)
    sites = None if person.sites is None else sorted(person.sites)
    licenses = sorted(person.licenses)
    person_id = id_of(person.issuer, person.subject)
    name = "".join(letter for letter in person.name if letter.isprintable())[:_LONGEST_NAME]
    now = resources.clock()
    with resources.unit_of_work() as work:
        work.keys.add_unless_there(
            ApiKeyRow(
                id=person_id,
                secret_sha256=hashlib.sha256(secrets.token_bytes(32)).hexdigest(),
                label=name,
                role=person.role,
                sites=sites,
                licenses=licenses,
                created_at=now,
                expires_at=None,
                revoked_at=None,
            )
        )
        row = work.keys.find(person_id)
        if row is None or row.revoked_at is not None:
            raise NotAuthenticated("The person has been locked out here.")
        row.label, row.role = name or person_id, person.role
        row.sites, row.licenses = sites, licenses
        token = start_session(resources, work, person_id)
        work.commit()
    return token


def id_of(issuer: str, subject: str) -> str:
    """Return the ID of a person among the keys.

    Examples
    --------
    >>> len(id_of("https://id.example", "anna")), id_of("a", "bc") == id_of("ab", "c")
    (16, False)
    """
    digest = hashlib.sha256(f"{len(issuer)} {issuer} {subject}".encode()).hexdigest()
    return f"p_{digest[:_ID_LETTERS]}"
