"""Stored ranking policies and their record, sites, keys of several sites with licenses.

Revision 0004, after 0003.
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _json() -> sa.JSON:
    return sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def _nullable_json() -> sa.JSON:
    return sa.JSON(none_as_null=True).with_variant(
        postgresql.JSONB(none_as_null=True), "postgresql"
    )


def _number() -> sa.BigInteger:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.add_column("study", sa.Column("promise_policy", sa.Integer(), nullable=True))
    op.add_column("study", sa.Column("rank_policy", sa.Integer(), nullable=True))
    op.create_table(
        "policy",
        sa.Column("number", _number(), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("order_target_min", _json(), nullable=False),
        sa.Column("promotions", _json(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("actor_name", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_policy")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "policy_change",
        sa.Column("id", _number(), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("step", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("number_before", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("actor_name", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("summary", _json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_change")),
    )
    op.create_table(
        "site",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("viewer_url", sa.String(length=500), nullable=False),
        sa.Column("license", sa.String(length=16), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("site", name=op.f("pk_site")),
    )
    op.add_column("api_key", sa.Column("sites", _nullable_json(), nullable=True))
    op.add_column("api_key", sa.Column("licenses", _nullable_json(), nullable=True))
    _move_sites("site", "sites", lambda site: [site])
    op.drop_column("api_key", "site")


def downgrade() -> None:
    """Take back; a key of several sites is left with the first one, never with all."""
    op.add_column("api_key", sa.Column("site", sa.String(length=64), nullable=True))
    _move_sites("sites", "site", lambda sites: sites[0])
    op.drop_column("api_key", "licenses")
    op.drop_column("api_key", "sites")
    op.drop_table("site")
    op.drop_table("policy_change")
    op.drop_table("policy")
    op.drop_column("study", "rank_policy")
    op.drop_column("study", "promise_policy")


def _move_sites(old: str, new: str, turn: Callable[[Any], Any]) -> None:
    keys = sa.table(
        "api_key",
        sa.column("id", sa.String()),
        sa.column("site", sa.String()),
        sa.column("sites", _nullable_json()),
    )
    bound = op.get_bind()
    rows = bound.execute(sa.select(keys.c.id, keys.c[old]).where(keys.c[old].is_not(None))).all()
    for key_id, value in rows:
        bound.execute(sa.update(keys).where(keys.c.id == key_id).values({new: turn(value)}))
