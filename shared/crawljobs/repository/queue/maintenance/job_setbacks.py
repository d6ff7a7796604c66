"""The statements that repair times of jobs after the database's clock was set back."""

from __future__ import annotations

from sqlalchemy import text

from crawljobs.domain.retry import UNCLEAR_LONGEST_SECONDS
from crawljobs.repository.queue.queue_sql import NOW

_MARGIN = "interval '1 minute'"


def beyond(time: str, distance: str) -> str:
    """Return the condition that `time` is later than now plus `distance` plus 1 minute."""
    return f"{time} > {NOW} + {distance} + {_MARGIN}"


# The longest wait for a retry under the current settings, with the maximum jitter. The settings do
# not apply to a job with the error kind `deferred`: Reddit's reply about its subreddit was unclear,
# and the job waits at most UNCLEAR_LONGEST_SECONDS.
_BACKOFF = f"""make_interval(secs => CASE WHEN error_kind = 'deferred'
    THEN {UNCLEAR_LONGEST_SECONDS} ELSE least(
    CAST(:base AS double precision) * power(2, least(greatest(retry_count, 1), 65) - 1)
        * (1 + CAST(:jitter AS double precision)),
    CAST(:cap AS double precision)) END)"""
BACKOFFS = text(f"""
    UPDATE crawl_jobs SET visible_at = {NOW} + {_BACKOFF}
    WHERE id = ANY (ARRAY(
        SELECT id FROM crawl_jobs
        WHERE status = 'waiting' AND wait_reason = 'retry' AND visible_at > {NOW}
            AND {beyond("visible_at", _BACKOFF)}
        ORDER BY visible_at DESC LIMIT :at_most
        FOR UPDATE SKIP LOCKED
    ))
    """)


# During a pause without an end, a worker of the previous release sets the visible_at of a follow-up
# job to the year 9999. The job would wait forever, so this statement makes the job due. Other jobs
# with this time do not change, because a user may have requested the time. A follow-up job is
# recognized by its created_at: at that time, an older job of the subreddit ended.
FOLLOW_UPS = text(f"""
    UPDATE crawl_jobs SET visible_at = {NOW}
    WHERE id = ANY (ARRAY(
        SELECT id FROM crawl_jobs AS job
        WHERE status = 'waiting' AND wait_reason = 'later' AND visible_at = '9999-12-31T00:00:00Z'
            AND (
                SELECT id FROM crawl_jobs
                WHERE subreddit_id = job.subreddit_id AND id < job.id
                    AND status IN ('succeeded', 'failed', 'cancelled')
                    AND finished_at BETWEEN job.created_at - interval '1 second'
                        AND job.created_at + interval '1 second'
                LIMIT 1
            ) IS NOT NULL
        LIMIT :at_most
        FOR UPDATE SKIP LOCKED
    ))
    """)


# Replaces future times of queued jobs by the time of the transaction, in chunks, the earliest times
# first. All jobs of a chunk get the same time, so their order becomes that of their ids. A later
# chunk gets a later time. created_at sets the order of claims, and queued_at the start of aging.
def _queued_ahead(condition: str) -> str:
    return f"""(SELECT id FROM (
            SELECT id FROM crawl_jobs
            WHERE status = 'queued' AND {condition} AND {beyond("queued_at", "interval '0'")}
            ORDER BY queued_at, id LIMIT :scan_limit
            FOR UPDATE SKIP LOCKED
        ) AS locked)"""


QUEUED = text(f"""
    UPDATE crawl_jobs SET
        created_at = least(created_at, {NOW}), queued_at = least(queued_at, {NOW})
    WHERE id = ANY (ARRAY(
        {_queued_ahead("priority < priority_ceiling")}
        UNION ALL
        {_queued_ahead("priority >= priority_ceiling")}
        LIMIT :at_most
    ))
    """)

# A claim and each stored page write the current time to progress_at. So a progress_at in the future
# was written before the clock was set back.
#
# - If the lease ends before progress_at, the worker has extended the lease since then. The worker
#   is alive, so the lease does not change.
# - Otherwise the worker may be dead, and the lease would end too late. So the lease starts now, and
#   keeps its length (from progress_at to lease_expires_at).
LEASES = text(f"""
    UPDATE crawl_jobs SET
        lease_expires_at = CASE WHEN lease_expires_at > progress_at
            THEN {NOW} + (lease_expires_at - progress_at) ELSE lease_expires_at END,
        progress_at = {NOW}
    WHERE id = ANY (ARRAY(
        SELECT id FROM crawl_jobs
        WHERE status = 'crawling' AND {beyond("progress_at", "interval '0'")}
        ORDER BY id LIMIT :at_most
        FOR UPDATE SKIP LOCKED
    ))
    """)
