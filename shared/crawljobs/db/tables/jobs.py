"""The table of the jobs of the queue."""

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

# The live statuses. Statements use the same text: with bound parameters, the planner could not use
# the partial indexes.
LIVE = "('blocked', 'waiting', 'queued', 'crawling')"

# A job to crawl one subreddit, from enqueue to its final status. A subreddit has at most one live
# job.
crawl_jobs = Table(
    "crawl_jobs",
    metadata,
    id_column(),
    Column("subreddit_id", BigInteger, ForeignKey("subreddits.id"), nullable=False),
    Column("status", Text, nullable=False),
    Column("wait_reason", Text),
    Column("priority", SmallInteger, nullable=False),  # effective: base plus aging
    Column("base_priority", SmallInteger, nullable=False),  # the requested priority plus boosts
    Column("priority_ceiling", SmallInteger, nullable=False, server_default="100"),
    Column("source", Text, nullable=False),
    # No foreign key: otherwise the deletion of a schedule would write to all its jobs. The schedule
    # may be deleted.
    Column("scheduled_job_id", BigInteger),
    Column("depth", SmallInteger, nullable=False, server_default="0"),
    Column("visible_at", Timestamp, nullable=False, server_default=NOW),
    Column("queued_at", Timestamp, nullable=False, server_default=NOW),  # aging counts from here
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
    Column("rerun_visible_at", Timestamp),  # the earliest time of all rerun requests
    Column("traceparent", Text),  # W3C trace context of the request
    Column("rerun_traceparent", Text),  # W3C trace context of the rerun request
    Column("incomplete", Boolean, nullable=False, server_default=text("false")),  # parts given up
    # An operator woke or retried the job: the minimum gap between two crawls does not apply to it.
    Column("gap_waived", Boolean, nullable=False, server_default=text("false")),
    Column("outcome", Text),  # of a succeeded crawl: crawled, no_budget or an access state
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
    # Deduplication: one live job for each subreddit.
    Index(
        "crawl_jobs_live_key",
        "subreddit_id",
        unique=True,
        postgresql_where=text(f"status IN {LIVE}"),
    ),
    # A claim reads this index from its start, without a sort.
    Index(
        "crawl_jobs_claim_idx",
        text("priority DESC"),
        "created_at",
        "id",
        postgresql_where=text("status = 'queued'"),
    ),
    Index("crawl_jobs_due_idx", "visible_at", postgresql_where=text("status = 'waiting'")),
    # Parked jobs, whose cause another table stores: the sweep reads them here.
    Index(
        "crawl_jobs_parked_idx",
        "visible_at",
        postgresql_where=text(
            "status = 'waiting' AND wait_reason IN ('outage', 'paused', 'politeness', 'rate_limit')"
        ),
    ),
    # Jobs that can still age. A job that has reached its priority ceiling leaves this index.
    Index(
        "crawl_jobs_climbing_idx",
        "queued_at",
        "id",
        postgresql_where=text("status = 'queued' AND priority < priority_ceiling"),
    ),
    # All other queued jobs. Both indexes together show the oldest queued job, and lists read both.
    Index(
        "crawl_jobs_at_ceiling_idx",
        "queued_at",
        "id",
        postgresql_where=text("status = 'queued' AND priority >= priority_ceiling"),
    ),
    # Retried jobs. All other jobs were queued when they were created.
    Index(
        "crawl_jobs_queued_again_idx",
        "created_at",
        "id",
        postgresql_where=text("status = 'queued' AND queued_at > created_at"),
    ),
    # No index has lease_expires_at or progress_at, so a lease extension is a HOT update.
    Index("crawl_jobs_crawling_idx", "id", postgresql_where=text("status = 'crawling'")),
    # Finished jobs of a subreddit. A job enters this index only when it finishes; the index
    # crawl_jobs_live_key has the live job.
    Index(
        "crawl_jobs_subreddit_ended_idx",
        "subreddit_id",
        "id",
        postgresql_where=text("status IN ('succeeded', 'failed', 'cancelled')"),
    ),
    # Lists read these two, the newest job first. Crawling jobs are few and have their own index.
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
    # For lists of the jobs of one schedule.
    Index(
        "crawl_jobs_scheduled_job_id_idx",
        "scheduled_job_id",
        postgresql_where=text("scheduled_job_id IS NOT NULL"),
    ),
)
