"""Numbers for Prometheus: how requests go, how much work waits. Never an ID of a study."""

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from preread.db.unit_of_work import UnitOfWork
from preread.ranking import to_ms
from preread.resources import Resources
from preread.study import TaskState
from preread.webhooks.attempts import DeliveryState, Outcome

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
_CONDITIONS = (
    "waiting",
    "flagged",
    "critical",
    "pending",
    "failed",
    "not_assessed",
    "receiving",
)


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.request_seconds = Histogram(
            "http_request_duration_seconds",
            "Time from the first byte of a request to the end of its answer, streams left out.",
            ("method", "route", "status"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self.uploaded_files = Counter(
            "preread_uploaded_files", "Files of accepted uploads.", registry=self._registry
        )
        self._tasks = Gauge(
            "preread_tasks", "Pre-reads by state.", ("state",), registry=self._registry
        )
        self._oldest = Gauge(
            "preread_oldest_ready_seconds",
            "For how long the oldest pre-read waits for a worker, 0 if none waits.",
            registry=self._registry,
        )
        self._studies = Gauge(
            "worklist_studies",
            "Studies on the worklist by condition; one study can count in several.",
            ("condition",),
            registry=self._registry,
        )
        self._tripped = Gauge(
            "preread_breaker_tripped",
            "1 while a site's circuit breaker withholds promotions, else 0.",
            ("site",),
            registry=self._registry,
        )
        self._flagged_share = Gauge(
            "preread_breaker_flagged_share",
            "Share of flagged studies in the window of a site's circuit breaker.",
            ("site",),
            registry=self._registry,
        )
        self._webhook_attempts = Counter(
            "preread_webhook_attempts",
            "Attempts of this process to deliver a message, by what came of it.",
            ("outcome",),
            registry=self._registry,
        )
        self._webhook_messages = Gauge(
            "preread_webhook_messages",
            "Messages to webhooks by state.",
            ("state",),
            registry=self._registry,
        )
        self._webhook_oldest = Gauge(
            "preread_webhook_oldest_pending_seconds",
            "For how long the oldest undelivered message waits, 0 if none waits.",
            registry=self._registry,
        )
        self._listeners = Gauge(
            "worklist_listeners", "Open event streams of this process.", registry=self._registry
        )

    def count_webhook(self, outcome: Outcome) -> None:
        """Count an attempt to deliver a message."""
        what = DeliveryState.DELIVERED.value if outcome.failure is None else outcome.failure.value
        self._webhook_attempts.labels(what).inc()

    def render(self, resources: Resources, listener_count: int) -> bytes:
        """Return all metrics in Prometheus' text format, those of the database read now."""
        with resources.reading() as work:
            self._read_database(resources, work)
        self._listeners.set(listener_count)
        return generate_latest(self._registry)

    def _read_database(self, resources: Resources, work: UnitOfWork) -> None:
        counts = work.tasks.counts()
        for state in TaskState:
            self._tasks.labels(state.value).set(counts[state])
        self._oldest.set(_seconds_since(work.tasks.oldest_ready_at(), resources))
        for delivery_state, count in work.webhooks.counts().items():
            self._webhook_messages.labels(delivery_state.value).set(count)
        self._webhook_oldest.set(_seconds_since(work.webhooks.oldest_pending_at(), resources))
        studies = work.worklist.counts()
        for condition in _CONDITIONS:
            self._studies.labels(condition).set(getattr(studies, condition))
        for breaker in work.breakers.all():
            window = breaker.window
            self._tripped.labels(breaker.site).set(breaker.tripped)
            self._flagged_share.labels(breaker.site).set(window.flagged_count / (window.count or 1))


def _seconds_since(then: datetime | None, resources: Resources) -> float:
    """Return how long ago something was, 0 if it never was or is yet to come."""
    ago_ms = 0 if then is None else to_ms(resources.clock()) - to_ms(then)
    return max(0, ago_ms) / 1000
