"""The other filters behind the order in each index of a filter, for lists that two are asked of.

Revision 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ORDER = ("lane", "key_ms", "t0_ms", "id")
_FILTERS = ("order_class", "level", "ai_state")
_RANKED = sa.text("ranked")
_FLAGGED = sa.text("ranked = true AND rank_level IN ('critical', 'suspected')")


def _found(kind: str) -> sa.TextClause:
    return sa.text(f"ranked = true AND CAST(findings AS TEXT) LIKE '%\"{kind}\"%'")


_INDEXES = {
    "ix_study_ai_state": (("ai_state",), _RANKED),
    "ix_study_ai_state_site": (("site", "ai_state"), _RANKED),
    "ix_study_order_class": (("order_class",), _RANKED),
    "ix_study_order_class_site": (("site", "order_class"), _RANKED),
    "ix_study_level": (("level",), _RANKED),
    "ix_study_level_site": (("site", "level"), _RANKED),
    "ix_study_flagged": ((), _FLAGGED),
    "ix_study_flagged_site": (("site",), _FLAGGED),
    **{
        f"ix_study_{kind.lower()}": ((), _found(kind))
        for kind in ("IPH", "IVH", "SAH", "SDH", "EDH")
    },
}


def _make_anew(behind: tuple[str, ...]) -> None:
    for name, (first, where) in _INDEXES.items():
        op.drop_index(name, table_name="study")
        columns = [*first, *_ORDER, *(column for column in behind if column not in first)]
        op.create_index(name, "study", columns, sqlite_where=where, postgresql_where=where)


def upgrade() -> None:
    """Apply."""
    _make_anew(_FILTERS)


def downgrade() -> None:
    """Take back."""
    _make_anew(())
