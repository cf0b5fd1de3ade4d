"""Which sites a key covers, and which licenses its reader has."""

from collections.abc import Collection
from typing import TypeAlias

Sites: TypeAlias = frozenset[str] | None
"""The sites that somebody may see; None for all, those to come included."""


def covers(sites: Sites, site: str) -> bool:
    """Whether a site is among those that somebody may see.

    Examples
    --------
    >>> covers(None, "north"), covers(frozenset({"south"}), "north")
    (True, False)
    """
    return sites is None or site in sites


def words_of(sites: Sites) -> str:
    """Return the sites in words.

    Examples
    --------
    >>> words_of(None), words_of(frozenset({"south", "north"}))
    ('all sites', 'north, south')
    """
    return "all sites" if sites is None else ", ".join(sorted(sites))


def may_read(licenses: Collection[str], needed: str | None) -> bool:
    """Whether a reader with these licenses may take studies of a site that needs one.

    Examples
    --------
    >>> may_read((), None), may_read({"US-TX"}, "US-CA")
    (True, False)
    """
    return needed is None or needed in licenses
