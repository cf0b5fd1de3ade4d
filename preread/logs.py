"""JSON logs on standard output that cannot carry patient data.

Only fields named here are written; everything else is dropped and counted, so a careless
log call loses detail instead of privacy. Exceptions are logged by class and code, without
their text. The loggers of libraries that quote DICOM values or queries are silenced.
"""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

ALLOWED: Final = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "source",
        "attempt",
        "bytes",
        "code",
        "count",
        "device",
        "duration_ms",
        "error_class",
        "files",
        "key_id",
        "kind",
        "method",
        "model",
        "pid",
        "port",
        "precision",
        "reason",
        "request_id",
        "revision",
        "role",
        "route",
        "seconds",
        "signal",
        "state",
        "status",
        "study_id",
        "task_id",
        "url",
        "version",
        "worker",
    }
)

_QUIET: Final = ("pydicom", "httpx", "httpcore", "rq.worker", "uvicorn.access", "alembic")


def configure_logs(level: str, stream: TextIO | None = None) -> None:
    """Send all logs of this process as JSON lines to a stream, by default standard output."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_exception,
        keep_allowed,
        structlog.processors.JSONRenderer(sort_keys=True),
    ]
    structlog.configure(
        processors=shared,
        wrapper_class=structlog.make_filtering_bound_logger(level.lower()),
        logger_factory=structlog.WriteLoggerFactory(stream or sys.stdout),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_ThroughStructlog()], level=level.upper(), force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return the logger of a module."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(source=name)
    return logger


def name_exception(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Replace an exception by its class and code; its text may quote a DICOM value."""
    del logger, method
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["error_class"] = type(error).__name__
        event["code"] = getattr(error, "code", None)
    return event


def keep_allowed(
    logger: WrappedLogger, method: str, event: MutableMapping[str, Any]
) -> Mapping[str, Any]:
    """Drop every field that is not on the list."""
    del logger, method
    kept = {key: value for key, value in event.items() if key in ALLOWED}
    dropped = len(event) - len(kept)
    if dropped:
        kept["dropped_fields"] = dropped
    return kept


class _ThroughStructlog(logging.Handler):
    """Library messages: their logger and level, never their text."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger(source=record.name)
        error = record.exc_info[1] if record.exc_info else None
        log.log(record.levelno, "library_message", exc_info=error)
