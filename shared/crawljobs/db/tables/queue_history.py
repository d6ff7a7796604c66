"""Tables of the history that charts show: queue, budgets and webhooks, by minute and by hour."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
)

from crawljobs.db.tables.columns import Timestamp, metadata


def _minutes() -> Column[int]:
    """Return the column for the number of recorded minutes, which is at most `step_minutes`."""
    return Column("minutes", SmallInteger, nullable=False, server_default="1")


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


# The state of the queue at the end of a minute, and its events within the minute. A row with
# `step_minutes` 60 has the averages of the states and the sums of the events of an hour. A minute
# in which no worker ran has no row.
queue_history = Table(
    "queue_history",
    metadata,
    Column("step_minutes", SmallInteger, primary_key=True, autoincrement=False),
    Column("at", Timestamp, primary_key=True),  # the start of the minute or the hour
    _minutes(),
    # The state at the end of the minute. Each count of jobs stops at 100,000.
    Column("waiting", Double, nullable=False),
    Column("crawling", Double, nullable=False),
    # Queued jobs by their priority.
    Column("queued_0_24", Double, nullable=False),
    Column("queued_25_49", Double, nullable=False),
    Column("queued_50_74", Double, nullable=False),
    Column("queued_75_100", Double, nullable=False),
    Column("oldest_queued_seconds", Double, nullable=False),
    Column("workers", Double, nullable=False),
    Column("database_bytes", Double, nullable=False),
    Column("dead_rows", Double, nullable=False),  # dead rows of the table crawl_jobs
    # The events within the minute. Each count of a minute stops at 20,000.
    _count("claims"),
    _count("succeeded"),
    _count("failed"),
    _count("cancelled"),
    _count("ticks_fired"),
    _count("ticks_missed"),
    # The waits of the claimed jobs, from the time when a job became claimable to its claim. Null if
    # no job was claimed.
    Column("wait_p50_seconds", Double),
    Column("wait_p95_seconds", Double),
    CheckConstraint("step_minutes IN (1, 60)", name="step_minutes"),
)

# The requests that all workers sent with a client id, and the state of this client id's budget.
budget_history = Table(
    "budget_history",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("step_minutes", SmallInteger, primary_key=True, autoincrement=False),
    Column("at", Timestamp, primary_key=True),
    _minutes(),
    # Requests that workers sent, by the source of the job. `requests_upkeep` are the requests
    # without a job: refreshes of stored items.
    _count("requests_user"),
    _count("requests_schedule"),
    _count("requests_discovery"),
    _count("requests_stale"),
    _count("requests_upkeep"),
    _count("throttled"),  # replies with the status 429
    _count("failures"),  # replies with a status of 500 or above, and requests without a reply
    # Requests of other programs with the same client id, as Reddit's replies report them.
    _count("others"),
    # The number of minutes at whose end all workers of the client id paused, for each reason.
    _count("rate_limited_minutes"),
    _count("outage_minutes"),
    _count("refused_minutes"),
    # The window of the budget at the end of the minute. The columns are null until a worker has
    # recorded the window.
    Column("usable", Double),
    Column("remaining", Double),
    Column("window_started_at", Timestamp),
    Column("others_in_window", Integer),
    CheckConstraint("step_minutes IN (1, 60)", name="step_minutes"),
    Index("budget_history_at_idx", "step_minutes", "at"),
)

# The attempts to deliver to an endpoint of webhooks. A minute without an attempt has no row.
webhook_history = Table(
    "webhook_history",
    metadata,
    # No foreign key, because the history of a deleted endpoint stays.
    Column("endpoint_id", BigInteger, primary_key=True, autoincrement=False),
    Column("step_minutes", SmallInteger, primary_key=True, autoincrement=False),
    Column("at", Timestamp, primary_key=True),
    _minutes(),
    _count("attempts"),
    _count("attempts_failed"),
    # The durations of the attempts in the minute.
    Column("attempt_p50_ms", Double, nullable=False),
    Column("attempt_p95_ms", Double, nullable=False),
    CheckConstraint("step_minutes IN (1, 60)", name="step_minutes"),
    Index("webhook_history_at_idx", "step_minutes", "at"),
)
