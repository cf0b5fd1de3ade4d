"""Puts together what the figures of quality are made of: final reports and readers' words."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from preread.db.feedback import GivenFeedback, that_count
from preread.db.ledger import Closed, LedgerQuery
from preread.db.unit_of_work import UnitOfWork
from preread.fairness import Displacement, PickedShift, displacement, picking
from preread.quality import Judged
from preread.scope import covers


@dataclass(frozen=True, slots=True)
class Measured:
    """What one period gave.

    Attributes
    ----------
    finalized_count, judged
        Studies with a final report; those of them that a reader judged, by the newest word.
    disputed_count
        Judged studies whose readers do not find the same types.
    displaced
        By site, over the one list of all sites.
    shifts
        How readers obeyed the order.
    """

    finalized_count: int
    judged: tuple[Judged, ...]
    disputed_count: int
    displaced: dict[str, Displacement]
    shifts: tuple[PickedShift, ...]


def measure(work: UnitOfWork, query: LedgerQuery) -> Measured:
    """Return what a period gave.

    A study is displaced by those of any site, so the list is read whole, also for one site.
    """
    everywhere = work.ledger.closed(replace(query, sites=None, order_class=None))
    wanted = [
        one
        for one in everywhere
        if covers(query.sites, one.line.site) and query.order_class in {None, one.line.order_class}
    ]
    counted = that_count(work.feedback.of_studies([one.line.study_id for one in wanted]))
    words: defaultdict[str, list[GivenFeedback]] = defaultdict(list)
    for given in counted.values():
        words[given.study_id].append(given)
    return Measured(
        finalized_count=len(wanted),
        judged=tuple(
            _judged(one, words[one.line.study_id]) for one in wanted if one.line.study_id in words
        ),
        disputed_count=sum(
            len({given.judgment.types for given in said}) > 1 for said in words.values()
        ),
        displaced=_displaced(everywhere, wanted),
        shifts=tuple(picking(work.ledger.picks(query))),
    )


def _judged(closed: Closed, said: Iterable[GivenFeedback]) -> Judged:
    newest = max(said, key=lambda given: given.number)
    spent = closed.line.spent
    return Judged(
        study_id=closed.line.study_id,
        site=closed.line.site,
        scanner=closed.scanner,
        model_version=newest.model_version,
        level=newest.level,
        probability=newest.probability,
        named=frozenset(newest.named),
        found=frozenset(newest.judgment.types),
        verdict=newest.verdict,
        score=newest.judgment.score,
        volume=newest.judgment.volume,
        cause=newest.judgment.cause,
        read_s=spent.read_s if spent.read_known else None,
        judged_at=newest.given_at,
    )


def _displaced(everywhere: Iterable[Closed], wanted: Iterable[Closed]) -> dict[str, Displacement]:
    reads = [one.read for one in everywhere]
    of_site: defaultdict[str, list[Closed]] = defaultdict(list)
    for one in wanted:
        of_site[one.line.site].append(one)
    return {
        site: displacement(reads, [one.read for one in members])
        for site, members in sorted(of_site.items())
    }
