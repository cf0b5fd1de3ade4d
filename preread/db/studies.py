"""Studies and their instances."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from preread.db.scoped import within
from preread.db.tables.pre_reads import InstanceRow, PreReadRow
from preread.db.tables.readers import ReportRow
from preread.db.tables.study import CLAIMED, UNSETTLED, StudyRow
from preread.errors import StudyNotFound
from preread.reasons import ReasonCode
from preread.scope import Sites, covers
from preread.study import AiState, FindingSummary, Handling, ReadState, Study
from preread.terms import Level, OrderClass


@dataclass(frozen=True, slots=True)
class StoredInstance:
    """One instance of a study and the digest under which its bytes lie in the store."""

    sop_instance_uid: str
    series_instance_uid: str
    sha256: str


class StudyRepository:
    """Every question about single studies."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, study_id: str, *, sites: Sites = None) -> Study:
        """Return a study; ``sites`` restricts to what a caller may see.

        Raises
        ------
        StudyNotFound
            If there is none, or it belongs to another site.
        """
        row = self._session.get(StudyRow, study_id)
        if row is None or not covers(sites, row.site):
            message = f"There is no study {study_id}."
            raise StudyNotFound(message)
        return study_of(row)

    def find(
        self,
        *,
        sites: Sites,
        study_instance_uid: str | None = None,
        accession_number: str | None = None,
        limit: int,
    ) -> tuple[Study, ...]:
        """Return the studies that bear an identifier exactly, in any state, the newest first."""
        conditions = within(StudyRow.site, sites)
        if accession_number is not None:
            conditions.append(StudyRow.accession_number == accession_number)
        if study_instance_uid is not None:
            conditions.append(StudyRow.study_instance_uid == study_instance_uid)
            if accession_number is None and sites is None:
                # The index of study UIDs begins with the site, so it is asked for every one.
                conditions.append(StudyRow.site.in_(self._sites()))
        query = sa.select(StudyRow).where(*conditions)
        query = query.order_by(StudyRow.received_at.desc(), StudyRow.id).limit(limit)
        return tuple(map(study_of, self._session.scalars(query)))

    def _sites(self) -> list[str]:
        """Return every site that ever sent a study, with one look at the index for each."""
        found: list[str] = []
        while True:
            behind = [StudyRow.site > found[-1]] if found else []
            query = sa.select(sa.func.min(StudyRow.site)).where(*behind)
            site = self._session.scalars(query).one()
            if site is None:
                return found
            found.append(site)

    def locked(self, study_id: str, *, sites: Sites = None) -> StudyRow:
        """Return the row of a study, locked to the end of the transaction.

        Raises
        ------
        StudyNotFound
            If there is none, or it belongs to none of ``sites``.
        """
        query = sa.select(StudyRow).where(StudyRow.id == study_id).with_for_update()
        # Read again, also if the session knows the row: it may have changed during the wait.
        query = query.execution_options(populate_existing=True)
        row = self._session.scalars(query).one_or_none()
        if row is None or not covers(sites, row.site):
            message = f"There is no study {study_id}."
            raise StudyNotFound(message)
        return row

    def opened(self, new: StudyRow) -> tuple[StudyRow, bool]:
        """Return the locked row of this site and study UID, and whether it is new.

        Two uploads of one study may come at the same time, so the row is inserted unless it
        is there, and then read under a lock.
        """
        columns = {
            column.key: getattr(new, column.key) for column in sa.inspect(StudyRow).column_attrs
        }
        created = insert_unless_there(self._session, StudyRow, columns)
        query = (
            sa.select(StudyRow)
            .where(
                StudyRow.site == new.site,
                StudyRow.study_instance_uid == new.study_instance_uid,
            )
            .with_for_update()
        )
        return self._session.scalars(query).one(), created

    def digests(self, study_id: str, sop_uids: Collection[str]) -> dict[str, str]:
        """Return the SHA-256 of those of the instances that the study already has."""
        found: dict[str, str] = {}
        uids = sorted(sop_uids)
        for start in range(0, len(uids), 500):  # below SQLite's limit of bound variables
            query = sa.select(InstanceRow.sop_instance_uid, InstanceRow.sha256).where(
                InstanceRow.study_id == study_id,
                InstanceRow.sop_instance_uid.in_(uids[start : start + 500]),
            )
            found.update((uid, digest) for uid, digest in self._session.execute(query))
        return found

    def add_instances(self, rows: Sequence[InstanceRow]) -> None:
        """Add new instances."""
        self._session.add_all(rows)

    def instances(self, study_id: str) -> tuple[StoredInstance, ...]:
        """Return all instances in the order in which they came."""
        query = (
            sa.select(
                InstanceRow.sop_instance_uid, InstanceRow.series_instance_uid, InstanceRow.sha256
            )
            .where(InstanceRow.study_id == study_id)
            .order_by(InstanceRow.id)
        )
        return tuple(StoredInstance(*columns) for columns in self._session.execute(query).all())

    def ids_to_settle(self, *, quiet_since: datetime, open_since: datetime) -> tuple[str, ...]:
        """Return the studies that were quiet for long enough, or grew for too long."""
        query = sa.select(StudyRow.id).where(
            UNSETTLED,
            sa.or_(
                StudyRow.last_instance_at <= quiet_since, StudyRow.unsettled_since <= open_since
            ),
        )
        return tuple(self._session.scalars(query))

    def ids_to_wake(self, now: datetime) -> tuple[str, ...]:
        """Return the studies of which a claim, a pin or an assignment has run out."""
        query = sa.select(StudyRow.id).where(StudyRow.wake_at <= now).order_by(StudyRow.wake_at)
        return tuple(self._session.scalars(query))

    def claimed_under(self, digest: str) -> StudyRow | None:
        """Return the study that is claimed under a token, locked."""
        query = sa.select(StudyRow).where(StudyRow.claim_sha256 == digest).limit(1)
        return self._session.scalars(query.with_for_update()).first()

    def share_lock(self) -> None:
        """Wait for whoever changes all studies at once, and keep them waiting from now on.

        For transactions that name a study without having locked one first.
        """
        # SQLite: BEGIN IMMEDIATE already lets one writer in at a time.
        if self._session.get_bind().dialect.name == "postgresql":
            self._session.execute(sa.text("LOCK TABLE study IN ROW SHARE MODE"))

    def claims_by_key(self) -> dict[str, int]:
        """Return how many studies each key holds."""
        query = (
            sa.select(StudyRow.claimed_by, sa.func.count())
            .where(CLAIMED)
            .group_by(StudyRow.claimed_by)
        )
        return {key: number for key, number in self._session.execute(query) if key is not None}

    def pre_read(self, study_id: str, revision: int | None = None) -> PreReadRow | None:
        """Return the newest pre-read of a study, or that of a revision."""
        query = sa.select(PreReadRow).where(PreReadRow.study_id == study_id)
        if revision is not None:
            query = query.where(PreReadRow.revision == revision)
        return self._session.scalars(query.order_by(PreReadRow.revision.desc()).limit(1)).first()

    def add_pre_read(self, row: PreReadRow) -> None:
        """Add a pre-read; the database allows one for each revision."""
        self._session.add(row)

    def reported_by(self, study_id: str) -> frozenset[str]:
        """Return the keys under which a study was reported."""
        query = sa.select(ReportRow.actor).where(ReportRow.study_id == study_id)
        return frozenset(self._session.scalars(query))

    def those_reported_by(self, actor: str, study_ids: Collection[str]) -> frozenset[str]:
        """Return those of some studies that were reported under a key."""
        query = sa.select(ReportRow.study_id).where(
            ReportRow.actor == actor, ReportRow.study_id.in_(study_ids)
        )
        return frozenset(self._session.scalars(query)) if study_ids else frozenset()

    def add_report(self, row: ReportRow) -> None:
        """Add a report of a radiologist."""
        self._session.add(row)


def insert_unless_there(session: Session, table: type[Any], columns: dict[str, Any]) -> bool:
    """Insert a row unless a unique key forbids it; return whether it was inserted."""
    postgres = session.get_bind().dialect.name == "postgresql"
    insert = postgresql.insert if postgres else sqlite.insert
    statement = insert(table).values(columns).on_conflict_do_nothing()
    inserted = session.execute(statement.returning(sa.literal(1)))
    return inserted.first() is not None


def study_of(row: StudyRow) -> Study:
    """Return the frozen value of a row."""
    return Study(
        id=row.id,
        site=row.site,
        study_instance_uid=row.study_instance_uid,
        accession_number=row.accession_number,
        order_class=OrderClass(row.order_class),
        modality=row.modality,
        body_part=row.body_part,
        patient_age_years=row.patient_age_years,
        acquired_at=row.acquired_at,
        synthetic=row.synthetic,
        instance_count=row.instance_count,
        byte_count=row.byte_count,
        received_at=row.received_at,
        last_instance_at=row.last_instance_at,
        completed_at=row.completed_at,
        settled=row.settled,
        revision=row.revision,
        ai_state=AiState(row.ai_state),
        ai_reason=None if row.ai_reason is None else ReasonCode(row.ai_reason),
        ai_started_at=row.ai_started_at,
        ai_done_at=row.ai_done_at,
        read_state=ReadState(row.read_state),
        reported_at=row.reported_at,
        level=None if row.level is None else Level(row.level),
        rank_level=None if row.rank_level is None else Level(row.rank_level),
        findings=tuple(FindingSummary.model_validate(finding) for finding in row.findings),
        key_image_count=row.key_image_count,
        summary=row.summary,
        ranked=row.ranked,
        lane=row.lane,
        key_ms=row.key_ms,
        t0_ms=row.t0_ms,
        due_at=row.due_at,
        rank_reason=row.rank_reason,
        policy_version=row.policy_version,
        handling=Handling(
            claimed_by=row.claimed_by,
            claimed_by_name=row.claimed_by_name,
            claimed_at=row.claimed_at,
            lease_until=row.lease_until,
            assigned_to=row.assigned_to,
            assigned_to_name=row.assigned_to_name,
            assigned_until=row.assigned_until,
            held_at=row.held_at,
            held_ms=row.held_ms,
            hold_reason=row.hold_reason,
            pinned_until=row.pinned_until,
            pin_reason=row.pin_reason,
        ),
    )
