"""How the databases read the worklist: through which index, and what is passed over within it."""

import re
from functools import partial

import pytest
import sqlalchemy as sa

from benchmarks.open_studies import SITES, fill
from preread.db.worklist import WorklistQuery
from preread.study import AiState, ReadState
from preread.terms import HemorrhageType, Level, OrderClass
from tests.builders import send_study


def plan_of(work, ask):
    """Return, as text, how the database answers the last statement of a question.

    PostgreSQL would scan so small a table: it is told not to where an index can do.
    """
    connection = work.session.connection()
    statements = []
    engine = work.session.get_bind()
    sa.event.listen(
        engine, "before_cursor_execute", lambda *call: statements.append((call[2], call[3]))
    )
    explain = "EXPLAIN QUERY PLAN"
    if engine.dialect.name == "postgresql":
        explain = "EXPLAIN"
        for way in ("seqscan", "bitmapscan", "sort"):
            connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
    ask()
    sql, parameters = statements[-1]
    return "\n".join(row[-1] for row in connection.exec_driver_sql(f"{explain} {sql}", parameters))


def test_unsettled_studies_are_found_through_their_index(resources, clock):
    send_study(resources)
    with resources.reading() as work:
        plan = plan_of(
            work, lambda: work.studies.ids_to_settle(quiet_since=clock(), open_since=clock())
        )
    assert "ix_study_unsettled" in plan


PAGES = {
    "ix_study_worklist": {},
    "ix_study_worklist_site": {"sites": frozenset({SITES[3]})},
    "ix_study_flagged": {"flagged": True},
    "ix_study_flagged_site": {"flagged": True, "sites": frozenset({SITES[3]})},
    "ix_study_order_class": {"order_class": OrderClass.ER},
    "ix_study_order_class_site": {"order_class": OrderClass.ER, "sites": frozenset({SITES[3]})},
    "ix_study_level": {"level": Level.NONE},
    "ix_study_level_site": {"level": Level.NONE, "sites": frozenset({SITES[3]})},
    "ix_study_ai_state": {"ai_state": AiState.QUEUED},
    "ix_study_ai_state_site": {"ai_state": AiState.QUEUED, "sites": frozenset({SITES[3]})},
    "ix_study_read_state": {"read_state": ReadState.CLAIMED},
    "ix_study_read_state_site": {"read_state": ReadState.CLAIMED, "sites": frozenset({SITES[3]})},
    **{f"ix_study_{kind.value.lower()}": {"finding": kind} for kind in HemorrhageType},
    "ix_study_sdh ": {"finding": HemorrhageType.SDH, "sites": frozenset({SITES[3]})},
}


NOBODY_IS = {
    *("ix_study_ai_state", "ix_study_ai_state_site"),
    *("ix_study_iph", "ix_study_ivh", "ix_study_sah", "ix_study_edh"),
}
"""Filters that nothing of the benchmark's list passes: any other index would be walked to its end.
Where many pass, PostgreSQL may as well take a larger one and skip the rest."""


def fill_and_count(resources):
    """Fill the list; PostgreSQL counts what there is, and it is returned whether it is that."""
    fill(resources.database, 1000)
    postgres = resources.database.engine.dialect.name == "postgresql"
    if postgres:
        with resources.unit_of_work() as work:
            work.session.execute(sa.text("ANALYZE study"))
            work.commit()
    return postgres


def test_every_filter_of_the_worklist_is_read_from_its_index_in_order(resources):
    postgres = fill_and_count(resources)
    with resources.reading() as work:
        middle = work.worklist.page(WorklistQuery(limit=500)).next_cursor
        for index, filters in PAGES.items():
            for after in (None, middle):
                query = WorklistQuery(**filters, after=after)
                plan = plan_of(work, lambda query=query: work.worklist.page(query))
                if not postgres or index in NOBODY_IS:
                    assert re.search(rf"\b{index.strip()}\b", plan), (query, plan)
                assert "TEMP B-TREE" not in plan, (query, plan)
                assert "Sort" not in plan, (query, plan)
                assert "Seq Scan" not in plan, (query, plan)


def test_a_study_is_looked_up_in_an_index_by_uid_and_by_accession_number(resources):
    fill_and_count(resources)
    with resources.reading() as work:
        for sites in (None, frozenset({SITES[3]})):
            for said in ({"study_instance_uid": "1.2.3"}, {"accession_number": "A-7"}):
                find = partial(work.studies.find, sites=sites, limit=9, **said)
                plan = plan_of(work, find)
                (name,) = said
                assert re.search(rf"(SEARCH|Index Cond).*{name}", plan), plan


PAIRS = [
    {"order_class": OrderClass.ROUTINE, "level": Level.CRITICAL},
    {"order_class": OrderClass.ROUTINE, "level": Level.NOT_ASSESSED, "sites": {SITES[3]}},
    {"order_class": OrderClass.ROUTINE, "ai_state": AiState.NOT_ASSESSED},
    {"order_class": OrderClass.ROUTINE, "flagged": True},
    {"order_class": OrderClass.ROUTINE, "flagged": True, "sites": {SITES[3]}},
    {"order_class": OrderClass.ROUTINE, "finding": HemorrhageType.SDH},
    {"level": Level.CRITICAL, "flagged": True},
]


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_a_second_filter_refuses_is_passed_over_within_the_index(resources):
    fill_and_count(resources)
    with resources.reading() as work:
        for filters in PAIRS:
            query = WorklistQuery(**filters)
            plan = plan_of(work, lambda query=query: work.worklist.page(query))
            # What the plan calls a filter is asked of the studies themselves.
            refused = re.findall(r"Filter:.*\b(order_class|level|ai_state)\)?::text = '", plan)
            assert refused == [], plan
            assert "Index Cond" in plan, plan
