"""What must hold of the queue at any moment, as SQL that names the offenders."""

from sqlalchemy import text

from crawljobs.db.database import Connection

# Each query lists the rows that break it.
INVARIANTS = {
    "one live job per subreddit": """
        SELECT subreddit_id, count(*) FROM crawl_jobs
        WHERE status IN ('blocked', 'waiting', 'queued', 'crawling')
        GROUP BY subreddit_id HAVING count(*) > 1""",
    "a claim exactly while crawling": """
        SELECT id FROM crawl_jobs
        WHERE (status = 'crawling') <> (claim_token IS NOT NULL)
            OR (status = 'crawling') <> (lease_expires_at IS NOT NULL)""",
    "every charged attempt is counted and no other": """
        SELECT job.id, job.retries, count(attempt.id)
        FROM crawl_jobs AS job
        LEFT JOIN crawl_job_attempts AS attempt
            ON attempt.job_id = job.id AND attempt.outcome IN ('failed', 'lease_expired')
        GROUP BY job.id HAVING job.retries <> count(attempt.id)""",
    "attempts within the maximum": """
        SELECT id, retry_count, max_retries FROM crawl_jobs
        WHERE retry_count > max_retries + 1
            OR (retry_count > max_retries AND status NOT IN ('failed', 'cancelled'))""",
    "times are monotonic": """
        SELECT id FROM crawl_jobs
        WHERE created_at > claimed_at OR created_at > finished_at OR created_at > queued_at
        UNION ALL
        SELECT id FROM crawl_job_attempts WHERE started_at > ended_at""",
    "priorities within bounds, never below what was asked for": """
        SELECT id, priority, base_priority FROM crawl_jobs
        WHERE priority NOT BETWEEN 0 AND 100 OR priority < base_priority""",
    "attempts belong to jobs": """
        SELECT job_id FROM crawl_job_attempts WHERE job_id NOT IN (SELECT id FROM crawl_jobs)""",
    "one ledger row per tick": """
        SELECT scheduled_job_id, due_at, count(*) FROM scheduled_job_runs
        GROUP BY 1, 2 HAVING count(*) > 1""",
}


def check(conn: Connection) -> None:
    for name, query in INVARIANTS.items():
        offenders = conn.execute(text(query)).all()
        assert offenders == [], f"{name}: {offenders}"
