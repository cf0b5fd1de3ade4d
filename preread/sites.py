"""What an administrator says of a site: its name for people, its viewer, the license to read for it."""

import re
from typing import Final

from preread.db.sites import SiteInfo
from preread.errors import InvalidRequest
from preread.keys import Caller
from preread.resources import Resources
from preread.scope import Sites, covers
from preread.site_names import check_license, check_site

MOST_TITLE: Final = 120
MOST_VIEWER_URL: Final = 500

VIEWER_FORMAT: Final = re.compile(r"[a-z][a-z0-9+.-]*:[^\x00-\x20\x7f\"'<>\\`]+")
_RUNS_IN_THE_PAGE: Final = ("javascript", "data", "vbscript", "file", "blob", "about")


def check_viewer_url(template: str) -> str:
    """Return the template of a link to a viewer if it may stand on the page; empty is no link.

    Raises
    ------
    InvalidRequest
        If it is no address, or one of a kind that would run in the page.

    Examples
    --------
    >>> check_viewer_url("https://viewer.example/?study={study_instance_uid}")[:14]
    'https://viewer'
    """
    scheme = template.partition(":")[0]
    if template and (VIEWER_FORMAT.fullmatch(template) is None or scheme in _RUNS_IN_THE_PAGE):
        message = "A viewer's link begins with a scheme such as https: and has no spaces or quotes."
        raise InvalidRequest(message)
    return template


def describe_site(
    resources: Resources,
    site: str,
    *,
    title: str,
    viewer_url: str,
    license_name: str | None,
    by: Caller,
) -> SiteInfo:
    """Say of a site what replaces everything that was said of it before.

    Raises
    ------
    InvalidRequest
        If the site or the license is not a plain word, or the viewer's link is not one.
    """
    info = SiteInfo(
        site=check_site(site),
        title=title,
        viewer_url=check_viewer_url(viewer_url),
        license=None if license_name is None else check_license(license_name),
        changed_at=resources.clock(),
        actor=by.key_id,
    )
    with resources.unit_of_work() as work:
        work.sites.store(info)
        work.commit()
    return info


def known_sites(resources: Resources, sites: Sites) -> tuple[SiteInfo, ...]:
    """Return those of some sites that were described or left a trace, by name."""
    with resources.reading() as work:
        return tuple(one for one in work.sites.known() if covers(sites, one.site))
