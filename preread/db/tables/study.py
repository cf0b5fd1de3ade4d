"""A study, the indexes of the lists that show it, and the tally of how many are where."""

from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from preread.db.tables.base import Base, Json, Sequence, partial_index
from preread.terms import HemorrhageType

RANKED: Final[sa.ColumnElement[bool]] = sa.literal_column("ranked")
UNSETTLED: Final[sa.ColumnElement[bool]] = sa.literal_column("NOT settled")
TIMED: Final[sa.ColumnElement[bool]] = sa.literal_column("wake_at IS NOT NULL")
CLAIMED: Final[sa.ColumnElement[bool]] = sa.literal_column("claim_sha256 IS NOT NULL")
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


def _listed(name: str, *first: str, where: sa.ColumnElement[bool] = RANKED) -> sa.Index:
    """Return an index of a list in its order, for some filters at its head.

    Behind the order stand the other filters: what a second one refuses is then passed over within
    the index, without a look at the study itself.
    """
    behind = (column for column in _FILTERS if column not in first)
    return partial_index(name, *first, *_READING_ORDER, *behind, where=where)


class StudyRow(Base):
    """One study of one site: what it is, where it stands and how far it got."""

    __tablename__ = "study"
    __table_args__ = (
        sa.UniqueConstraint("site", "study_instance_uid"),
        # One for each filter of the list, over all sites and for one: a page is read from where
        # it begins, however rare what it shows is among those that wait.
        partial_index("ix_study_worklist", *_READING_ORDER, where=RANKED),
        partial_index("ix_study_worklist_site", "site", *_READING_ORDER, where=RANKED),
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
        partial_index("ix_study_unsettled", "last_instance_at", where=UNSETTLED),
        partial_index("ix_study_wake_at", "wake_at", where=TIMED),
        partial_index("ix_study_claim", "claim_sha256", where=CLAIMED),
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
