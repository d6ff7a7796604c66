"""Which subreddits to crawl next: those that the authors of a crawled one also write in."""

from __future__ import annotations

from sqlalchemy import Connection, text

# Authors looked at: more would not change which subreddits come first, only the time it takes.
AUTHORS_MAX = 1_000

# Profiles (u_...) are nobody's neighbours. The names must be such as can be enqueued.
_CANDIDATES = text("""
    WITH here AS (
        SELECT edge.author_id
        FROM author_subreddits AS edge JOIN authors AS author ON author.id = edge.author_id
        WHERE edge.subreddit_id = :subreddit_id AND lower(author.name) <> 'automoderator'
        ORDER BY edge.posts + edge.comments DESC, edge.author_id
        LIMIT :authors_max
    )
    SELECT subreddit.name
    FROM here
    JOIN author_subreddits AS edge ON edge.author_id = here.author_id
    JOIN subreddits AS subreddit ON subreddit.id = edge.subreddit_id
    WHERE subreddit.id <> :subreddit_id
        AND subreddit.last_crawled_at IS NULL
        AND subreddit.access IN ('unknown', 'public', 'restricted')
        AND subreddit.name ~ '^[A-Za-z0-9_]{2,21}$' AND subreddit.name !~* '^u_'
        AND NOT EXISTS (
            SELECT FROM crawl_jobs AS job
            WHERE job.subreddit_id = subreddit.id
                AND job.status IN ('blocked', 'waiting', 'queued', 'crawling'))
    GROUP BY subreddit.id
    ORDER BY count(*) DESC, sum(edge.posts + edge.comments) DESC, subreddit.id
    LIMIT :at_most
    """)

_LIVE_JOBS = text("""
    SELECT count(*) FROM crawl_jobs
    WHERE source = 'discovery' AND status IN ('blocked', 'waiting', 'queued', 'crawling')
    """)


def candidates(conn: Connection, *, subreddit_id: int, at_most: int) -> list[str]:
    """Subreddits never crawled nor waiting for it, those with most authors in common first."""
    rows = conn.execute(
        _CANDIDATES,
        {"subreddit_id": subreddit_id, "at_most": at_most, "authors_max": AUTHORS_MAX},
    )
    return [row.name for row in rows]


def live_jobs(conn: Connection) -> int:
    """How many crawls that nobody asked for are still to be done."""
    return int(conn.execute(_LIVE_JOBS).scalar_one())
