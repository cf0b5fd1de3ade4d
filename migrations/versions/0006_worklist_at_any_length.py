"""An index for each filter of the worklist, and a tally of the studies that triggers keep.

Revision 0006, after 0005. A later migration that builds the table of studies anew (SQLite's batch
mode) has to make the triggers again: SQLite drops them with the table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ORDER = ("lane", "key_ms", "t0_ms", "id")
_RANKED = sa.text("ranked")
_FLAGGED = sa.text("ranked = true AND rank_level IN ('critical', 'suspected')")


def _found(kind: str) -> sa.TextClause:
    return sa.text(f"ranked = true AND CAST(findings AS TEXT) LIKE '%\"{kind}\"%'")


_INDEXES = {
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
    "ix_study_read_state_site": (("site", "read_state"), None),
}

_COLUMNS = "site, ranked, settled, completed_at, read_state, rank_level, ai_state"
_TALLY = "INSERT INTO worklist_tally (site, place, rank_level, ai_state, number, summed)"


def _condition(row: str) -> str:
    """Return what of a row is tallied, as four columns of SQL."""
    place = (
        f"CASE WHEN {row}ranked THEN 'waiting' "
        f"WHEN NOT {row}settled AND {row}completed_at IS NULL THEN 'receiving' "
        f"ELSE {row}read_state END"
    )
    return f"{row}site, {place}, {row}rank_level, {row}ai_state"


def _left(no: str) -> str:
    return f"{_TALLY} VALUES ({_condition('OLD.')}, -1, {no})"


def _came(no: str) -> str:
    return f"{_TALLY} VALUES ({_condition('NEW.')}, 1, {no})"


def _sqlite_triggers() -> tuple[str, ...]:
    moved = f"({_condition('OLD.')}) IS NOT ({_condition('NEW.')})"
    return (
        f"CREATE TRIGGER study_tally_insert AFTER INSERT ON study BEGIN {_came('0')}; END",
        f"CREATE TRIGGER study_tally_delete AFTER DELETE ON study BEGIN {_left('0')}; END",
        (
            f"CREATE TRIGGER study_tally_update AFTER UPDATE OF {_COLUMNS} ON study "
            f"WHEN {moved} BEGIN {_left('0')}; {_came('0')}; END"
        ),
    )


def _postgres_triggers() -> tuple[str, ...]:
    moved = f"ROW({_condition('OLD.')}) IS DISTINCT FROM ROW({_condition('NEW.')})"
    each = "FOR EACH ROW EXECUTE FUNCTION study_tally()"
    return (
        (
            "CREATE FUNCTION study_tally() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF TG_OP <> 'INSERT' THEN {_left('false')}; END IF; "
            f"IF TG_OP <> 'DELETE' THEN {_came('false')}; END IF; "
            "RETURN NULL; END $$"
        ),
        f"CREATE TRIGGER study_tally_insert AFTER INSERT ON study {each}",
        f"CREATE TRIGGER study_tally_delete AFTER DELETE ON study {each}",
        (
            f"CREATE TRIGGER study_tally_update AFTER UPDATE OF {_COLUMNS} ON study "
            f"FOR EACH ROW WHEN ({moved}) EXECUTE FUNCTION study_tally()"
        ),
    )


def upgrade() -> None:
    """Apply."""
    for name, (columns, where) in _INDEXES.items():
        op.create_index(
            name, "study", [*columns, *_ORDER], sqlite_where=where, postgresql_where=where
        )
    op.drop_index("ix_study_counts", table_name="study")
    op.create_table(
        "worklist_tally",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("place", sa.String(length=16), nullable=False),
        sa.Column("rank_level", sa.String(length=16), nullable=True),
        sa.Column("ai_state", sa.String(length=16), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("summed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worklist_tally")),
    )
    op.create_index("ix_worklist_tally_site", "worklist_tally", ["site"])
    postgres = op.get_bind().dialect.name == "postgresql"
    yes = "true" if postgres else "1"
    columns = f"{_condition('')}, count(*), {yes}"
    counted = f"SELECT {columns} FROM study GROUP BY 1, 2, 3, 4"  # noqa: S608 - our own words
    op.execute(f"{_TALLY} {counted}")
    for statement in _postgres_triggers() if postgres else _sqlite_triggers():
        op.execute(statement)


def downgrade() -> None:
    """Take back."""
    postgres = op.get_bind().dialect.name == "postgresql"
    for name in ("insert", "update", "delete"):
        op.execute(f"DROP TRIGGER study_tally_{name}{' ON study' if postgres else ''}")
    if postgres:
        op.execute("DROP FUNCTION study_tally()")
    op.drop_index("ix_worklist_tally_site", table_name="worklist_tally")
    op.drop_table("worklist_tally")
    op.create_index(
        "ix_study_counts",
        "study",
        ["site", "rank_level", "ai_state", "ranked"],
        sqlite_where=_RANKED,
        postgresql_where=_RANKED,
    )
    for name in _INDEXES:
        op.drop_index(name, table_name="study")
