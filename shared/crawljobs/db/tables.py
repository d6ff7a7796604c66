"""Every table. Above each, what one row means.

The migrations are the truth in production; a test holds them equal to this file.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import INET, JSONB, UUID

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)

Timestamp = DateTime(timezone=True)
NOW = text("clock_timestamp()")


def _id() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def _one_of(column: str, *values: str, nullable: bool = False, name: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    known = f"{column} IN ({listed})"
    return CheckConstraint(f"{column} IS NULL OR {known}" if nullable else known, name=name)


# A community on Reddit that we know of, crawled or only heard of.
subreddits = Table(
    "subreddits",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("reddit_id", Text),
    Column("title", Text),
    Column("description", Text),
    Column("subscribers", BigInteger),
    Column("over_18", Boolean),
    Column("created_at_reddit", Timestamp),
    Column("access", Text, nullable=False, server_default="unknown"),
    Column("access_checked_at", Timestamp),
    Column("discovered_from", BigInteger, ForeignKey("subreddits.id", ondelete="SET NULL")),
    Column("depth", SmallInteger, nullable=False, server_default="0"),
    Column("first_seen_at", Timestamp, nullable=False, server_default=NOW),
    Column("last_crawled_at", Timestamp),
    Column("next_crawl_at", Timestamp),
    # The newest post and comment that a finished crawl has seen: base-36 ids without their kind.
    Column("high_water_post", Text),
    Column("high_water_comment", Text),
    # Wider than what can be asked for: authors' histories reach r/reddit.com and r/t:1337.
    CheckConstraint("name ~ '^[A-Za-z0-9_][A-Za-z0-9_.:-]{1,23}$'", name="name"),
    _one_of(
        "access",
        "unknown",
        "public",
        "restricted",
        "private",
        "quarantined",
        "gated",
        "banned",
        "not_found",
        "redirected",
        "suspended",
        "legal",
        name="access",
    ),
    Index("subreddits_name_key", func.lower(literal_column("name")), unique=True),
    Index("subreddits_last_crawled_at_idx", "last_crawled_at"),
)

# A Reddit account that wrote something we stored, or was met in an account's history.
authors = Table(
    "authors",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("reddit_id", Text),
    Column("first_seen_at", Timestamp, nullable=False, server_default=NOW),
    Column("history_fetched_at", Timestamp),
    Index("authors_name_key", func.lower(literal_column("name")), unique=True),
)

# A submission. Author, title, body and url are null once Reddit shows them as deleted.
posts = Table(
    "posts",
    metadata,
    Column("id", Text, primary_key=True),  # base 36, without t3_
    Column("subreddit_id", BigInteger, ForeignKey("subreddits.id"), nullable=False),
    Column("author_id", BigInteger, ForeignKey("authors.id")),
    Column("title", Text),
    Column("body", Text),
    Column("url", Text),
    Column("permalink", Text),
    Column("domain", Text),
    Column("flair", Text),
    Column("score", BigInteger),
    Column("upvote_ratio", Double),
    Column("num_comments", BigInteger),
    Column("over_18", Boolean, nullable=False, server_default=text("false")),
    Column("spoiler", Boolean, nullable=False, server_default=text("false")),
    Column("stickied", Boolean, nullable=False, server_default=text("false")),
    Column("locked", Boolean, nullable=False, server_default=text("false")),
    Column("is_self", Boolean, nullable=False, server_default=text("false")),
    Column("crosspost_parent", Text),
    Column("removed_by_category", Text),
    Column("created_at", Timestamp, nullable=False),
    Column("edited_at", Timestamp),
    Column("deleted_at", Timestamp),  # when we saw that it was deleted at Reddit
    Column("first_seen_at", Timestamp, nullable=False, server_default=NOW),
    Column("updated_at", Timestamp, nullable=False, server_default=NOW),
    CheckConstraint("id ~ '^[0-9a-z]{1,13}$'", name="id"),
    Index("posts_subreddit_id_created_at_idx", "subreddit_id", "created_at"),
    Index("posts_author_id_idx", "author_id"),
)

# A comment. Kept when its author is gone, so that trees hold together; its post may be unknown
# yet, because a subreddit's newest comments also belong to old posts: hence no foreign key.
comments = Table(
    "comments",
    metadata,
    Column("id", Text, primary_key=True),  # base 36, without t1_
    Column("post_id", Text, nullable=False),
    Column("parent_id", Text, nullable=False),  # full name: t3_ of the post or t1_ of a comment
    Column("subreddit_id", BigInteger, ForeignKey("subreddits.id"), nullable=False),
    Column("author_id", BigInteger, ForeignKey("authors.id")),
    Column("body", Text),
    Column("score", BigInteger),
    Column("stickied", Boolean, nullable=False, server_default=text("false")),
    Column("is_submitter", Boolean, nullable=False, server_default=text("false")),
    Column("removed_by_category", Text),
    Column("created_at", Timestamp, nullable=False),
    Column("edited_at", Timestamp),
    Column("deleted_at", Timestamp),
    Column("first_seen_at", Timestamp, nullable=False, server_default=NOW),
    Column("updated_at", Timestamp, nullable=False, server_default=NOW),
    CheckConstraint("id ~ '^[0-9a-z]{1,13}$'", name="id"),
    Index("comments_post_id_idx", "post_id"),
    Index("comments_subreddit_id_created_at_idx", "subreddit_id", "created_at"),
    Index("comments_author_id_idx", "author_id"),
)

# An edge of the map: one author's activity in one subreddit, as far as we have seen it.
author_subreddits = Table(
    "author_subreddits",
    metadata,
    Column("author_id", BigInteger, ForeignKey("authors.id"), primary_key=True),
    Column("subreddit_id", BigInteger, ForeignKey("subreddits.id"), primary_key=True),
    Column("posts", Integer, nullable=False, server_default="0"),
    Column("comments", Integer, nullable=False, server_default="0"),
    Column("first_at", Timestamp, nullable=False),
    Column("last_at", Timestamp, nullable=False),
    CheckConstraint("posts >= 0 AND comments >= 0", name="counts"),
    Index("author_subreddits_subreddit_id_idx", "subreddit_id"),
)

# A standing order to crawl one subreddit again and again.
scheduled_jobs = Table(
    "scheduled_jobs",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("subreddit_id", BigInteger, ForeignKey("subreddits.id"), nullable=False),
    Column("cron_expression", Text, nullable=False),
    Column("timezone", Text, nullable=False, server_default="UTC"),
    Column("priority", SmallInteger, nullable=False, server_default="20"),
    Column("max_retries", SmallInteger),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("misfire_policy", Text, nullable=False, server_default="fire_once"),
    Column("anchor_at", Timestamp, nullable=False, server_default=NOW),  # @every counts from here
    Column("next_run_at", Timestamp),
    Column("last_run_at", Timestamp),
    Column("disabled_reason", Text),
    Column("version", BigInteger, nullable=False, server_default="1"),
    Column("created_at", Timestamp, nullable=False, server_default=NOW),
    Column("updated_at", Timestamp, nullable=False, server_default=NOW),
    CheckConstraint("priority BETWEEN 0 AND 100", name="priority"),
    CheckConstraint("max_retries BETWEEN 0 AND 100", name="max_retries"),
    CheckConstraint("char_length(name) BETWEEN 1 AND 200", name="name"),
    CheckConstraint("NOT enabled OR next_run_at IS NOT NULL", name="enabled_has_next_run"),
    _one_of("misfire_policy", "fire_once", "skip", name="misfire_policy"),
    Index("scheduled_jobs_name_key", func.lower(literal_column("name")), unique=True),
    Index("scheduled_jobs_due_idx", "next_run_at", postgresql_where=text("enabled")),
    Index("scheduled_jobs_subreddit_id_idx", "subreddit_id"),
)

# One due time of one schedule and what became of it; a long run of missed ones is one row.
scheduled_job_runs = Table(
    "scheduled_job_runs",
    metadata,
    _id(),
    Column(
        "scheduled_job_id",
        BigInteger,
        ForeignKey("scheduled_jobs.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("due_at", Timestamp, nullable=False),
    Column("due_until", Timestamp),  # the last due time of a run of missed ones
    Column("ticks", BigInteger, nullable=False, server_default="1"),
    Column("fired_at", Timestamp, nullable=False, server_default=NOW),
    Column("outcome", Text, nullable=False),
    Column("job_id", BigInteger),
    _one_of("outcome", "enqueued", "merged", "skipped", "missed", name="outcome"),
    CheckConstraint("ticks >= 1", name="ticks"),
    UniqueConstraint("scheduled_job_id", "due_at"),
    Index("scheduled_job_runs_fired_at_idx", "fired_at"),
)

# One request to crawl one subreddit, from enqueue to its end; at most one live per subreddit.
crawl_jobs = Table(
    "crawl_jobs",
    metadata,
    _id(),
    Column("subreddit_id", BigInteger, ForeignKey("subreddits.id"), nullable=False),
    Column("status", Text, nullable=False),
    Column("wait_reason", Text),
    Column("priority", SmallInteger, nullable=False),  # effective: base plus aging
    Column("base_priority", SmallInteger, nullable=False),  # as asked for, boosts included
    Column("priority_ceiling", SmallInteger, nullable=False, server_default="100"),
    Column("source", Text, nullable=False),
    Column("scheduled_job_id", BigInteger, ForeignKey("scheduled_jobs.id", ondelete="SET NULL")),
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
    Column("outcome", Text),  # of a succeeded crawl: crawled, or the access state it met
    Column("error_kind", Text),
    Column("error_message", Text),
    _one_of(
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
    _one_of(
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
    _one_of("source", "user", "schedule", "discovery", "stale", name="source"),
    _one_of("error_kind", "permanent", "retryable", "deferred", nullable=True, name="error_kind"),
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
        "AND (NOT rerun_requested OR status = 'crawling')",
        name="rerun_only_while_crawling",
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
    Index("crawl_jobs_aging_idx", "queued_at", postgresql_where=text("status = 'queued'")),
    # Leases and progress are in no index, so that extending one is a HOT update.
    Index("crawl_jobs_crawling_idx", "id", postgresql_where=text("status = 'crawling'")),
    Index(
        "crawl_jobs_finished_idx",
        "finished_at",
        "id",
        postgresql_where=text("status IN ('succeeded', 'failed', 'cancelled')"),
    ),
    Index("crawl_jobs_subreddit_id_idx", "subreddit_id", "id"),
)

# A claim that ended, and how. No foreign key: it would lock the hot row a second time; a job and
# its attempts are pruned by one statement.
crawl_job_attempts = Table(
    "crawl_job_attempts",
    metadata,
    _id(),
    Column("job_id", BigInteger, nullable=False),
    Column("worker", Text, nullable=False),
    Column("started_at", Timestamp, nullable=False),
    Column("ended_at", Timestamp, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("error_kind", Text),
    Column("error_message", Text),
    _one_of(
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

# One administrative change, or a refused one, and who made it. Append-only.
admin_audit_log = Table(
    "admin_audit_log",
    metadata,
    _id(),
    Column("at", Timestamp, nullable=False, server_default=NOW),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("resource_type", Text, nullable=False),
    Column("resource_id", Text),
    Column("before", JSONB(none_as_null=True)),
    Column("after", JSONB(none_as_null=True)),
    Column("request_id", Text),
    Column("peer_address", INET),
    Column("client_address", INET),
    Index("admin_audit_log_at_idx", "at", "id"),
    Index("admin_audit_log_resource_idx", "resource_type", "resource_id", "id"),
)

# When a task on a long interval last ran, so that frequent restarts cannot starve it.
maintenance_runs = Table(
    "maintenance_runs",
    metadata,
    Column("task", Text, primary_key=True),
    Column("last_run_at", Timestamp, nullable=False),
)

# The budget of one Reddit client id, shared by every worker: the next free request slot.
reddit_budgets = Table(
    "reddit_budgets",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("next_slot_at", Timestamp, nullable=False, server_default=NOW),
    Column("window_started_at", Timestamp),  # of the fixed window that `reserved` counts
    Column("reserved", Integer, nullable=False, server_default="0"),
    Column("requests_per_window", Integer, nullable=False, server_default="1000"),
    Column("window_seconds", Integer, nullable=False, server_default="600"),
    Column("paused_until", Timestamp),
    Column("throttles_in_a_row", SmallInteger, nullable=False, server_default="0"),
    Column("last_throttled_at", Timestamp),
    CheckConstraint("requests_per_window > 0 AND window_seconds > 0", name="window"),
)

# Rows that change at every step of a job leave room on their page, so that the new version
# stays there (HOT), and are vacuumed early.
STORAGE_PARAMETERS = {
    "crawl_jobs": "fillfactor = 75, autovacuum_vacuum_scale_factor = 0.01, "
    "autovacuum_vacuum_threshold = 500, autovacuum_analyze_scale_factor = 0.05",
    "reddit_budgets": "fillfactor = 10, autovacuum_vacuum_scale_factor = 0, "
    "autovacuum_vacuum_threshold = 200",
}
