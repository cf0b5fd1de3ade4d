"""What a site promises: minutes from completion to the read, per order class, in versions.

A change is a new version and applies to studies that are complete afterwards; a study keeps
the promise under which it was completed.
"""

from collections.abc import Mapping

from preread.db.targets import SiteTargets
from preread.keys import Caller
from preread.policy import policy_of_site
from preread.resources import Resources
from preread.site_names import check_site
from preread.terms import OrderClass


def set_targets(
    resources: Resources, site: str, order_target_min: Mapping[OrderClass, int], *, by: Caller
) -> SiteTargets:
    """Make a new version of a site's targets; the same ones again change nothing.

    Raises
    ------
    InvalidRequest
        If the site's name is not a plain word.
    ValueError
        If a class has no target, or one out of range.
    """
    check_site(site)
    with resources.unit_of_work() as work:
        work.targets.lock(site)
        versions = work.targets.versions(site)
        if versions and dict(versions[-1].order_target_min) == dict(order_target_min):
            return versions[-1]
        made = SiteTargets(
            site=site,
            version=len(versions) + 1,
            order_target_min=dict(order_target_min),
            created_at=resources.clock(),
            actor=by.key_id,
        )
        policy_of_site(site, made.version, made.order_target_min)  # or no study could be placed
        work.targets.add(made)
        work.commit()
    return made
