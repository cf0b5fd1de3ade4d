"""The tables, as SQLAlchemy sees them."""

from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from preread.terms import HemorrhageType


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC time; naive times are refused, and SQLite gets its zone back."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Store as UTC."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            message = "a time without a zone cannot be stored"
            raise ValueError(message)
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return as aware UTC."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Json: Final = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
NullableJson: Final = sa.JSON(none_as_null=True).with_variant(
    postgresql.JSONB(none_as_null=True), "postgresql"
)
Sequence: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class Base(DeclarativeBase):
    """Root of all tables."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime()}  # noqa: RUF012 - SQLAlchemy's own hook


RANKED: Final[sa.ColumnElement[bool]] = sa.literal_column("ranked")
UNSETTLED: Final[sa.ColumnElement[bool]] = sa.literal_column("NOT settled")
TIMED: Final[sa.ColumnElement[bool]] = sa.literal_column("wake_at IS NOT NULL")
CLAIMED: Final[sa.ColumnElement[bool]] = sa.literal_column("claim_sha256 IS NOT NULL")
OPEN: Final[sa.ColumnElement[bool]] = sa.literal_column("closed_at IS NULL")
PENDING: Final[sa.ColumnElement[bool]] = sa.literal_column("state = 'pending'")
RANKED_TOO: Final[sa.ColumnElement[bool]] = sa.literal_column("ranked = true")
_FLAGGED: Final[sa.ColumnElement[bool]] = sa.literal_column(
    "rank_level IN ('critical', 'suspected')"
)
FLAGGED_WAITING: Final = RANKED_TOO & _FLAGGED
"""The very words of the partial indexes: only so does SQLite take them. Where it knows no sizes it
would rather walk an index of all that wait, whose word is ``ranked``, than a small one of those few
that are asked for; so the small ones say ``ranked = true``, which is the same to everybody else."""


def has_finding(kind: HemorrhageType) -> sa.ColumnElement[bool]:
    """Return the words of the index of studies with a finding of a type."""
    # The types stand in a short JSON list; its text is searched for the closed word.
    return sa.literal_column(f"CAST(findings AS TEXT) LIKE '%\"{kind.value}\"%'")


_READING_ORDER: Final = ("lane", "key_ms", "t0_ms", "id")
_FILTERS: Final = ("order_class", "level", "ai_state")


def _partial(name: str, *columns: str, where: sa.ColumnElement[bool]) -> sa.Index:
    """Return an index of only those rows that a condition holds for."""
    return sa.Index(name, *columns, sqlite_where=where, postgresql_where=where)


def _listed(name: str, *first: str, where: sa.ColumnElement[bool] = RANKED) -> sa.Index:
    """Return an index of a list in its order, for some filters at its head.

    Behind the order stand the other filters: what a second one refuses is then passed over within
    the index, without a look at the study itself.
    """
    behind = (column for column in _FILTERS if column not in first)
    return _partial(name, *first, *_READING_ORDER, *behind, where=where)


class StudyRow(Base):
    """One study of one site: what it is, where it stands and how far it got."""

    __tablename__ = "study"
    __table_args__ = (
        sa.UniqueConstraint("site", "study_instance_uid"),
        # One for each filter of the list, over all sites and for one: a page is read from where
        # it begins, however rare what it shows is among those that wait.
        _partial("ix_study_worklist", *_READING_ORDER, where=RANKED),
        _partial("ix_study_worklist_site", "site", *_READING_ORDER, where=RANKED),
        _listed("ix_study_ai_state", "ai_state"),
        _listed("ix_study_ai_state_site", "site", "ai_state"),
        _listed("ix_study_order_class", "order_class"),
        _listed("ix_study_order_class_site", "site", "order_class"),
        _listed("ix_study_level", "level"),
        _listed("ix_study_level_site", "site", "level"),
        _listed("ix_study_flagged", where=FLAGGED_WAITING),
        _listed("ix_study_flagged_site", "site", where=FLAGGED_WAITING),
        *(
            _listed(f"ix_study_{kind.value.lower()}", where=RANKED_TOO & has_finding(kind))
            for kind in HemorrhageType
        ),
        # What left the list, in the order that it had there.
        sa.Index("ix_study_read_state", "read_state", *_READING_ORDER),
        sa.Index("ix_study_read_state_site", "site", "read_state", *_READING_ORDER),
        _partial("ix_study_unsettled", "last_instance_at", where=UNSETTLED),
        _partial("ix_study_wake_at", "wake_at", where=TIMED),
        _partial("ix_study_claim", "claim_sha256", where=CLAIMED),
        sa.Index("ix_study_accession_number", "accession_number"),
    )

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    site: Mapped[str] = mapped_column(sa.String(64))
    study_instance_uid: Mapped[str] = mapped_column(sa.String(64))
    accession_number: Mapped[str | None] = mapped_column(sa.String(64))
    order_class: Mapped[str] = mapped_column(sa.String(16))
    modality: Mapped[str | None] = mapped_column(sa.String(16))
    body_part: Mapped[str | None] = mapped_column(sa.String(64))
    patient_age_years: Mapped[int | None]
    acquired_at: Mapped[datetime | None]
    # Manufacturer and model, for figures by scanner; no patient, no serial number.
    scanner: Mapped[str | None] = mapped_column(sa.String(64))
    synthetic: Mapped[bool]
    instance_count: Mapped[int]
    byte_count: Mapped[int] = mapped_column(sa.BigInteger)

    received_at: Mapped[datetime]
    last_instance_at: Mapped[datetime]
    unsettled_since: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    settled: Mapped[bool]
    revision: Mapped[int]

    ai_state: Mapped[str] = mapped_column(sa.String(16))
    ai_reason: Mapped[str | None] = mapped_column(sa.String(40))
    ai_started_at: Mapped[datetime | None]
    ai_done_at: Mapped[datetime | None]
    read_state: Mapped[str] = mapped_column(sa.String(16))
    reported_at: Mapped[datetime | None]

    level: Mapped[str | None] = mapped_column(sa.String(16))
    rank_level: Mapped[str | None] = mapped_column(sa.String(16))
    # What ranks the study instead, where a circuit breaker withheld the promotion.
    rank_cap: Mapped[str | None] = mapped_column(sa.String(16))
    findings: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    key_image_count: Mapped[int]
    summary: Mapped[str | None] = mapped_column(sa.String(300))

    ranked: Mapped[bool]
    lane: Mapped[int] = mapped_column(sa.SmallInteger)
    key_ms: Mapped[int] = mapped_column(sa.BigInteger)
    t0_ms: Mapped[int] = mapped_column(sa.BigInteger)
    due_at: Mapped[datetime | None]
    rank_reason: Mapped[str | None] = mapped_column(sa.Text)
    policy_version: Mapped[str | None] = mapped_column(sa.String(32))
    # Of the site's target times; set once, at the first completion. None is the shipped policy.
    targets_version: Mapped[int | None]
    # The policy in force at the first completion, and the one that promotes; None is the shipped.
    promise_policy: Mapped[int | None]
    rank_policy: Mapped[int | None]
    model_version: Mapped[str | None] = mapped_column(sa.String(64))

    claimed_by: Mapped[str | None] = mapped_column(sa.String(16))
    claimed_by_name: Mapped[str | None] = mapped_column(sa.String(64))
    claim_sha256: Mapped[str | None] = mapped_column(sa.String(64))
    claimed_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    assigned_to: Mapped[str | None] = mapped_column(sa.String(16))
    assigned_to_name: Mapped[str | None] = mapped_column(sa.String(64))
    assigned_until: Mapped[datetime | None]
    held_at: Mapped[datetime | None]
    held_ms: Mapped[int] = mapped_column(sa.BigInteger, server_default=sa.text("0"))
    hold_reason: Mapped[str | None] = mapped_column(sa.String(200))
    pinned_until: Mapped[datetime | None]
    pin_reason: Mapped[str | None] = mapped_column(sa.String(200))
    # The first of the times above that runs out, so that one index finds them all.
    wake_at: Mapped[datetime | None]


class WorklistTallyRow(Base):
    """How many studies of a site are in one condition: the sum of ``number`` over its rows.

    Triggers of the table of studies append −1 for the condition that a study leaves and 1 for the
    one that it comes to (migration 0006), so no writer can forget it and none waits for another's
    counter. :mod:`preread.db.tally` sums the rows up now and then.
    """

    __tablename__ = "worklist_tally"
    __table_args__ = (sa.Index("ix_worklist_tally_site", "site"),)

    id: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    site: Mapped[str] = mapped_column(sa.String(64))
    # «waiting» on the list, «receiving» and never complete yet, else the state of the reading.
    place: Mapped[str] = mapped_column(sa.String(16))
    rank_level: Mapped[str | None] = mapped_column(sa.String(16))
    ai_state: Mapped[str] = mapped_column(sa.String(16))
    number: Mapped[int] = mapped_column(sa.BigInteger)
    summed: Mapped[bool]


class InstanceRow(Base):
    """One stored DICOM instance; its bytes lie in the store under their SHA-256."""

    __tablename__ = "instance"
    __table_args__ = (sa.UniqueConstraint("study_id", "sop_instance_uid"),)

    id: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    study_id: Mapped[str] = mapped_column(sa.ForeignKey("study.id"))
    sop_instance_uid: Mapped[str] = mapped_column(sa.String(64))
    series_instance_uid: Mapped[str] = mapped_column(sa.String(64))
    sha256: Mapped[str] = mapped_column(sa.String(64))
    byte_count: Mapped[int] = mapped_column(sa.BigInteger)
    received_at: Mapped[datetime]


class TaskRow(Base):
    """The work on one revision of a study: who has it, since when, at which attempt."""

    __tablename__ = "task"
    __table_args__ = (
        sa.UniqueConstraint("study_id", "revision"),
        sa.Index("ix_task_state", "state", "not_before"),
    )

    id: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    study_id: Mapped[str] = mapped_column(sa.ForeignKey("study.id"))
    revision: Mapped[int]
    state: Mapped[str] = mapped_column(sa.String(16))
    fence: Mapped[int]
    attempts: Mapped[int]
    worker: Mapped[str | None] = mapped_column(sa.String(64))
    lease_until: Mapped[datetime | None]
    not_before: Mapped[datetime]
    reason: Mapped[str | None] = mapped_column(sa.String(40))
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class PreReadRow(Base):
    """One pre-read: the document and the files of its key images."""

    __tablename__ = "pre_read"
    __table_args__ = (sa.UniqueConstraint("study_id", "revision"),)

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    study_id: Mapped[str] = mapped_column(sa.ForeignKey("study.id"))
    revision: Mapped[int]
    created_at: Mapped[datetime]
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    key_images: Mapped[list[dict[str, str]]] = mapped_column(Json)


class ReportRow(Base):
    """One report that a radiologist gave, preliminary or final."""

    __tablename__ = "report"
    __table_args__ = (sa.Index("ix_report_kind", "kind", "reported_at"),)

    id: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    study_id: Mapped[str] = mapped_column(sa.ForeignKey("study.id"), index=True)
    kind: Mapped[str] = mapped_column(sa.String(16))
    reported_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(sa.String(64))
    turnaround: Mapped[dict[str, Any]] = mapped_column(Json)


class EventRow(Base):
    """One thing that happened; append-only, numbered in the order of commit."""

    __tablename__ = "event"

    seq: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    site: Mapped[str] = mapped_column(sa.String(64))
    study_id: Mapped[str] = mapped_column(sa.ForeignKey("study.id"), index=True)
    kind: Mapped[str] = mapped_column(sa.String(32))
    actor: Mapped[str] = mapped_column(sa.String(64))
    detail: Mapped[dict[str, Any]] = mapped_column(Json)
    # Of this row and of the hash before it; None in rows from before there was a chain.
    sha256: Mapped[str | None] = mapped_column(sa.String(64))

    __table_args__ = (sa.Index("ix_event_kind", "kind", "at"), {"sqlite_autoincrement": True})


class LogHeadRow(Base):
    """The end of the chain over a log; whoever appends holds its lock to the commit."""

    __tablename__ = "log_head"

    log: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    # 0 until the first row is appended.
    first_seq: Mapped[int] = mapped_column(sa.BigInteger)
    last_seq: Mapped[int] = mapped_column(sa.BigInteger)
    sha256: Mapped[str] = mapped_column(sa.String(64))


class AlertRow(Base):
    """One call for attention; a revision of a study calls once."""

    __tablename__ = "alert"
    __table_args__ = (
        sa.UniqueConstraint("study_id", "revision"),
        _partial("ix_alert_open", "raised_at", where=OPEN),
    )

    id: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    study_id: Mapped[str] = mapped_column(sa.ForeignKey("study.id"))
    revision: Mapped[int]
    site: Mapped[str] = mapped_column(sa.String(64))
    kind: Mapped[str] = mapped_column(sa.String(24))
    level: Mapped[str] = mapped_column(sa.String(16))
    raised_at: Mapped[datetime]
    addressee: Mapped[str | None] = mapped_column(sa.String(16))
    stage: Mapped[str] = mapped_column(sa.String(16))
    stage_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_how: Mapped[str | None] = mapped_column(sa.String(16))
    closed_by: Mapped[str | None] = mapped_column(sa.String(64))
    closed_name: Mapped[str | None] = mapped_column(sa.String(64))


class SiteTargetsRow(Base):
    """One version of the minutes that a site promises for each order class."""

    __tablename__ = "site_targets"

    site: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    order_target_min: Mapped[dict[str, int]] = mapped_column(Json)
    created_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(sa.String(64))


class SiteRow(Base):
    """What an administrator said of a site; a site that nobody described has no row."""

    __tablename__ = "site"

    site: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(120))
    viewer_url: Mapped[str] = mapped_column(sa.String(500))
    # A reader's key must name it to take studies of the site; None asks for none.
    license: Mapped[str | None] = mapped_column(sa.String(16))
    changed_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(sa.String(64))


class PolicyRow(Base):
    """One ranking policy; its content is never changed, its state follows from the record."""

    __tablename__ = "policy"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy's own hook

    number: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(sa.String(120))
    order_target_min: Mapped[dict[str, int]] = mapped_column(Json)
    promotions: Mapped[dict[str, dict[str, int]]] = mapped_column(Json)
    created_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(sa.String(64))
    actor_name: Mapped[str] = mapped_column(sa.String(64))


class PolicyChangeRow(Base):
    """One step that was taken with a policy; append-only."""

    __tablename__ = "policy_change"

    id: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    step: Mapped[str] = mapped_column(sa.String(16))
    # 0 is the shipped policy, which has no row; hence no foreign key.
    number: Mapped[int]
    number_before: Mapped[int]
    actor: Mapped[str] = mapped_column(sa.String(64))
    actor_name: Mapped[str] = mapped_column(sa.String(64))
    reason: Mapped[str] = mapped_column(sa.String(200))
    summary: Mapped[dict[str, Any]] = mapped_column(Json)


class FeedbackRow(Base):
    """What one reader said of one pre-read; append-only, a reader's newest counts.

    What the pre-read said is copied, so that figures need not open documents.
    """

    __tablename__ = "feedback"

    id: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    study_id: Mapped[str] = mapped_column(sa.ForeignKey("study.id"), index=True)
    revision: Mapped[int]
    reader: Mapped[str] = mapped_column(sa.String(64))
    given_at: Mapped[datetime]
    level: Mapped[str] = mapped_column(sa.String(16))
    model_version: Mapped[str | None] = mapped_column(sa.String(64))
    probability: Mapped[float | None] = mapped_column(sa.Double)
    named: Mapped[list[str]] = mapped_column(Json)
    verdict: Mapped[str] = mapped_column(sa.String(2))
    score: Mapped[int | None] = mapped_column(sa.SmallInteger)
    types: Mapped[list[str]] = mapped_column(Json)
    places: Mapped[list[dict[str, str | None]]] = mapped_column(Json)
    volume: Mapped[str | None] = mapped_column(sa.String(16))
    false_positive_cause: Mapped[str | None] = mapped_column(sa.String(16))


class BreakerRow(Base):
    """The circuit breaker of one site as it is now.

    ``flags`` holds a 0 or 1 for each counted study, the newest last.
    """

    __tablename__ = "breaker"

    site: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    flags: Mapped[str] = mapped_column(sa.String(100))
    expected_share: Mapped[float | None] = mapped_column(sa.Double)
    tripped_at: Mapped[datetime | None]
    tripped_by_study: Mapped[str | None] = mapped_column(sa.ForeignKey("study.id"))
    cause: Mapped[str | None] = mapped_column(sa.String(16))
    reason: Mapped[str | None] = mapped_column(sa.String(200))


class BreakerChangeRow(Base):
    """One trip or reset of a breaker; append-only."""

    __tablename__ = "breaker_change"

    id: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    site: Mapped[str] = mapped_column(sa.String(64), index=True)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(sa.String(16))
    cause: Mapped[str] = mapped_column(sa.String(16), server_default="flagged_share")
    actor: Mapped[str] = mapped_column(sa.String(64))
    reason: Mapped[str] = mapped_column(sa.String(200))
    flagged_count: Mapped[int]
    counted: Mapped[int]
    expected_share: Mapped[float] = mapped_column(sa.Double)


class ApiKeyRow(Base):
    """One API key; only a hash of its secret is kept."""

    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    secret_sha256: Mapped[str] = mapped_column(sa.String(64))
    label: Mapped[str] = mapped_column(sa.String(64))
    role: Mapped[str] = mapped_column(sa.String(16))
    # None: of all sites.
    sites: Mapped[list[str] | None] = mapped_column(NullableJson)
    licenses: Mapped[list[str] | None] = mapped_column(NullableJson)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class BrowserSessionRow(Base):
    """One sign-in on the page; only a hash of its token is kept."""

    __tablename__ = "browser_session"

    token_sha256: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    key_id: Mapped[str] = mapped_column(sa.ForeignKey("api_key.id"))
    expires_at: Mapped[datetime]


class IdempotencyRow(Base):
    """The answer once given to an Idempotency-Key of one API key."""

    __tablename__ = "idempotency"

    key_id: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(sa.String(64))
    answer: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(index=True)


class WebhookRow(Base):
    """One subscription; its secret is kept as it is, since each message is signed with it.

    ``cursor_seq`` is the last event that was looked at for it.
    """

    __tablename__ = "webhook"

    id: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    url: Mapped[str] = mapped_column(sa.String(500))
    types: Mapped[list[str]] = mapped_column(Json)
    # Empty for all sites.
    sites: Mapped[list[str]] = mapped_column(Json)
    secret: Mapped[str] = mapped_column(sa.String(100))
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(sa.String(64))
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str | None] = mapped_column(sa.String(40))
    cursor_seq: Mapped[int] = mapped_column(sa.BigInteger)


class WebhookDeliveryRow(Base):
    """One message to one subscriber, and how far it got."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        sa.UniqueConstraint("webhook_id", "event_seq", "type"),
        _partial("ix_webhook_delivery_due", "webhook_id", "not_before", where=PENDING),
        # Whether an earlier message of the same study still waits.
        _partial("ix_webhook_delivery_order", "webhook_id", "study_id", "id", where=PENDING),
        sa.Index("ix_webhook_delivery_state", "state", "ended_at"),
    )

    id: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    message_id: Mapped[str] = mapped_column(sa.String(40), unique=True)
    webhook_id: Mapped[str] = mapped_column(sa.ForeignKey("webhook.id"))
    # None in a test message.
    event_seq: Mapped[int | None] = mapped_column(sa.BigInteger)
    study_id: Mapped[str | None] = mapped_column(sa.String(36))
    type: Mapped[str] = mapped_column(sa.String(24))
    body: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(sa.String(16))
    attempts: Mapped[int]
    not_before: Mapped[datetime]
    # Until then somebody is sending it; after that, it is sent again.
    lease_until: Mapped[datetime | None]
    last_status: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(sa.String(24))
    ended_at: Mapped[datetime | None]
