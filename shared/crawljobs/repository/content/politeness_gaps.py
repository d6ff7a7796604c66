"""Set a subreddit's minimum times between two crawls and between two requests to Reddit."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, update

from crawljobs.db.tables import subreddits
from crawljobs.repository.queue import parked_jobs

# An operator can set two minimum times for a subreddit: between two requests, and between two
# crawls. These are the upper limits of the two times in seconds. The CHECK constraints of the table
# `subreddits` have the same limits.
REQUEST_GAP_MAX_SECONDS = 3_600.0
CRAWL_GAP_MAX_SECONDS = 31_622_400.0

_SET_POLITENESS = (
    update(subreddits)
    .where(subreddits.c.id == bindparam("subreddit_id"))
    .values(
        min_request_gap_seconds=bindparam("request_gap"),
        min_crawl_gap_seconds=bindparam("crawl_gap"),
    )
)


def set_politeness(
    conn: Connection,
    *,
    subreddit_id: int,
    request_gap: float | None,
    crawl_gap: float | None,
    now: datetime | None = None,
) -> None:
    """Set the minimum times, in seconds, between two requests to Reddit and between two crawls.

    None sets the default. A job that waits for the old minimum then waits for the new minimum.
    Raises ValueError for a negative value, for a `request_gap` above REQUEST_GAP_MAX_SECONDS (1
    hour), and for a `crawl_gap` above CRAWL_GAP_MAX_SECONDS (366 days).
    """
    for gap, longest in (
        (request_gap, REQUEST_GAP_MAX_SECONDS),
        (crawl_gap, CRAWL_GAP_MAX_SECONDS),
    ):
        if gap is not None and not 0 <= gap <= longest:
            raise ValueError(f"the gap must be 0 to {longest:.0f} seconds, not {gap}")
    values = {"subreddit_id": subreddit_id, "request_gap": request_gap, "crawl_gap": crawl_gap}
    conn.execute(_SET_POLITENESS, values)
    parked_jobs.settle_polite_job_of(conn, subreddit_id=subreddit_id, now=now)
