"""SQL for the causes for which jobs wait: which cause is in force, and when it ends.

Three kinds of causes are derived: other tables store the cause, not the job.

- pauses
- minimum gaps between crawls (politeness)
- the limits and outages of Reddit

Derived causes may change or end at any time. So a job is parked for at most 60 seconds. Then a
sweep checks the cause again.
"""

from __future__ import annotations

from crawljobs.domain import request_budget
from crawljobs.domain.job import FREED_WITHIN_SECONDS, WaitReason
from crawljobs.repository.queue.queue_sql import NOW, PARKED_UNTIL, POLITE_UNTIL

# The wait reasons of derived causes: other tables show whether the cause is in force (a pause, a
# recent crawl, or Reddit's limits). The condition of the index of parked jobs has the same list.
DERIVED_REASONS = (
    WaitReason.OUTAGE,
    WaitReason.PAUSED,
    WaitReason.POLITENESS,
    WaitReason.RATE_LIMIT,
)
DERIVED = "(" + ", ".join(f"'{reason}'" for reason in DERIVED_REASONS) + ")"

# True if the job's crawl has begun. Then the minimum time between two crawls no longer applies.
_HAS_BEGUN = "({job}.error_kind IS NOT NULL OR {job}.checkpoint IS NOT NULL)"
_BEGUN = _HAS_BEGUN.format(job="job")

# True if the job may have a cause that no table stores, for example a worker's settings or a
# refused token. Then the job waits until its visible_at, and a worker tries the job again.
_HAS_TERM = (
    f"(job.wait_reason IN ('outage', 'rate_limit') OR job.wait_reason = 'politeness' AND {_BEGUN})"
)

# The time from which a worker may reserve the next slot of a client id.
_SLOT_NEAR = (
    "greatest(paused_until, "
    f"next_slot_at - interval '{request_budget.LONGEST_SLOT_WAIT_SECONDS:.0f} seconds')"
)
# True if a worker used the client id within the last day. The query REDDIT reads no other rows.
_IN_USE = "next_slot_at > {now} - interval '1 day'"
# Returns the reason why no client id may send requests to Reddit, and the first time at which a
# client id may send requests again. Returns no row if a client id may send requests now.
REDDIT = f"""
    SELECT CASE WHEN bool_and(coalesce(outage_until > {{now}}, false))
            THEN 'outage' ELSE 'rate_limit' END,
        min(greatest(outage_until, {_SLOT_NEAR}))
    FROM reddit_budgets WHERE {_IN_USE}
    HAVING min(greatest(outage_until, {_SLOT_NEAR})) > {{now}}"""


_FOR_REDDIT = "job.wait_reason IN ('outage', 'rate_limit')"

# When Reddit becomes available again, a transaction stores the present time in waits_ended_at, and
# frees the jobs that wait for Reddit. A worker that does not yet see this change may still defer a
# job for Reddit. A sweep must free this job too, but must not free a job that a worker defers later
# for a new cause. So _REDDIT_ENDED compares waits_ended_at with the time when the job was last
# claimed:
#
# - The claim began before waits_ended_at, or at most _COMMITTED_WITHIN later: true. This margin is
#   the time that the transaction may need from the write of waits_ended_at to its commit.
# - The claim began after this margin: false, because the worker has seen the change.
_COMMITTED_WITHIN = "interval '5 seconds'"
_REDDIT_ENDED = f"""EXISTS (
    SELECT FROM reddit_budgets
    WHERE waits_ended_at <= {{since}} AND waits_ended_at >= (
        SELECT started_at - {_COMMITTED_WITHIN} FROM crawl_job_attempts
        WHERE job_id = job.id ORDER BY id DESC LIMIT 1))"""

# The first cause that is in force for the row `job`. The subquery does not check visible_at. So do
# not use it for jobs with the wait reason `later` or `retry`, which wait until visible_at.
_CAUSE = f"""(
    SELECT 'paused', coalesce(until, 'infinity') FROM queue_pauses
    WHERE scope = job.subreddit_id AND (until IS NULL OR until > clock.now)
    UNION ALL
    SELECT 'politeness', polite.until
    FROM {POLITE_UNTIL.format(scope="job.subreddit_id")} AS polite (until)
    WHERE NOT {_BEGUN} AND NOT job.gap_waived AND polite.until > clock.now
    UNION ALL
    SELECT * FROM ({REDDIT.format(now="clock.now")}) AS reddit
    WHERE {_FOR_REDDIT}
    UNION ALL
    SELECT job.wait_reason, job.visible_at WHERE {_HAS_TERM} AND job.visible_at > clock.now
        AND NOT ({_FOR_REDDIT} AND {_REDDIT_ENDED.format(since="clock.now")})
    LIMIT 1
) AS cause (reason, until)"""

# Parks the row `job` for the cause that is in force, or queues the job if no cause is in force.
SETTLED = f"""(status, wait_reason, visible_at) = (
    SELECT CASE WHEN cause.reason IS NULL THEN 'queued' ELSE 'waiting' END, cause.reason,
        CASE WHEN cause.reason IS NULL THEN least(job.visible_at, clock.now)
            ELSE {PARKED_UNTIL.format(until="cause.until", now="clock.now")} END
    FROM {NOW} AS clock (now) LEFT JOIN LATERAL {_CAUSE} ON true
)"""

# True if a job is parked for longer than any cause allows.
PARKED_TOO_LONG = f"visible_at > {NOW} + interval '{FREED_WITHIN_SECONDS} seconds'"

# True if the row `job` is parked too long, or if the cause that is in force differs from the job's
# wait reason.
IS_TO_SETTLE = f"""(
    job.{PARKED_TOO_LONG}
    OR (SELECT cause.reason FROM {NOW} AS clock (now) LEFT JOIN LATERAL {_CAUSE} ON true)
        IS DISTINCT FROM job.wait_reason
)"""

# `job` is the row of a waiting job. True if the cause of this wait ended more than `grace` ago.
_OVER = f"""(
    job.visible_at < {NOW} - CAST(:grace AS interval)
    OR job.wait_reason = 'paused' AND NOT EXISTS (
        SELECT FROM queue_pauses WHERE scope = job.subreddit_id
            AND (until IS NULL OR until > {NOW} - CAST(:grace AS interval)))
    OR job.wait_reason = 'politeness' AND NOT {_BEGUN} AND coalesce(
        {POLITE_UNTIL.format(scope="job.subreddit_id")} <= {NOW} - CAST(:grace AS interval), true)
    OR {_FOR_REDDIT} AND NOT EXISTS ({REDDIT.format(now=NOW)})
        AND {_REDDIT_ENDED.format(since=f"{NOW} - CAST(:grace AS interval)")}
)"""

# The jobs that break invariant I11. The invariant requires that the reason of a waiting job is true
# now, and that the job is claimable soon after the cause has ended. The query reads at most
# `scan_limit` jobs of each of these kinds:
#
# - overdue jobs
# - jobs that are parked too long
# - the parked jobs that are due first
WITHOUT_CAUSE = f"""
    SELECT job.id, job.subreddit_id, job.wait_reason, job.visible_at
    FROM (
        (SELECT id FROM crawl_jobs
         WHERE status = 'waiting' AND visible_at < {NOW} - CAST(:grace AS interval)
         ORDER BY visible_at LIMIT :scan_limit)
        UNION
        (SELECT id FROM crawl_jobs
         WHERE status = 'waiting' AND wait_reason IN {DERIVED} AND {PARKED_TOO_LONG}
         ORDER BY visible_at DESC LIMIT :scan_limit)
        UNION
        (SELECT id FROM crawl_jobs
         WHERE status = 'waiting' AND wait_reason IN {DERIVED}
         ORDER BY visible_at LIMIT :scan_limit)
    ) AS looked CROSS JOIN LATERAL (
        SELECT * FROM crawl_jobs WHERE id = looked.id LIMIT 1
    ) AS job
    WHERE {_OVER} OR job.wait_reason IN {DERIVED} AND job.{PARKED_TOO_LONG}
    ORDER BY job.visible_at, job.id
    """

# The pause of the job's subreddit. Do not use this text with EXISTS, because the planner could then
# read all pauses into a hash table.
_PAUSE = "queue_pauses WHERE scope = {job}.subreddit_id"
# The time when the wait of the row `job` is expected to end, or null for a pause without an end.
# `subreddit` is the row of the job's subreddit.
WAITS_UNTIL = f"""CASE
    WHEN {{job}}.status <> 'waiting' THEN NULL
    WHEN {{job}}.wait_reason = 'paused' AND (SELECT scope FROM {_PAUSE}) IS NOT NULL
        THEN (SELECT until FROM {_PAUSE})
    WHEN {{job}}.wait_reason = 'politeness' AND NOT {_HAS_BEGUN} THEN greatest({{job}}.visible_at,
        {{subreddit}}.last_crawled_at
            + make_interval(secs => {{subreddit}}.min_crawl_gap_seconds))
    WHEN {{job}}.wait_reason IN ('outage', 'rate_limit') THEN greatest({{job}}.visible_at, (
        SELECT min(greatest(outage_until, {_SLOT_NEAR})) FROM reddit_budgets
        WHERE {_IN_USE.format(now="(SELECT max(next_slot_at) FROM reddit_budgets)")}))
    ELSE {{job}}.visible_at END"""
