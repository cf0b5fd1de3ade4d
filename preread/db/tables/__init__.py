"""The tables, as SQLAlchemy sees them; whoever imports one of them has declared them all.

A foreign key names its table, and migrations are compared with the whole of them.
"""

from preread.db.tables import access, log, pre_reads, ranking, readers, study, webhooks

__all__ = ["access", "log", "pre_reads", "ranking", "readers", "study", "webhooks"]
