import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from preread.claims import claim_study
from preread.coordination import pin_study
from preread.db.tables.log import EventRow
from preread.db.tables.pre_reads import InstanceRow, TaskRow
from preread.db.tables.study import StudyRow
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
