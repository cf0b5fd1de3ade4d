"""Webhooks: subscriptions and their messages; why a circuit breaker tripped; the log as a chain.

Revision 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_PENDING = sa.text("state = 'pending'")


def _json() -> sa.JSON:
    return sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def _number() -> sa.BigInteger:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.add_column("event", sa.Column("sha256", sa.String(length=64), nullable=True))
    op.create_table(
        "log_head",
        sa.Column("log", sa.String(length=16), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("log", name=op.f("pk_log_head")),
    )
    op.add_column("breaker", sa.Column("cause", sa.String(length=16), nullable=True))
    op.add_column("breaker", sa.Column("reason", sa.String(length=200), nullable=True))
    op.add_column(
        "breaker_change",
        sa.Column("cause", sa.String(length=16), nullable=False, server_default="flagged_share"),
    )
    op.create_table(
        "webhook",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("types", _json(), nullable=False),
        sa.Column("sites", _json(), nullable=False),
        sa.Column("secret", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_reason", sa.String(length=40), nullable=True),
        sa.Column("cursor_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("id", _number(), autoincrement=True, nullable=False),
        sa.Column("message_id", sa.String(length=40), nullable=False),
        sa.Column("webhook_id", sa.String(length=16), nullable=False),
        sa.Column("event_seq", sa.BigInteger(), nullable=True),
        sa.Column("study_id", sa.String(length=36), nullable=True),
        sa.Column("type", sa.String(length=24), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=24), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhook.id"], name=op.f("fk_webhook_delivery_webhook_id_webhook")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
        sa.UniqueConstraint("message_id", name=op.f("uq_webhook_delivery_message_id")),
        sa.UniqueConstraint(
            "webhook_id",
            "event_seq",
            "type",
            name=op.f("uq_webhook_delivery_webhook_id_event_seq_type"),
        ),
    )
    for name, columns in (
        ("ix_webhook_delivery_due", ["webhook_id", "not_before"]),
        ("ix_webhook_delivery_order", ["webhook_id", "study_id", "id"]),
    ):
        op.create_index(
            name,
            "webhook_delivery",
            columns,
            sqlite_where=_PENDING,
            postgresql_where=_PENDING,
        )
    op.create_index("ix_webhook_delivery_state", "webhook_delivery", ["state", "ended_at"])


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_webhook_delivery_state", table_name="webhook_delivery")
    op.drop_index("ix_webhook_delivery_order", table_name="webhook_delivery")
    op.drop_index("ix_webhook_delivery_due", table_name="webhook_delivery")
    op.drop_table("webhook_delivery")
    op.drop_table("webhook")
    op.drop_column("breaker_change", "cause")
    op.drop_column("breaker", "reason")
    op.drop_column("breaker", "cause")
    op.drop_table("log_head")
    if op.get_bind().dialect.name == "postgresql":  # numbers came from the head, not from here
        op.execute(
            "SELECT setval(pg_get_serial_sequence('event', 'seq'), "
            "greatest(max(seq), 1), max(seq) IS NOT NULL) FROM event"
        )
    op.drop_column("event", "sha256")
