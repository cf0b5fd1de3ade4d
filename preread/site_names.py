"""What sites and licenses may be named, and how many of them a key may have."""

import re
from collections.abc import Collection
from typing import Final

from preread.errors import InvalidRequest

SITE_FORMAT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
LICENSE_FORMAT: Final = re.compile(r"[A-Z0-9][A-Z0-9-]{0,15}")
MOST_SITES: Final = 200
MOST_LICENSES: Final = 60


def check_site(site: str) -> str:
    """Return a site's name if it is a plain word.

    Raises
    ------
    InvalidRequest
        If it is not.
    """
    if SITE_FORMAT.fullmatch(site) is None:
        message = "A site is named by up to 63 letters, digits, dots, dashes and underscores."
        raise InvalidRequest(message)
    return site


def check_license(license_name: str) -> str:
    """Return the name of a license if it is a plain word.

    Raises
    ------
    InvalidRequest
        If it is not.
    """
    if LICENSE_FORMAT.fullmatch(license_name) is None:
        message = "A license is named by up to 16 capital letters, digits and dashes, as US-TX."
        raise InvalidRequest(message)
    return license_name


def check_sites(sites: Collection[str] | None) -> None:
    """Raise ``InvalidRequest`` unless these are sites that somebody can have; None is all."""
    if sites is None:
        return
    if not 1 <= len(sites) <= MOST_SITES:
        message = f"A key is for all sites, or for 1 to {MOST_SITES} of them."
        raise InvalidRequest(message)
    for site in sites:
        check_site(site)


def check_licenses(licenses: Collection[str]) -> None:
    """Raise ``InvalidRequest`` unless these are licenses that somebody can have."""
    if len(licenses) > MOST_LICENSES:
        message = f"A key names at most {MOST_LICENSES} licenses."
        raise InvalidRequest(message)
    for one in licenses:
        check_license(one)
