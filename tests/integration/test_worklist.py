import re

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.open_studies import SITES, fill
from preread.claims import claim_study
from preread.coordination import pin_study
from preread.db.tables import EventRow, InstanceRow, StudyRow, TaskRow
from preread.db.worklist import WorklistQuery
from preread.keys import Role
from preread.ranking import Place, WorklistEntry, rank
from preread.reading import ReadStep
from preread.reconcile import sum_up_tally
from preread.report import report_study
from preread.study import AiState, ReadState
from preread.terms import HemorrhageType, Level, OrderClass
from preread.work import claim_next, finish_claim
from tests.builders import caller_for, instance_bytes, result, send, send_study
from tests.support.seed import every_state, pre_read_of
from tests.support.world import counted, tallied

LEVELS = (
    None,
    Level.NONE,
    Level.NOT_ASSESSED,
    Level.INDETERMINATE,
    Level.SUSPECTED,
    Level.CRITICAL,
)


def listed(resources, **query):
    with resources.reading() as work:
        return work.worklist.page(WorklistQuery(**query)).studies


def ids(resources, **query):
    return [study.id for study in listed(resources, **query)]


def entry_of(study):
    return WorklistEntry(
        study.id, Place(study.lane, study.key_ms, study.t0_ms, 0, "", study.policy_version)
    )


arrivals = st.lists(
    st.tuples(
        st.integers(min_value=0, max_value=90),
        st.sampled_from(OrderClass),
        st.sampled_from(LEVELS),
    ),
    min_size=1,
    max_size=6,
)


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(arrivals)
def test_the_order_of_the_database_is_the_order_of_the_rule(resources, clock, drawn):
    with resources.unit_of_work() as work:  # each example starts from an empty list
        for table in ("breaker", "alert", "event", "pre_read", "task", "instance", "study"):
            work.session.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608
        work.session.commit()
    for number, (gap_min, order_class, level) in enumerate(drawn):
        clock.forward(60 * gap_min)
        send_study(resources, number + 1, order_class=order_class)
        claim = claim_next(resources, "w")
        if level is not None:
            finish_claim(resources, claim, result(claim, level), worker="w")
    studies = listed(resources)
    assert len(studies) == len(drawn)
    assert [entry.study_id for entry in rank(map(entry_of, studies))] == [
        study.id for study in studies
    ]
    paged, cursor = [], None
    while True:
        with resources.reading() as work:
            page = work.worklist.page(WorklistQuery(limit=3, after=cursor))
        paged.extend(study.id for study in page.studies)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert paged == [study.id for study in studies]


def test_the_order_does_not_change_while_nothing_happens(resources, clock):
    for number, order_class in enumerate(OrderClass):
        send_study(resources, number, order_class=order_class)
        clock.forward(1800)
    before = ids(resources)
    clock.forward(48 * 3600)
    assert ids(resources) == before


def test_a_positive_routine_study_rises_above_earlier_ones(resources, clock):
    earlier = []
    for number in (1, 2):
        earlier.append(send_study(resources, number))
        clock.forward(600)
    late = send_study(resources, 3)
    claims = [claim_next(resources, "w") for _ in range(3)]
    for claim in claims:
        positive = claim.study.id == late
        level, kinds = (Level.CRITICAL, [HemorrhageType.EDH]) if positive else (Level.NONE, [])
        finish_claim(resources, claim, result(claim, level, kinds), worker="w")
    assert ids(resources) == [late, *earlier]


def test_the_filters_say_what_they_list(resources):
    flagged = send_study(resources, 1, site="north", order_class=OrderClass.ER)
    claim = claim_next(resources, "w")
    kinds = [HemorrhageType.SDH, HemorrhageType.SAH]
    finish_claim(resources, claim, result(claim, Level.SUSPECTED, kinds), worker="w")
    waiting = send_study(resources, 2, site="south")
    receiving = send(resources, instance_bytes(study=3)).studies[0].study_id
    assert ids(resources, sites=frozenset({"north"})) == [flagged]
    assert ids(resources, order_class=OrderClass.ROUTINE) == [waiting]
    assert ids(resources, finding=HemorrhageType.SAH) == [flagged]
    assert ids(resources, finding=HemorrhageType.EDH) == []
    assert ids(resources, flagged=True) == [flagged]
    assert ids(resources, level=Level.SUSPECTED) == [flagged]
    assert ids(resources, ai_state=AiState.QUEUED) == [waiting]
    assert ids(resources, receiving=True) == [receiving]
    with resources.reading() as work:
        counts = work.worklist.counts()
        north = work.worklist.counts(frozenset({"north"}))
    assert (counts.waiting, counts.flagged, counts.pending, counts.receiving) == (2, 1, 1, 1)
    assert (north.waiting, north.flagged, north.critical, north.receiving) == (1, 1, 0, 1)


def test_a_reported_study_leaves_the_list_and_closes_its_turnaround(resources, clock):
    study_id = send_study(resources)
    clock.forward(300)
    spent = report_study(resources, study_id, ReadStep.FINAL_REPORT, by=caller_for(resources))
    assert spent.total_s == pytest.approx(300)
    assert ids(resources) == []
    assert ids(resources, read_state=ReadState.FINAL) == [study_id]


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


def test_a_page_goes_on_behind_the_pinned_studies(resources, clock):
    sent = []
    for number in range(1, 6):
        sent.append(send_study(resources, number))
        clock.forward(1)
    by = caller_for(resources, Role.COORDINATOR)
    for study_id in sent[3:]:
        pin_study(resources, study_id, by=by, reason="surgeon waits", minutes=30)
    for limit in (1, 2, 3):
        seen, after = [], None
        while not seen or after is not None:
            with resources.reading() as work:
                page = work.worklist.page(WorklistQuery(limit=limit, after=after))
            seen += [study.id for study in page.studies]
            after = page.next_cursor
        assert seen == [*sent[3:], *sent[:3]]


def test_two_filters_at_once_list_what_both_list(resources):
    rare = send_study(resources, 1, site="south", order_class=OrderClass.ER)
    pre_read_of(resources, Level.SUSPECTED, [HemorrhageType.SDH])
    common = send_study(resources, 2, site="north")
    pre_read_of(resources, Level.SUSPECTED, [HemorrhageType.SDH])
    found = {"finding": HemorrhageType.SDH}
    assert ids(resources, **found, sites=frozenset({"south"})) == [rare]
    assert ids(resources, **found, flagged=True, order_class=OrderClass.ROUTINE) == [common]
    assert ids(resources, flagged=True, level=Level.SUSPECTED, sites=frozenset({"north"})) == [
        common
    ]
    assert ids(resources, **found, read_state=ReadState.FINAL) == []
    assert ids(resources, **found, receiving=True, flagged=True) == []


def assert_tally(resources):
    with resources.reading() as work:
        assert tallied(work) == counted(work)


def test_the_tally_says_what_counting_would_and_goes_on_when_it_is_summed_up(
    resources, monkeypatch
):
    made = every_state(resources)
    claim_study(resources, made["none"], by=caller_for(resources))
    assert_tally(resources)
    with resources.reading() as work:
        appended, sites = work.tally.appended(), work.worklist.sites()
    assert appended > 0
    monkeypatch.setattr("preread.reconcile.SUM_UP_AT", appended + 1)
    sum_up_tally(resources)  # too few to be worth it
    with resources.reading() as work:
        assert work.tally.appended() == appended
    monkeypatch.setattr("preread.reconcile.SUM_UP_AT", appended)
    sum_up_tally(resources)
    with resources.reading() as work:
        assert work.tally.appended() == 0
        assert work.worklist.sites() == sites == ("north", "south")
    assert_tally(resources)
    send_study(resources, 9, site="east")
    with resources.unit_of_work() as work:
        work.session.execute(sa.delete(TaskRow).where(TaskRow.study_id == made["queued"]))
        for table in (EventRow, InstanceRow):
            work.session.execute(sa.delete(table).where(table.study_id == made["queued"]))
        work.session.execute(sa.delete(StudyRow).where(StudyRow.id == made["queued"]))
        work.commit()
    assert_tally(resources)


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_is_tallied_while_the_tally_is_summed_up_is_kept(resources):
    every_state(resources)
    with resources.unit_of_work() as slow, resources.unit_of_work() as fast:
        row = slow.studies.locked(send_study(resources, 9, site="east"))
        row.site = "south"
        slow.session.flush()  # appended, not yet seen by anybody
        fast.tally.sum_up()
        fast.commit()
        slow.commit()
    assert_tally(resources)
