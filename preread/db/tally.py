"""How many studies are in which condition, without counting them.

The table of studies keeps a tally of itself by triggers (migration 0006): each change appends what
a study left and what it came to. A count is the sum of few rows, however many studies wait, and as
exact as the table, since both are written in one transaction. Appended rows are summed up by the
clock, so that they stay few; until then they count as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from preread.db.scoped import within
from preread.db.tables.study import WorklistTallyRow
from preread.scope import Sites
from preread.study import AiState, ReadState
from preread.terms import FLAGGED, Level

WAITING: Final = "waiting"
RECEIVING: Final = "receiving"

SUM_UP_AT: Final = 200
"""Appended rows that are left alone; reading so many costs less than a write each time."""

_CLAIMED: Final = {ReadState.CLAIMED.value, ReadState.CLAIMED_SECOND.value}
_PENDING: Final = {AiState.RECEIVING.value, AiState.QUEUED.value, AiState.RUNNING.value}
_CONDITION: Final = (
    WorklistTallyRow.site,
    WorklistTallyRow.place,
    WorklistTallyRow.rank_level,
    WorklistTallyRow.ai_state,
)


@dataclass(frozen=True, slots=True)
class Condition:
    """Studies that are alike, and how many they are.

    Attributes
    ----------
    place
        :data:`WAITING`, :data:`RECEIVING`, or the state of the reading.
    """

    place: str
    rank_level: str | None
    ai_state: str
    number: int


@dataclass(frozen=True, slots=True)
class WorklistCounts:
    """How many studies are in which condition."""

    waiting: int
    flagged: int
    critical: int
    pending: int
    failed: int
    not_assessed: int
    receiving: int
    claimed: int
    on_hold: int
    reopened: int
    second_requested: int


class Tally:
    """The tally, as one transaction sees it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def conditions(self, sites: Sites = None) -> tuple[Condition, ...]:
        """Return what there are studies of, at some sites or at all of them."""
        row = WorklistTallyRow
        total = sa.func.sum(row.number)
        kinds = (row.place, row.rank_level, row.ai_state)
        query = sa.select(*kinds, total).where(*within(row.site, sites))
        query = query.group_by(*kinds).having(total != 0)
        return tuple(
            Condition(place, level, state, int(number))
            for place, level, state, number in self._session.execute(query)
        )

    def sites_waiting(self, sites: Sites = None) -> tuple[str, ...]:
        """Return those of some sites of which studies wait, by name."""
        row = WorklistTallyRow
        query = (
            sa.select(row.site)
            .where(row.place == WAITING, *within(row.site, sites))
            .group_by(row.site)
            .having(sa.func.sum(row.number) > 0)
        )
        return tuple(sorted(self._session.scalars(query)))

    def appended(self) -> int:
        """Return how many rows have not been summed up."""
        row = WorklistTallyRow
        query = sa.select(sa.func.count()).select_from(row).where(row.summed.is_(sa.false()))
        return self._session.scalars(query).one()

    def sum_up(self) -> None:
        """Replace all rows of a condition by one; what it counts stays the same."""
        if self._session.get_bind().dialect.name == "postgresql":
            self._sum_up_among_writers()
        else:
            self._sum_up_alone()

    def _sum_up_among_writers(self) -> None:
        """Sum up what is visible, in one statement: others append meanwhile.

        Whoever else sums up at this moment waits for the deleted rows, and finds them gone.
        """
        row = WorklistTallyRow
        gone = sa.delete(row).returning(*_CONDITION, row.number).cte("gone")
        kinds = (gone.c.site, gone.c.place, gone.c.rank_level, gone.c.ai_state)
        self._session.execute(_inserted(kinds, gone.c.number))

    def _sum_up_alone(self) -> None:
        """Sum up under SQLite's lock of the one writer."""
        row = WorklistTallyRow
        newest = self._session.scalars(sa.select(sa.func.max(row.id))).one() or 0
        self._session.execute(_inserted(_CONDITION, row.number))
        self._session.execute(sa.delete(row).where(row.id <= newest))


def counts_of(conditions: Sequence[Condition]) -> WorklistCounts:
    """Return the counts above the list.

    Examples
    --------
    >>> counts = counts_of([Condition("waiting", "critical", "succeeded", 2)])
    >>> counts.waiting, counts.flagged, counts.claimed
    (2, 2, 0)
    """
    waiting = [one for one in conditions if one.place == WAITING]

    def number(of: Sequence[Condition]) -> int:
        return sum(one.number for one in of)

    def at(*places: str) -> int:
        return number([one for one in conditions if one.place in places])

    return WorklistCounts(
        waiting=number(waiting),
        flagged=number([one for one in waiting if one.rank_level in FLAGGED]),
        critical=number([one for one in waiting if one.rank_level == Level.CRITICAL]),
        pending=number([one for one in waiting if one.ai_state in _PENDING]),
        failed=number([one for one in waiting if one.ai_state == AiState.FAILED]),
        not_assessed=number([one for one in waiting if one.ai_state == AiState.NOT_ASSESSED]),
        receiving=at(RECEIVING),
        claimed=at(*_CLAIMED),
        on_hold=at(ReadState.ON_HOLD),
        reopened=at(ReadState.REOPENED),
        second_requested=at(ReadState.SECOND_REQUESTED),
    )


def _inserted(
    kinds: Sequence[sa.SQLColumnExpression[Any]], number: sa.SQLColumnExpression[int]
) -> sa.Insert:
    total = sa.func.sum(number)
    summed = sa.select(*kinds, total, sa.true()).group_by(*kinds).having(total != 0)
    names = ("site", "place", "rank_level", "ai_state", "number", "summed")
    return sa.insert(WorklistTallyRow).from_select(names, summed)
