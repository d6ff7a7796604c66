"""Tables of the queue's jobs, and of the numbers of finished jobs."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Double,
    ForeignKey,
    Integer,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from crawljobs.db.tables.columns import NOW, Timestamp, id_column, metadata, one_of
from crawljobs.db.tables.job_indexes import FORMER_STATUS, JOB_INDEXES

# A job that crawls one subreddit. A subreddit has at most one live job, which is a job without a
# final status.
crawl_jobs = Table(
    "crawl_jobs",
    metadata,
    id_column(),
    Column("subreddit_id", BigInteger, ForeignKey("subreddits.id"), nullable=False),
    Column("status", Text, nullable=False),
    Column("wait_reason", Text),
    Column("priority", SmallInteger, nullable=False),  # base_priority plus the effect of aging
    Column("base_priority", SmallInteger, nullable=False),  # the requested priority plus boosts
    Column("priority_ceiling", SmallInteger, nullable=False, server_default="100"),
    Column("source", Text, nullable=False),
    # No foreign key: with a foreign key, the deletion of a schedule would write to all its jobs.
    Column("scheduled_job_id", BigInteger),
    Column("depth", SmallInteger, nullable=False, server_default="0"),
    Column("visible_at", Timestamp, nullable=False, server_default=NOW),
    Column("queued_at", Timestamp, nullable=False, server_default=NOW),  # aging starts at this time
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
    Column("rerun_visible_at", Timestamp),  # the follow-up job does not start before this time
    Column("traceparent", Text),  # W3C trace context of the enqueue request
    Column("rerun_traceparent", Text),  # W3C trace context of the rerun request
    # `incomplete`: the crawl gave up optional parts, such as a comment tree.
    Column("incomplete", Boolean, nullable=False, server_default=text("false")),
    # An operator woke or retried the job, so the job ignores the minimum time between two crawls.
    Column("gap_waived", Boolean, nullable=False, server_default=text("false")),
    Column("outcome", Text),  # if the job succeeded: crawled, no_budget or an access state
    Column("error_kind", Text),
    Column("error_message", Text),
    # The job whose rerun request created this job. No foreign key, because old jobs are deleted.
    Column("follow_up_of", BigInteger),
    # Total time of the claims that ended since the last retry by an operator; null: no claim has
    # ended.
    Column("duration_seconds", Double),
    # True if a step depends on the job. Then the end of the job is recorded in upstream_changes.
    Column("watched", Boolean, nullable=False, server_default=text("false")),
    # False if only steps of one group requested the job. Cancelling the group then cancels the job.
    Column("shared", Boolean, nullable=False, server_default=text("true")),
    one_of(
        "status",
        FORMER_STATUS,
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
    *JOB_INDEXES,
)

# A row is the number of jobs in one final status. With this table, no query must count all jobs.
# The present number is the sum of this row and of the status's rows in crawl_job_count_changes. A
# sweep moves those changes into this row later.
crawl_job_counts = Table(
    "crawl_job_counts",
    metadata,
    Column("status", Text, primary_key=True),
    Column("jobs", BigInteger, nullable=False),
    one_of("status", "succeeded", "failed", "cancelled", name="status"),
)

# A change of the number of jobs in a final status. A trigger on crawl_job_attempts inserts the
# changes for succeeded crawls. Triggers on crawl_jobs insert all other changes. If the triggers
# updated crawl_job_counts instead, concurrent completions would wait for the lock of its row.
crawl_job_count_changes = Table(
    "crawl_job_count_changes",
    metadata,
    id_column(),
    Column("status", Text, nullable=False),
    Column("change", Integer, nullable=False),
)
