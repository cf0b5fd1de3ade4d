"""Claims, holds, pins, alerts and targets per site.

Revision 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("targets_version", sa.Integer()),
    ("model_version", sa.String(length=64)),
    ("claimed_by", sa.String(length=16)),
    ("claimed_by_name", sa.String(length=64)),
    ("claim_sha256", sa.String(length=64)),
    ("claimed_at", sa.DateTime(timezone=True)),
    ("lease_until", sa.DateTime(timezone=True)),
    ("assigned_to", sa.String(length=16)),
    ("assigned_to_name", sa.String(length=64)),
    ("assigned_until", sa.DateTime(timezone=True)),
    ("held_at", sa.DateTime(timezone=True)),
    ("hold_reason", sa.String(length=200)),
    ("pinned_until", sa.DateTime(timezone=True)),
    ("pin_reason", sa.String(length=200)),
    ("wake_at", sa.DateTime(timezone=True)),
)
_INDEXES = (
    ("ix_study_wake_at", "wake_at", "wake_at IS NOT NULL"),
    ("ix_study_claim", "claim_sha256", "claim_sha256 IS NOT NULL"),
)


def upgrade() -> None:
    """Apply."""
    for name, kind in _COLUMNS:
        op.add_column("study", sa.Column(name, kind, nullable=True))
    held_ms = sa.Column("held_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    op.add_column("study", held_ms)
    for name, column, condition in _INDEXES:
        op.create_index(
            name,
            "study",
            [column],
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )
    op.create_table(
        "alert",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("study_id", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("addressee", sa.String(length=16), nullable=True),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("stage_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_how", sa.String(length=16), nullable=True),
        sa.Column("closed_by", sa.String(length=64), nullable=True),
        sa.Column("closed_name", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_alert_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        sa.UniqueConstraint("study_id", "revision", name=op.f("uq_alert_study_id_revision")),
    )
    op.create_index(
        "ix_alert_open",
        "alert",
        ["raised_at"],
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "site_targets",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "order_target_min",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("site", "version", name=op.f("pk_site_targets")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("site_targets")
    op.drop_index("ix_alert_open", table_name="alert")
    op.drop_table("alert")
    for name, _, _ in _INDEXES:
        op.drop_index(name, table_name="study")
    op.drop_column("study", "held_ms")
    for name, _ in reversed(_COLUMNS):
        op.drop_column("study", name)
