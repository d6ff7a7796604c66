"""The enqueue statement: it takes any number of requests, for stored and for unknown subreddits.

The statement locks and writes rows in this order (decision 109):

- the jobs of stored subreddits, by subreddit id
- the unknown subreddits, by name
- the jobs of the unknown subreddits
"""

from __future__ import annotations

from crawljobs.db.driver_statement import DriverStatement
from crawljobs.db.tables.job_indexes import LIVE
from crawljobs.repository.queue import job_reads
from crawljobs.repository.queue.job_birth_sql import insert_first_jobs, insert_jobs
from crawljobs.repository.queue.queue_sql import CHANNEL, NOW, POLITE, short

# One row for each name, with its request, and with the stored subreddit of that name if it exists.
# LIMIT makes the planner use the index, even if few subreddits existed when the plan was made.
_ASKED = f"""
    SELECT priority, ceiling, source, schedule, retries, trace, origin,
        of_step AS watched, NOT of_step AS shared, first + number - 1 AS place,
        coalesce(known_name, asked_name) AS name, key, known.*, known_id IS NULL AS is_new,
        coalesce(ask_depth, own_depth, 0) AS depth, coalesce(ask_at, now) AS due, now
    FROM {NOW} AS clock (now) CROSS JOIN jsonb_to_recordset(CAST(:requests AS jsonb)) AS ask (
        names text[], first int, priority smallint, ceiling smallint, source text, schedule bigint,
        ask_depth smallint, ask_at timestamptz, retries smallint, trace text, origin bigint,
        of_step boolean
    ) CROSS JOIN unnest(names) WITH ORDINALITY AS named (asked_name, number)
    CROSS JOIN LATERAL (SELECT lower(asked_name)) AS folded (key)
    LEFT JOIN LATERAL (
        SELECT id AS known_id, name AS known_name, depth AS own_depth, last_crawled_at,
            min_crawl_gap_seconds, {POLITE} AS polite
        FROM subreddits WHERE lower(name) = key LIMIT 1
    ) AS known ON true"""

# True if a request moves the live job forward. The request must be due now. The live job must wait
# for a due time (`later`), a pause or politeness (the minimum gap between crawls), but not for a
# retry. Then the live job gets the status, wait reason and visible_at of a new job.
_FORWARD = """coalesce(excluded.wait_reason, '') <> 'later' AND job.wait_reason IN (
    'later', 'paused', CASE WHEN job.error_kind IS NULL THEN 'politeness' END)"""
_RERUN = "job.rerun_requested OR job.status = 'crawling'"
# A rerun request has the source and the trace of the merged request with the highest priority. The
# follow-up job may start at the earliest due time of the merged requests. With the wait reason
# `paused` or `politeness`, a request is due at its created_at: its visible_at is only the time of
# the next check of the cause.
_MERGE = f"""
    priority = greatest(job.priority, excluded.priority),
    base_priority = greatest(job.base_priority, excluded.base_priority),
    priority_ceiling = greatest(job.priority_ceiling, excluded.priority_ceiling),
    (status, wait_reason, visible_at) = (
        SELECT excluded.status, excluded.wait_reason, excluded.visible_at WHERE {_FORWARD}
        UNION ALL SELECT job.status, job.wait_reason, CASE WHEN job.wait_reason = 'later'
            THEN least(job.visible_at, excluded.visible_at) ELSE job.visible_at END
        LIMIT 1),
    depth = least(job.depth, excluded.depth),
    max_retries = greatest(job.max_retries, excluded.max_retries),
    watched = job.watched OR excluded.watched,
    shared = true,
    rerun_requested = {_RERUN},
    (rerun_priority, rerun_visible_at, rerun_source, rerun_traceparent) = (
        SELECT greatest(job.rerun_priority, excluded.base_priority),
            least(job.rerun_visible_at, CASE WHEN excluded.wait_reason <> 'later'
                THEN excluded.created_at ELSE excluded.visible_at END),
            CASE WHEN kept THEN job.rerun_source ELSE excluded.source END,
            CASE WHEN kept THEN job.rerun_traceparent ELSE excluded.traceparent END
        FROM (SELECT job.rerun_priority >= excluded.base_priority) AS rerun (kept)
        WHERE {_RERUN})"""

_JOBS_OF_KNOWN = insert_jobs("SELECT *, known_id AS subreddit_id FROM asked WHERE NOT is_new")
# Notifies idle workers of a new job if no job was queued before the statement. If a job was queued,
# no worker is idle. ORDER BY makes the planner use the claim index.
_HINT = f"""CASE WHEN job.status = 'queued' AND (
        SELECT id FROM crawl_jobs WHERE status = 'queued'
        ORDER BY priority DESC, created_at, id LIMIT 1
    ) IS NULL THEN pg_notify('{CHANNEL}', '') END"""

# The live jobs as they were when the statement began. A merge must return each job as it was before
# the merge. This is impossible if another transaction has changed the job since the statement
# began. So the statement only locks a changed job, and returns no row for it.
_SEEN = f""", seen AS (
        SELECT live.* FROM asked CROSS JOIN LATERAL (
            SELECT *, xmin FROM crawl_jobs
            WHERE subreddit_id = known_id AND status IN {LIVE} LIMIT 1
        ) AS live
    )"""


# Inserts the unknown subreddits and their jobs. The condition on `merged` is always true, but needs
# all rows of `merged`. So Postgres locks the jobs of stored subreddits before it inserts the first
# subreddit. If another transaction is inserting the same name, the statement waits for its commit,
# and returns no row for the name.
_OF_UNKNOWN = f""", made AS (
        INSERT INTO subreddits (name, discovered_from, depth)
        SELECT name, origin, depth FROM asked WHERE is_new AND (SELECT count(*) FROM merged) >= 0
        ORDER BY key COLLATE "C"
        ON CONFLICT (lower(name)) DO NOTHING
        RETURNING id AS subreddit_id, lower(name) AS made_key
    ), found AS (
        SELECT asked.*, subreddit_id
        FROM made JOIN asked ON key COLLATE "C" = made_key COLLATE "C" AND is_new
    ), born AS (
        {insert_first_jobs("TABLE found")} RETURNING {{returned}}, true
    )"""


def _statement(
    returned: str, result: str, *, of_unknown: str = _OF_UNKNOWN, seen: str = "", merge_if: str = ""
) -> DriverStatement:
    sql = f"""
    WITH asked AS ({_ASKED}){seen}, merged AS (
        {_JOBS_OF_KNOWN} ORDER BY subreddit_id
        ON CONFLICT (subreddit_id) WHERE status IN {LIVE} DO UPDATE SET {_MERGE} {merge_if}
        RETURNING {returned}, job.xmax = 0 AS created
    ){of_unknown.format(returned=returned)}, enqueued AS (
        SELECT place, name, merged.* FROM merged JOIN asked ON known_id = subreddit_id
        {_BORN if of_unknown else ""}
    )
    {result}"""
    return DriverStatement(short(sql))


_BORN = "UNION ALL SELECT place, name, born.* FROM born JOIN found USING (subreddit_id)"
_RESULT = f"SELECT place, name, id, status, created, {_HINT} FROM enqueued AS job"
_RETURNED = "job.id, job.status, job.subreddit_id"

# Returns a row for each requested name: place (the number of the name), name, job id, job status,
# created (true for a new job), and the hint, a call of pg_notify that returns no information.
ENQUEUE = _statement(_RETURNED, _RESULT)

# ENQUEUE without the INSERT of subreddits, for services that have no right to insert subreddits.
ENQUEUE_STORED = _statement(_RETURNED, _RESULT, of_unknown="")

# Like ENQUEUE, but returns the whole job. Each requested name gets a row with the state of its job
# after the request. If the request merged into a live job, a second row has the state of this job
# before the request. The columns are place, created, the hint (a call of pg_notify that returns no
# information) and the columns of the job. In a second row, created is null.
ENQUEUE_WITH_JOBS = _statement(
    "job.*, job.xmin",
    f"""
    SELECT job.place, created, {_HINT}, {job_reads.JOB_COLUMNS}
    FROM (
        TABLE enqueued
        UNION ALL SELECT merge.place, merge.name, seen.*, NULL
        FROM seen JOIN enqueued AS merge USING (id)
    ) AS job JOIN asked AS subreddit USING (place)""",
    seen=_SEEN,
    merge_if="WHERE (job.id, CAST(job.xmin AS text)) IN (SELECT id, CAST(xmin AS text) FROM seen)",
)
