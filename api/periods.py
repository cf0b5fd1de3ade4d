"""From when to when something is measured, and for whom: the query of every figure."""

from datetime import timedelta
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.auth import site_for
from api.errors import FieldRefused
from api.filters import SITE_PATTERN
from preread.db.ledger import LedgerQuery
from preread.keys import Caller
from preread.resources import Resources
from preread.terms import OrderClass

_DEFAULT: Final = timedelta(days=30)
_JUST_NOW: Final = timedelta(seconds=1)  # a report of this very moment counts
_LONGEST: Final = timedelta(days=400)


class Period(BaseModel):
    """Which final reports; without ``from`` those of the 30 days before ``to``, by default now."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: Annotated[str | None, Field(pattern=SITE_PATTERN)] = None
    order_class: OrderClass | None = None
    since: Annotated[
        AwareDatetime | None, Field(alias="from", description="First final report from then on.")
    ] = None
    until: Annotated[
        AwareDatetime | None, Field(alias="to", description="Up to, but without, then.")
    ] = None

    def query(self, caller: Caller, resources: Resources) -> LedgerQuery:
        """Return the question to the database, limited to what the caller may see.

        Raises
        ------
        FieldRefused
            If the period is empty or longer than 400 days.
        """
        until = self.until or resources.clock() + _JUST_NOW
        since = self.since or until - _DEFAULT
        if not timedelta() < until - since <= _LONGEST:
            message = "The period must end after it begins, and at most 400 days later."
            raise FieldRefused("query.from", "period", message)
        return LedgerQuery(since, until, site_for(caller, self.site), self.order_class)
