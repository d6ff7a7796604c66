"""Find subreddits that are due for another crawl, although no user or schedule requested it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from crawljobs.domain import subreddit
from crawljobs.repository.queue.queue_sql import NO_LIVE_JOB, NOW, passing_over

CHUNK = 500  # limit of the subreddits that one transaction enqueues

# Sets the next crawl one day ahead, so that the subreddit is found again if the enqueued job fails.
# Skips subreddits with a live job until the job has ended. To enqueue such a subreddit, the
# transaction would have to wait for the lock of the job. During this wait, it would keep rows of
# subreddits locked.
_TAKE_DUE = text(f"""
    UPDATE subreddits SET next_crawl_at = now + interval '1 day'
    FROM {NOW} AS clock (now)
    WHERE id = ANY (ARRAY(
        SELECT id FROM subreddits WHERE next_crawl_at <= {NOW}
            AND {NO_LIVE_JOB.format(scope="subreddits.id")}
        ORDER BY next_crawl_at LIMIT :at_most FOR NO KEY UPDATE SKIP LOCKED))
    RETURNING name
    """)

_LISTINGS = ", ".join(f"'{name}'" for name in sorted(subreddit.LISTINGS))

# Inaccessible subreddits are left out, because they have their own next_crawl_at. A subreddit that
# was never crawled is not stale. A name that cannot be enqueued is left out, because otherwise each
# execution of the query would find the name again.
_STALE = text(f"""
    SELECT name FROM subreddits
    WHERE last_crawled_at < {NOW} - CAST(:after AS interval)
        AND access IN ('public', 'restricted', 'unknown')
        AND {NO_LIVE_JOB.format(scope="subreddits.id")}
        AND name ~ '^({subreddit.NAME_PATTERN})$'
        AND lower(name) NOT IN ({_LISTINGS})
    ORDER BY last_crawled_at
    LIMIT :at_most
    """)


def take_due(
    conn: Connection, *, at_most: int = CHUNK, skip: int = 0, now: datetime | None = None
) -> list[str]:
    """Return the names of due subreddits, and set their next_crawl_at to one day from now.

    The caller enqueues these subreddits. The first `skip` due subreddits are left out, because the
    database refused to change their rows before.
    """
    rows = conn.execute(passing_over(_TAKE_DUE, skip), {"at_most": at_most, "now": now})
    return sorted(row.name for row in rows)


def stale(
    conn: Connection,
    *,
    after: timedelta,
    at_most: int = CHUNK,
    skip: int = 0,
    now: datetime | None = None,
) -> list[str]:
    """Return names of subreddits whose last crawl is older than `after`, the oldest crawl first.

    The first `skip` of these names are left out, because the database refused to enqueue them
    before.
    """
    rows = conn.execute(
        passing_over(_STALE, skip), {"after": after, "at_most": at_most, "now": now}
    )
    return [row.name for row in rows]
