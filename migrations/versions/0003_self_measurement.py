"""Feedback of readers, circuit breakers of sites, and the scanner of a study.

Revision 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _json() -> sa.JSON:
    return sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def _number() -> sa.BigInteger:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.add_column("study", sa.Column("scanner", sa.String(length=64), nullable=True))
    op.add_column("study", sa.Column("rank_cap", sa.String(length=16), nullable=True))
    op.create_index("ix_report_kind", "report", ["kind", "reported_at"])
    op.create_index("ix_event_kind", "event", ["kind", "at"])
    op.create_table(
        "feedback",
        sa.Column("id", _number(), autoincrement=True, nullable=False),
        sa.Column("study_id", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("reader", sa.String(length=64), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("model_version", sa.String(length=64), nullable=True),
        sa.Column("probability", sa.Double(), nullable=True),
        sa.Column("named", _json(), nullable=False),
        sa.Column("verdict", sa.String(length=2), nullable=False),
        sa.Column("score", sa.SmallInteger(), nullable=True),
        sa.Column("types", _json(), nullable=False),
        sa.Column("places", _json(), nullable=False),
        sa.Column("volume", sa.String(length=16), nullable=True),
        sa.Column("false_positive_cause", sa.String(length=16), nullable=True),
        sa.ForeignKeyConstraint(
            ["study_id"], ["study.id"], name=op.f("fk_feedback_study_id_study")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
    )
    op.create_index(op.f("ix_feedback_study_id"), "feedback", ["study_id"])
    op.create_table(
        "breaker",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("flags", sa.String(length=100), nullable=False),
        sa.Column("expected_share", sa.Double(), nullable=True),
        sa.Column("tripped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tripped_by_study", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(
            ["tripped_by_study"], ["study.id"], name=op.f("fk_breaker_tripped_by_study_study")
        ),
        sa.PrimaryKeyConstraint("site", name=op.f("pk_breaker")),
    )
    op.create_table(
        "breaker_change",
        sa.Column("id", _number(), autoincrement=True, nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("flagged_count", sa.Integer(), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.Column("expected_share", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_breaker_change")),
    )
    op.create_index(op.f("ix_breaker_change_site"), "breaker_change", ["site"])


def downgrade() -> None:
    """Take back."""
    op.drop_index(op.f("ix_breaker_change_site"), table_name="breaker_change")
    op.drop_table("breaker_change")
    op.drop_table("breaker")
    op.drop_index(op.f("ix_feedback_study_id"), table_name="feedback")
    op.drop_table("feedback")
    op.drop_index("ix_event_kind", table_name="event")
    op.drop_index("ix_report_kind", table_name="report")
    op.drop_column("study", "rank_cap")
    op.drop_column("study", "scanner")
