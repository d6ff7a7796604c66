"""The queue, and how its claims ended."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from crawljobs.db.tables.columns import NOW, Timestamp, id_column, metadata, one_of

# One request to crawl one subreddit, from enqueue to its end; at most one live per subreddit.
crawl_jobs = Table(
    "crawl_jobs",
    metadata,
    id_column(),
    Column("subreddit_id", BigInteger, ForeignKey("subreddits.id"), nullable=False),
    Column("status", Text, nullable=False),
    Column("wait_reason", Text),
    Column("priority", SmallInteger, nullable=False),  # effective: base plus aging
    Column("base_priority", SmallInteger, nullable=False),  # as asked for, boosts included
    Column("priority_ceiling", SmallInteger, nullable=False, server_default="100"),
    Column("source", Text, nullable=False),
    # No foreign key: to delete a schedule would write to all its jobs. It may be of a deleted one.
    Column("scheduled_job_id", BigInteger),
    Column("depth", SmallInteger, nullable=False, server_default="0"),
    Column("visible_at", Timestamp, nullable=False, server_default=NOW),
    Column("queued_at", Timestamp, nullable=False, server_default=NOW),  # waiting counts from here
    Column("created_at", Timestamp, nullable=False, server_default=NOW),
    Column("finished_at", Timestamp),
    Column("retry_count", Integer, nullable=False, server_default="0"),
    Column("retries", Integer, nullable=False, server_default="0"),
    Column("max_retries", SmallInteger, nullable=False, server_default="3"),
    Column(
        "next_retry_at",
        Timestamp,
        Computed("CASE WHEN wait_reason = 'retry' THEN visible_at END", persisted=True),
    ),
    Column("rescues_in_a_row", SmallInteger, nullable=False, server_default="0"),
    Column("claim_token", UUID(as_uuid=True)),
    Column("claimed_by", Text),
    Column("claimed_at", Timestamp),
    Column("lease_expires_at", Timestamp),
    Column("progress_at", Timestamp),
    Column("checkpoint", JSONB(none_as_null=True)),
    Column("rerun_requested", Boolean, nullable=False, server_default=text("false")),
    Column("rerun_priority", SmallInteger),
    Column("rerun_source", Text),
    Column("rerun_visible_at", Timestamp),  # the earliest time that a wish allowed
    Column("traceparent", Text),  # W3C: what asked for the crawl, in a trace
    Column("rerun_traceparent", Text),  # the same of a wish
    Column("incomplete", Boolean, nullable=False, server_default=text("false")),  # parts given up
    # An operator woke or retried it: it may begin before the gap between two crawls has passed.
    Column("gap_waived", Boolean, nullable=False, server_default=text("false")),
    Column("outcome", Text),  # of a succeeded crawl: crawled, no_budget, or the access state met
    Column("error_kind", Text),
    Column("error_message", Text),
    one_of(
        "status",
        "blocked",
        "waiting",
        "queued",
        "crawling",
        "succeeded",
        "failed",
        "cancelled",
        name="status",
    ),
    one_of(
        "wait_reason",
        "retry",
        "rate_limit",
        "politeness",
        "paused",
        "outage",
        "later",
        nullable=True,
        name="wait_reason",
    ),
    one_of("source", "user", "schedule", "discovery", "stale", name="source"),
    one_of("error_kind", "permanent", "retryable", "deferred", nullable=True, name="error_kind"),
    CheckConstraint("(status = 'waiting') = (wait_reason IS NOT NULL)", name="waits_for_a_reason"),
    CheckConstraint(
        "(status = 'crawling') = (claim_token IS NOT NULL) "
        "AND (claim_token IS NULL) = (claimed_by IS NULL) "
        "AND (claim_token IS NULL) = (claimed_at IS NULL) "
        "AND (claim_token IS NULL) = (lease_expires_at IS NULL)",
        name="claimed_iff_crawling",
    ),
    CheckConstraint(
        "(status IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)",
        name="finished_iff_final",
    ),
    CheckConstraint(
        "priority BETWEEN 0 AND 100 AND base_priority BETWEEN 0 AND 100 "
        "AND priority_ceiling BETWEEN 0 AND 100 AND rerun_priority BETWEEN 0 AND 100",
        name="priorities",
    ),
    CheckConstraint(
        "retry_count >= 0 AND retries >= 0 AND max_retries BETWEEN 0 AND 100", name="retries"
    ),
    CheckConstraint(
        "rerun_requested = (rerun_priority IS NOT NULL) "
        "AND rerun_requested = (rerun_source IS NOT NULL) "
        "AND (NOT rerun_requested OR status IN ('waiting', 'queued', 'crawling'))",
        name="rerun_while_the_crawl_goes_on",
    ),
    CheckConstraint(
        "traceparent ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$' "
        "AND rerun_traceparent ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$'",
        name="traceparent",
    ),
    # Dedup: one live job per subreddit.
    Index(
        "crawl_jobs_live_key",
        "subreddit_id",
        unique=True,
        postgresql_where=text("status IN ('blocked', 'waiting', 'queued', 'crawling')"),
    ),
    # A claim walks this index from its start and never sorts.
    Index(
        "crawl_jobs_claim_idx",
        text("priority DESC"),
        "created_at",
        "id",
        postgresql_where=text("status = 'queued'"),
    ),
    Index("crawl_jobs_due_idx", "visible_at", postgresql_where=text("status = 'waiting'")),
    # Those that wait for a cause which is stored elsewhere: what has lost it is found here.
    Index(
        "crawl_jobs_parked_idx",
        "visible_at",
        postgresql_where=text(
            "status = 'waiting' AND wait_reason IN ('outage', 'paused', 'politeness', 'rate_limit')"
        ),
    ),
    # Those that may still age: what has reached its ceiling is never looked at again.
    Index(
        "crawl_jobs_climbing_idx",
        "queued_at",
        "id",
        postgresql_where=text("status = 'queued' AND priority < priority_ceiling"),
    ),
    # The others; together they show the oldest, and lists walk both.
    Index(
        "crawl_jobs_at_ceiling_idx",
        "queued_at",
        "id",
        postgresql_where=text("status = 'queued' AND priority >= priority_ceiling"),
    ),
    # Those that somebody retried; all others were made when they were queued.
    Index(
        "crawl_jobs_queued_again_idx",
        "created_at",
        "id",
        postgresql_where=text("status = 'queued' AND queued_at > created_at"),
    ),
    # Leases and progress are in no index, so that extending one is a HOT update.
    Index("crawl_jobs_crawling_idx", "id", postgresql_where=text("status = 'crawling'")),
    # The live one is found by the dedup index: this one is written once in a job's life.
    Index(
        "crawl_jobs_subreddit_ended_idx",
        "subreddit_id",
        "id",
        postgresql_where=text("status IN ('succeeded', 'failed', 'cancelled')"),
    ),
    # Lists walk these, the newest first. What is crawled is little, and has an index of its own.
    Index(
        "crawl_jobs_listed_idx",
        "status",
        "created_at",
        "id",
        postgresql_where=text("status <> 'crawling' AND status <> 'queued'"),
    ),
    Index(
        "crawl_jobs_ended_idx",
        "status",
        "finished_at",
        "id",
        postgresql_where=text("status IN ('succeeded', 'failed', 'cancelled')"),
    ),
    # Lists of the jobs of one schedule.
    Index(
        "crawl_jobs_scheduled_job_id_idx",
        "scheduled_job_id",
        postgresql_where=text("scheduled_job_id IS NOT NULL"),
    ),
)

# A claim that ended, and how. No foreign key: it would lock the hot row a second time; a job and
# its attempts are pruned by one statement. Deferrals in a row that differ in numbers at most are
# one row, with the last of them in `started_at` and `ended_at`.
crawl_job_attempts = Table(
    "crawl_job_attempts",
    metadata,
    id_column(),
    Column("job_id", BigInteger, nullable=False),
    Column("worker", Text, nullable=False),
    Column("started_at", Timestamp, nullable=False),
    Column("ended_at", Timestamp, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("error_kind", Text),
    Column("error_message", Text),
    Column("times", Integer, nullable=False, server_default="1"),
    Column("first_started_at", Timestamp),  # of several; null: of one
    one_of(
        "outcome",
        "succeeded",
        "failed",
        "deferred",
        "released",
        "lease_expired",
        "cancelled",
        name="outcome",
    ),
    Index("crawl_job_attempts_job_id_idx", "job_id"),
)
