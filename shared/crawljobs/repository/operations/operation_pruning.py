"""Delete finished operations after the retention time."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, any_, bindparam, delete, select

from crawljobs.db.tables import operations
from crawljobs.repository.sql import NOW, array_of, interval

_old = operations.alias("old")
_PRUNE = delete(operations).where(
    operations.c.id
    == any_(
        array_of(
            select(_old.c.id)
            .where(_old.c.finished_at < NOW - interval("retention"))
            .order_by(_old.c.finished_at, _old.c.id)
            .limit(bindparam("at_most"))
            .offset(bindparam("skip"))
            .with_for_update(skip_locked=True)
        )
    )
)


def prune_operations(
    conn: Connection,
    *,
    retention: timedelta,
    at_most: int = 1_000,
    skip: int = 0,
    now: datetime | None = None,
) -> int:
    """Delete at most `at_most` operations that finished over `retention` ago, the oldest first.

    Skips the `skip` oldest operations, which the database refused to delete before. Returns the
    number of deleted operations.
    """
    values = {"retention": retention, "at_most": at_most, "skip": skip, "now": now}
    return conn.execute(_PRUNE, values).rowcount
