"""Finds work that nobody was told of: quiet studies, expired leases, missing rings.

Every process with a clock may run this, as often as it likes; running it twice changes
nothing more than running it once.
"""

import time
from datetime import timedelta

from preread.alerts import pass_on
from preread.completion import complete_quiet_studies
from preread.db.tally import SUM_UP_AT
from preread.giving_back import return_expired_tasks
from preread.resources import Resources
from preread.upkeep import let_time_pass

_ORPHAN_AGE_S = 6 * 3600.0


def reconcile(resources: Resources) -> None:
    """Complete quiet studies, end what has run out, repeat alerts, sum up, ring for tasks."""
    complete_quiet_studies(resources)
    return_expired_tasks(resources)
    let_time_pass(resources)
    pass_on(resources)
    sum_up_tally(resources)
    ring_for_waiting(resources)


def sum_up_tally(resources: Resources) -> None:
    """Keep the rows few of which the counts above the worklist are sums."""
    with resources.reading() as work:
        if work.tally.appended() < SUM_UP_AT:
            return
    with resources.unit_of_work() as work:
        work.tally.sum_up()
        work.commit()


def ring_for_waiting(resources: Resources) -> int:
    """Ring once for each ready task that no ring in Redis stands for; return how often."""
    with resources.reading() as work:
        ready = work.tasks.ready_count(resources.clock())
    if not ready:
        return 0
    waiting = resources.doorbell.waiting()
    if waiting is None:
        return 0
    rings = max(0, min(ready, resources.settings.worker_count + 1) - waiting)
    return sum(resources.doorbell.ring() for _ in range(rings))


def forget_old(resources: Resources) -> None:
    """Remove answers, sign-ins, old messages and unfinished uploads that nobody needs any more."""
    now = resources.clock()
    retention = timedelta(hours=resources.settings.idempotency_retention_hours)
    messages = timedelta(days=resources.settings.webhook_retention_days)
    with resources.unit_of_work() as work:
        work.keys.forget_before(answers_before=now - retention, sessions_before=now)
        work.webhooks.forget_ended_before(now - messages)
        work.commit()
    resources.store.sweep(older_than_s=_ORPHAN_AGE_S, now_s=time.time())
