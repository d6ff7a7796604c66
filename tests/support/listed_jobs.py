"""A simple list of jobs for tests, the newest job first, with few filters."""

from collections.abc import Sequence

from sqlalchemy import func

from crawljobs.db.database import Connection
from crawljobs.db.tables import crawl_jobs, subreddits
from crawljobs.domain.job import Job, JobStatus
from crawljobs.repository.queue import job_reads
from crawljobs.repository.sql import one_of


def list_jobs(
    conn: Connection,
    *,
    statuses: Sequence[JobStatus] = (),
    subreddit: str | None = None,
    before_id: int | None = None,
    limit: int = 100,
) -> list[Job]:
    """Return at most `limit` jobs, the newest first.

    `before_id` is the id of the last job of the previous page.
    """
    query = job_reads.JOBS
    if statuses:
        query = query.where(one_of(crawl_jobs.c.status, map(JobStatus, statuses)))
    if subreddit is not None:
        query = query.where(func.lower(subreddits.c.name) == subreddit.lower())
    if before_id is not None:
        query = query.where(crawl_jobs.c.id < before_id)
    rows = conn.execute(query.order_by(crawl_jobs.c.id.desc()).limit(limit))
    return [job_reads.to_job(row) for row in rows]
