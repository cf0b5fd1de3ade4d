"""What the page's list shows: rows, tallies and the way to the next page."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from pydantic import Field, ValidationError

from api.auth import site_for
from api.breakers import breaker_notice
from api.filters import Filters, encode_cursor
from api.list_bodies import ListNotice
from api.study_bodies import StudyView
from api.views import study_view
from api.wording import Badge, badge
from preread.alarms import AlertStage
from preread.db.alerts import Alert
from preread.db.tally import WorklistCounts
from preread.db.unit_of_work import UnitOfWork
from preread.db.worklist import WorklistQuery
from preread.findings import Mode
from preread.keys import Caller, Role
from preread.reading import SECOND_STATES
from preread.resources import Resources
from preread.scope import Sites
from preread.study import AiState, ReadState, Study
from preread.terms import Level

MOST_ROWS: Final = 1000
_MOST_TAKEN: Final = 12
_MOST_CALLS: Final = 6
"""So many alerts are shown at once; the others stand behind a line that says how many."""

_LISTS: Final[dict[str, dict[str, object]]] = {
    "waiting": {},
    "receiving": {"receiving": True},
    "claimed": {"read_state": ReadState.CLAIMED},
    "on_hold": {"read_state": ReadState.ON_HOLD},
    "reopened": {"read_state": ReadState.REOPENED},
    "second_requested": {"read_state": ReadState.SECOND_REQUESTED},
    "preliminary": {"read_state": ReadState.PRELIMINARY},
    "final": {"read_state": ReadState.FINAL},
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list.

    Attributes
    ----------
    barred
        Whether it waits for a second read that cannot be this person's.
    """

    position: int
    study: StudyView
    badge: Badge
    barred: bool


@dataclass(frozen=True, slots=True)
class Call:
    """An alert that is still open, and the study that it is about.

    Attributes
    ----------
    concerns
        Whether this person is to answer it: their own study, one that nobody has, or for who
        looks after the readers one that was passed on.
    """

    alert: Alert
    study: StudyView
    concerns: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """A count above the list, and the list of what it counts; None if no filter gives it."""

    number: int
    word: str
    kind: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything about the list but its filters."""

    rows: tuple[Row, ...]
    taken: tuple[Row, ...]
    calls: tuple[Call, ...]
    tallies: tuple[Tally, ...]
    critical_count: int
    event_seq: int
    is_plain: bool
    next_url: str | None
    first_url: str | None
    more_url: str | None
    more_rows: int
    sites: tuple[str, ...]
    notices: tuple[ListNotice, ...]

    @property
    def first_calls(self) -> tuple[Call, ...]:
        """The alerts that are open for longest."""
        return self.calls[:_MOST_CALLS]

    @property
    def other_calls(self) -> tuple[Call, ...]:
        """The alerts behind the line that counts them."""
        return self.calls[_MOST_CALLS:]


class PageFilters(Filters):
    """The filters in the page's address; a person scrolls further than a program pages."""

    limit: Annotated[int, Field(ge=1, le=MOST_ROWS)] = 100


def read_filters(query: Mapping[str, str]) -> PageFilters:
    """Return the filters in the page's address; what makes no sense there is left out."""
    said = {name: value for name, value in query.items() if name in Filters.model_fields and value}
    said |= {name: str(value) for name, value in _LISTS.get(query.get("list", ""), {}).items()}
    try:
        return PageFilters.model_validate(said)
    except ValidationError as error:
        wrong = {str(one["loc"][0]) for one in error.errors(include_input=False)}
        return PageFilters.model_validate({n: v for n, v in said.items() if n not in wrong})


def shown_list(filters: PageFilters) -> str:
    """Return which list the filters choose, in the page's words."""
    if filters.receiving:
        return "receiving"
    return "waiting" if filters.read_state is ReadState.UNREAD else filters.read_state.value


def listing(resources: Resources, caller: Caller, filters: PageFilters) -> Listing:
    """Read a page of the list.

    Raises
    ------
    FieldRefused
        If the cursor is none of ours.
    NotAllowed
        If the filters name a site that the key does not cover.
    """
    query = filters.query(site_for(caller, filters.site))
    now = resources.clock()
    mode = resources.settings.mode
    with resources.reading() as work:
        seq = work.events.last_seq()  # first, so that following it misses nothing
        page = work.worklist.page(query)
        counts = work.worklist.counts(query.sites)
        taken = work.worklist.page(
            WorklistQuery(sites=query.sites, read_state=ReadState.CLAIMED, limit=_MOST_TAKEN)
        )
        calls = _calls(work, caller, query.sites, mode)
        tripped = work.breakers.tripped(query.sites)
        sites = work.worklist.sites(caller.sites) if caller.has_several_sites else ()
        second = [study.id for study in page.studies if study.read_state in SECOND_STATES]
        own = work.studies.those_reported_by(caller.key_id, second)

    def rows(studies: Iterable[Study]) -> tuple[Row, ...]:
        return _rows([study_view(study, caller, mode) for study in studies], own, now)

    following = page.next_cursor
    return Listing(
        rows=rows(page.studies),
        taken=rows(taken.studies),
        calls=calls,
        tallies=_tallies(counts, filters.site),
        critical_count=counts.critical,
        event_seq=seq,
        is_plain=filters == PageFilters(),
        next_url=None if following is None else filters.url("/", cursor=encode_cursor(following)),
        first_url=None if filters.cursor is None else filters.url("/", cursor=None),
        more_url=_more_url(filters) if following is not None else None,
        more_rows=MOST_ROWS,
        sites=sites,
        notices=tuple(filter(None, map(breaker_notice, tripped))),
    )


def _rows(views: Iterable[StudyView], own: Collection[str], now: datetime) -> tuple[Row, ...]:
    """Return lines; ``own`` are the studies that this person reported before."""
    return tuple(
        Row(number, view, badge(view, now), barred=view.study_id in own)
        for number, view in enumerate(views, start=1)
    )


def _calls(work: UnitOfWork, caller: Caller, sites: Sites, mode: Mode) -> tuple[Call, ...]:
    """Return the open alerts that this person may see, oldest first.

    All of them, as what is not on the page does not ring either.
    """
    operates = caller.role in {Role.COORDINATOR, Role.ADMIN}
    calls = []
    for alert in work.alerts.listed(sites=sites, only_open=True):
        mine = alert.addressee in {None, caller.key_id}
        concerns = mine or (operates and alert.stage is AlertStage.ESCALATED)
        if concerns or operates:
            study = study_view(work.studies.get(alert.study_id, sites=caller.sites), caller, mode)
            calls.append(Call(alert, study, concerns))
    return tuple(calls)


def _more_url(filters: PageFilters) -> str | None:
    if filters.limit == MOST_ROWS:
        return None
    return filters.url("/", limit=MOST_ROWS, cursor=None)


def _tallies(counts: WorklistCounts, site: str | None) -> tuple[Tally, ...]:
    def url(**filters: object) -> str:
        return PageFilters(site=site).url("/", **filters)

    return (
        Tally(counts.waiting, "Waiting", "plain", url()),
        Tally(counts.critical, "Critical unclaimed", "critical", url(level=Level.CRITICAL)),
        Tally(counts.flagged, "Flagged", "suspected", url(flagged=True)),
        Tally(counts.claimed, "In reading", "plain", url(read_state=ReadState.CLAIMED)),
        Tally(counts.on_hold, "On hold", "plain", url(read_state=ReadState.ON_HOLD)),
        Tally(counts.pending, "AI pending", "plain", None),
        Tally(counts.failed, "AI failed", "failed", url(ai_state=AiState.FAILED)),
        Tally(counts.not_assessed, "Not assessed", "plain", url(ai_state=AiState.NOT_ASSESSED)),
        Tally(counts.receiving, "Receiving", "plain", url(receiving=True)),
    )
