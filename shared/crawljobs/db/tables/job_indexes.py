"""The indexes of the queue's jobs. Most are partial: they have only the jobs in some statuses."""

from __future__ import annotations

from sqlalchemy import Index, text

# The statuses of live jobs, as SQL text. Statements contain this text, because the planner cannot
# use the partial indexes with bound parameters.
LIVE = "('waiting', 'queued', 'crawling')"
# No code writes `blocked`. The index of live jobs and the CHECK of the statuses keep this word
# until a later release, because statements of the previous release name the word. Statements with
# LIVE can use the index, because a condition on the three statuses of LIVE implies the condition of
# the index.
FORMER_STATUS = "blocked"
_LIVE_OR_FORMER = f"('{FORMER_STATUS}', {LIVE[1:]}"

JOB_INDEXES = (
    # Allows at most one live job for each subreddit.
    Index(
        "crawl_jobs_live_key",
        "subreddit_id",
        unique=True,
        postgresql_where=text(f"status IN {_LIVE_OR_FORMER}"),
    ),
    # The claim statement reads this index in order, so the statement needs no sort.
    Index(
        "crawl_jobs_claim_idx",
        text("priority DESC"),
        "created_at",
        "id",
        postgresql_where=text("status = 'queued'"),
    ),
    Index("crawl_jobs_due_idx", "visible_at", postgresql_where=text("status = 'waiting'")),
    # Parked jobs. A sweep reads this index, and checks whether the cause of each wait has ended.
    Index(
        "crawl_jobs_parked_idx",
        "visible_at",
        postgresql_where=text(
            "status = 'waiting' AND wait_reason IN ('outage', 'paused', 'politeness', 'rate_limit')"
        ),
    ),
    # Queued jobs that can still age. A job that reaches its priority ceiling leaves this index.
    Index(
        "crawl_jobs_climbing_idx",
        "queued_at",
        "id",
        postgresql_where=text("status = 'queued' AND priority < priority_ceiling"),
    ),
    # Queued jobs that have reached their priority ceiling, so aging ignores them. Lists of queued
    # jobs, and the query for the oldest queued job, read this index and crawl_jobs_climbing_idx.
    Index(
        "crawl_jobs_at_ceiling_idx",
        "queued_at",
        "id",
        postgresql_where=text("status = 'queued' AND priority >= priority_ceiling"),
    ),
    # Queued jobs whose queued_at is later than their created_at. Lists in the order of created_at
    # read this index. All other queued jobs have equal times, so lists find them by an index on
    # queued_at.
    Index(
        "crawl_jobs_queued_again_idx",
        "created_at",
        "id",
        postgresql_where=text("status = 'queued' AND queued_at > created_at"),
    ),
    # Crawling jobs. No index has lease_expires_at or progress_at, so the extension of a lease does
    # not write to any index (a HOT update).
    Index("crawl_jobs_crawling_idx", "id", postgresql_where=text("status = 'crawling'")),
    # Finished jobs by subreddit. Live jobs are in crawl_jobs_live_key instead, so that changes of a
    # live job do not write to this index.
    Index(
        "crawl_jobs_subreddit_ended_idx",
        "subreddit_id",
        "id",
        postgresql_where=text("status IN ('succeeded', 'failed', 'cancelled')"),
    ),
    # Lists of jobs read the next two indexes backwards, so the newest job comes first. Lists of
    # crawling or queued jobs read other indexes.
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
    # Lists of a schedule's jobs read this index.
    Index(
        "crawl_jobs_scheduled_job_id_idx",
        "scheduled_job_id",
        postgresql_where=text("scheduled_job_id IS NOT NULL"),
    ),
    # Finds the follow-up of a job. Only follow-up jobs are in this index.
    Index(
        "crawl_jobs_follow_up_of_idx",
        "follow_up_of",
        postgresql_where=text("follow_up_of IS NOT NULL"),
    ),
)
