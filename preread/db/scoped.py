"""Limits a query to the sites that somebody may see."""

from typing import Any

import sqlalchemy as sa

from preread.scope import Sites


def within(column: Any, sites: Sites) -> list[sa.ColumnElement[bool]]:  # noqa: ANN401 - any column
    """Return the conditions that a column names one of the sites; none for all of them."""
    if sites is None:
        return []
    if len(sites) == 1:
        (site,) = sites
        return [column == site]
    return [column.in_(sorted(sites))]
