"""Delete old responses of idempotency keys and old rows of processes, the oldest first."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from crawljobs.repository.queue.queue_sql import NOW, passing_over

_PRUNE_KEYS = text(f"""
    DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM idempotency_keys
        WHERE created_at < {NOW} - CAST(:retention AS interval)
        ORDER BY created_at LIMIT :at_most FOR UPDATE SKIP LOCKED
    ))
    """)

_PRUNE_INSTANCES = text(f"""
    DELETE FROM service_instances WHERE name = ANY (ARRAY(
        SELECT name FROM service_instances
        WHERE seen_at < {NOW} - CAST(:retention AS interval)
        ORDER BY seen_at LIMIT :at_most FOR UPDATE SKIP LOCKED
    ))
    """)


def prune_keys(
    conn: Connection,
    *,
    retention: timedelta,
    at_most: int = 1_000,
    skip: int = 0,
    now: datetime | None = None,
) -> int:
    """Delete at most `at_most` responses of idempotency keys that are older than `retention`.

    Skips the `skip` oldest responses, which the database refused to delete before. Returns the
    number of deleted responses.
    """
    values = {"retention": retention, "at_most": at_most, "now": now}
    return conn.execute(passing_over(_PRUNE_KEYS, skip), values).rowcount


def prune_instances(
    conn: Connection,
    *,
    retention: timedelta,
    at_most: int = 1_000,
    skip: int = 0,
    now: datetime | None = None,
) -> int:
    """Delete at most `at_most` rows of processes without a heartbeat for `retention`.

    Skips the `skip` oldest rows, which the database refused to delete before. Returns the number of
    deleted rows.
    """
    values = {"retention": retention, "at_most": at_most, "now": now}
    return conn.execute(passing_over(_PRUNE_INSTANCES, skip), values).rowcount
