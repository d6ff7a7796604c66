"""Delete old responses, records of processes, finished operations, and rows of histories."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum, auto

from sqlalchemy import Connection, text

from crawljobs.repository.queue.queue_sql import NOW, passing_over


class Records(Enum):
    """The records that `prune` can delete."""

    KEYS = auto()  # the responses of idempotency keys; their age begins when they are created
    INSTANCES = auto()  # processes; their age begins at the last heartbeat
    OPERATIONS = auto()  # finished operations; their age begins when they finish
    SCORES = auto()  # former scores of posts; their age begins when they were recorded
    COUNTS = auto()  # former numbers of subscribers; their age begins when they were recorded
    # The history of queue, budgets and webhooks; the age begins with the minute or the hour.
    QUEUE_MINUTES = auto()
    QUEUE_HOURS = auto()
    BUDGET_MINUTES = auto()
    BUDGET_HOURS = auto()
    WEBHOOK_MINUTES = auto()
    WEBHOOK_HOURS = auto()


_PRUNE = {
    Records.KEYS: text(f"""
        DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM idempotency_keys
            WHERE created_at < {NOW} - CAST(:retention AS interval)
            ORDER BY created_at LIMIT :at_most FOR UPDATE SKIP LOCKED
        ))
        """),
    Records.INSTANCES: text(f"""
        DELETE FROM service_instances WHERE name = ANY (ARRAY(
            SELECT name FROM service_instances
            WHERE seen_at < {NOW} - CAST(:retention AS interval)
            ORDER BY seen_at LIMIT :at_most FOR UPDATE SKIP LOCKED
        ))
        """),
    Records.OPERATIONS: text(f"""
        DELETE FROM operations WHERE id = ANY (ARRAY(
            SELECT id FROM operations
            WHERE finished_at < {NOW} - CAST(:retention AS interval)
            ORDER BY finished_at, id LIMIT :at_most FOR UPDATE SKIP LOCKED
        ))
        """),
    **{
        records: text(f"""
        DELETE FROM {table} WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM {table}
            WHERE seen_at < {NOW} - CAST(:retention AS interval)
            ORDER BY seen_at LIMIT :at_most FOR UPDATE SKIP LOCKED
        ))
        """)
        for records, table in (
            (Records.SCORES, "post_scores"),
            (Records.COUNTS, "subreddit_counts"),
        )
    },
    **{
        records: text(f"""
        DELETE FROM {table} WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM {table}
            WHERE step_minutes = {step} AND at < {NOW} - CAST(:retention AS interval)
            ORDER BY at LIMIT :at_most FOR UPDATE SKIP LOCKED
        ))
        """)
        for records, table, step in (
            (Records.QUEUE_MINUTES, "queue_history", 1),
            (Records.QUEUE_HOURS, "queue_history", 60),
            (Records.BUDGET_MINUTES, "budget_history", 1),
            (Records.BUDGET_HOURS, "budget_history", 60),
            (Records.WEBHOOK_MINUTES, "webhook_history", 1),
            (Records.WEBHOOK_HOURS, "webhook_history", 60),
        )
    },
}


def prune(
    conn: Connection,
    *,
    records: Records,
    retention: timedelta,
    at_most: int = 1_000,
    skip: int = 0,
    now: datetime | None = None,
) -> int:
    """Delete at most `at_most` records that are older than `retention`, the oldest first.

    The database refused to delete the `skip` oldest records in earlier calls, so the function
    leaves them out. Returns the number of deleted records.
    """
    values = {"retention": retention, "at_most": at_most, "now": now}
    return conn.execute(passing_over(_PRUNE[records], skip), values).rowcount
