"""Carries messages: threads of their own, so that a receiver that hangs holds up nobody else.

Each subscription is served by one thread of a process at a time, and leaves it after a failed
attempt, so that receivers that hang take turns and do not keep the others waiting for ever.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Final

import sqlalchemy.exc

from preread.errors import WebhookNotFound
from preread.logs import get_logger
from preread.resources import Resources
from preread.webhooks.attempts import Outcome
from preread.webhooks.outbox import Posting, queue_messages, settle, take_next
from preread.webhooks.posting import Poster
from preread.webhooks.signing import signed_headers

THREADS: Final = 8
_IN_A_ROW: Final = 50

_log = get_logger(__name__)


class Courier:
    """Sends what waits, whenever it is told to look."""

    def __init__(
        self,
        resources: Resources,
        post: Poster,
        heard: Callable[[Outcome], None] = lambda _: None,
    ) -> None:
        self._resources = resources
        self._post = post
        self._heard = heard
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="webhooks")
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def look(self) -> None:
        """Queue what happened, and begin to send whatever may be sent now."""
        queue_messages(self._resources)
        with self._resources.reading() as work:
            due = work.webhooks.with_due(self._resources.clock())
        for webhook_id in due:
            with self._lock:
                if webhook_id in self._busy or self._closing.is_set():
                    continue
                self._busy.add(webhook_id)
            served = self._threads.submit(self._serve, webhook_id)
            served.add_done_callback(partial(self._leave, webhook_id))

    @property
    def busy(self) -> bool:
        """Whether a message is on its way."""
        with self._lock:
            return bool(self._busy)

    def close(self) -> None:
        """Let the attempts of now end and begin no more; what waits, waits in the database."""
        self._closing.set()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _serve(self, webhook_id: str) -> None:
        for _ in range(_IN_A_ROW):
            posting = None if self._closing.is_set() else take_next(self._resources, webhook_id)
            if posting is None:
                return
            outcome = self._send(posting)
            self._heard(outcome)
            settle(self._resources, posting, outcome)
            if outcome.failure is not None:
                return

    def _send(self, posting: Posting) -> Outcome:
        body = posting.body.encode()
        sent_s = int(self._resources.clock().timestamp())
        headers = signed_headers(posting.secret, posting.message_id, sent_s, body)
        outcome = self._post(posting.url, headers, body)
        if outcome.failure is not None:
            _log.warning(
                "webhook_not_delivered",
                reason=outcome.failure.value,
                status=outcome.status,
                attempt=posting.attempt,
            )
        return outcome

    def _leave(self, webhook_id: str, done: Future[None]) -> None:
        with self._lock:
            self._busy.discard(webhook_id)
        error = None if done.cancelled() else done.exception()
        if error is None or isinstance(error, WebhookNotFound):  # deleted while it was sent
            return
        if isinstance(error, sqlalchemy.exc.SQLAlchemyError):
            _log.warning("webhook_database_failed", exc_info=error)  # the lease runs out
        else:
            _log.error("webhook_thread_died", exc_info=error)
