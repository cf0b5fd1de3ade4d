"""API keys, browser sessions and the answers to idempotency keys."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from preread.db.studies import insert_unless_there
from preread.db.tables.access import ApiKeyRow, BrowserSessionRow, IdempotencyRow


class KeyRepository:
    """Who may call."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: ApiKeyRow) -> None:
        """Add a key."""
        self._session.add(row)

    def add_unless_there(self, row: ApiKeyRow) -> None:
        """Add a key unless there is one of this ID."""
        columns = sa.inspect(ApiKeyRow).column_attrs
        values = {column.key: getattr(row, column.key) for column in columns}
        insert_unless_there(self._session, ApiKeyRow, values)

    def find(self, key_id: str) -> ApiKeyRow | None:
        """Return the row of a key, whether it is still good or not."""
        return self._session.get(ApiKeyRow, key_id)

    def all(self) -> tuple[ApiKeyRow, ...]:
        """Return all keys, oldest first."""
        return tuple(self._session.scalars(sa.select(ApiKeyRow).order_by(ApiKeyRow.created_at)))

    def add_session(self, row: BrowserSessionRow) -> None:
        """Add a sign-in."""
        self._session.add(row)

    def find_session(self, token_sha256: str) -> BrowserSessionRow | None:
        """Return a sign-in, whether it is still good or not."""
        return self._session.get(BrowserSessionRow, token_sha256)

    def end_session(self, token_sha256: str) -> None:
        """Forget a sign-in."""
        self._session.execute(
            sa.delete(BrowserSessionRow).where(BrowserSessionRow.token_sha256 == token_sha256)
        )

    def forget_before(self, *, answers_before: datetime, sessions_before: datetime) -> None:
        """Forget old answers and sign-ins that ended."""
        self._session.execute(
            sa.delete(IdempotencyRow).where(IdempotencyRow.created_at < answers_before)
        )
        self._session.execute(
            sa.delete(BrowserSessionRow).where(BrowserSessionRow.expires_at < sessions_before)
        )

    def answer(self, key_id: str, idempotency_key: str) -> IdempotencyRow | None:
        """Return what was once answered to this key."""
        return self._session.get(IdempotencyRow, (key_id, idempotency_key))

    def keep_answer(
        self,
        key_id: str,
        idempotency_key: str,
        *,
        fingerprint: str,
        answer: dict[str, Any],
        now: datetime,
    ) -> bool:
        """Remember an answer; False if another request was faster."""
        return insert_unless_there(
            self._session,
            IdempotencyRow,
            {
                "key_id": key_id,
                "idempotency_key": idempotency_key,
                "fingerprint": fingerprint,
                "answer": answer,
                "created_at": now,
            },
        )
