import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from preread.db.worklist import WorklistQuery
from preread.ranking import Place, WorklistEntry, rank
from preread.reading import ReadStep
from preread.report import report_study
from preread.study import AiState, ReadState
from preread.terms import HemorrhageType, Level, OrderClass
from preread.work import claim_next, finish_claim
from tests.builders import caller_for, instance_bytes, result, send, send_study

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
    max_examples=12,
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


def plan_steps(work, ask):
    """Return the steps by which SQLite answers the last statement of a question."""
    if work.session.get_bind().dialect.name != "sqlite":
        pytest.skip("SQLite shows its plan in one line; PostgreSQL scans so small a table")
    statements = []
    sa.event.listen(
        work.session.get_bind(),
        "before_cursor_execute",
        lambda *call: statements.append((call[2], call[3])),
    )
    ask()
    sql, parameters = statements[-1]
    plan = work.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters)
    return [row[-1] for row in plan]


def test_unsettled_studies_are_found_through_their_index(resources, clock):
    send_study(resources)
    with resources.reading() as work:
        steps = plan_steps(
            work, lambda: work.studies.ids_to_settle(quiet_since=clock(), open_since=clock())
        )
    assert steps
    assert all("ix_study_unsettled" in step for step in steps), steps


@pytest.mark.parametrize("site", [None, "north"])
def test_a_page_of_the_worklist_is_read_from_its_index(resources, site):
    send_study(resources)
    with resources.reading() as work:
        steps = plan_steps(
            work,
            lambda: work.worklist.page(
                WorklistQuery(sites=None if site is None else frozenset({site}))
            ),
        )
    assert any("ix_study_worklist" in step for step in steps), steps
    assert not any("TEMP B-TREE" in step for step in steps), steps
