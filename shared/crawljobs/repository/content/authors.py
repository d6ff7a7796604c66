"""Authors: who wrote what is stored, and whose histories were read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from crawljobs.domain.reddit_items import Account

_NOW = "coalesce(CAST(:now AS timestamptz), clock_timestamp())"

# LIMIT 1 keeps the planner at one index look-up a name, where it would rather scan the table.
_ENSURE = text("""
    WITH looked_up AS (
        SELECT input.*, stored.id, stored.reddit_id AS known_id
        FROM (
            SELECT name, reddit_id, lower(name) AS key
            FROM json_to_recordset(CAST(:rows AS json)) AS input (name text, reddit_id text)
        ) AS input LEFT JOIN LATERAL
            (SELECT * FROM authors WHERE lower(name) = input.key LIMIT 1) AS stored ON true
    ), written AS (
        INSERT INTO authors AS stored (name, reddit_id)
        SELECT name, reddit_id FROM looked_up
        WHERE id IS NULL OR known_id <> reddit_id
            OR (known_id IS NULL AND reddit_id IS NOT NULL)
        ORDER BY key COLLATE "C"
        ON CONFLICT (lower(name)) DO UPDATE
            SET reddit_id = coalesce(excluded.reddit_id, stored.reddit_id)
        RETURNING id, lower(name) AS key
    )
    SELECT key, id FROM written
    UNION ALL
    SELECT key, id FROM looked_up WHERE id IS NOT NULL
    """)

# The newest posts of a subreddit, and as many comments, whose authors are looked at: those of all
# it ever had are millions, and a crawl would wait for them to be sorted.
RECENT = 1_000


def _newest(table: str) -> str:
    return f"""(
        SELECT author_id FROM {table} WHERE subreddit_id = :subreddit_id
        ORDER BY created_at DESC LIMIT :recent)"""


# AutoModerator writes everywhere: that makes nobody a neighbour. LIMIT 1 as above.
ACTIVE = f"""
    SELECT edge.author_id, author.name, author.first_seen_at, author.history_fetched_at,
        edge.posts + edge.comments AS activity
    FROM (
        SELECT DISTINCT author_id FROM ({_newest("posts")} UNION ALL {_newest("comments")}) AS item
        WHERE author_id IS NOT NULL
    ) AS recent
    CROSS JOIN LATERAL (
        SELECT * FROM author_subreddits
        WHERE author_id = recent.author_id AND subreddit_id = :subreddit_id LIMIT 1
    ) AS edge
    CROSS JOIN LATERAL (SELECT * FROM authors WHERE id = recent.author_id LIMIT 1) AS author
    WHERE lower(author.name) <> 'automoderator'
    """

_DUE_FOR_HISTORY = text(f"""
    SELECT author.name
    FROM ({ACTIVE}) AS author JOIN subreddits AS subreddit ON subreddit.id = :subreddit_id
    WHERE (author.history_fetched_at < {_NOW} - CAST(:every AS interval)
            OR (author.history_fetched_at IS NULL
                AND author.first_seen_at
                    > coalesce(subreddit.last_crawled_at, timestamptz '-infinity')))
    ORDER BY author.activity DESC, author.author_id
    LIMIT :at_most
    """)

_IS_HISTORY_DUE = text(f"""
    SELECT coalesce(history_fetched_at < {_NOW} - CAST(:every AS interval), true)
    FROM authors WHERE lower(name) = lower(:name)
    """)

# Never waits: the page's other rows are locked by then. An author whom somebody else writes to at
# this moment stays due for another look.
_HISTORY_FETCHED = text(f"""
    UPDATE authors SET history_fetched_at = {_NOW} WHERE id = (
        SELECT id FROM authors WHERE lower(name) = lower(:name) LIMIT 1
        FOR NO KEY UPDATE SKIP LOCKED)
    """)


def ensure(conn: Connection, *, accounts: Iterable[Account]) -> dict[str, int]:
    """The ids of these accounts, no name twice, by lower-case name; new ones are inserted."""
    rows = [{"name": account.name, "reddit_id": account.reddit_id} for account in accounts]
    if not rows:
        return {}
    found = conn.execute(_ENSURE, {"rows": json.dumps(rows)}).all()
    return {row.key: row.id for row in found}


def due_for_history(
    conn: Connection,
    *,
    subreddit_id: int,
    every: timedelta,
    at_most: int,
    now: datetime | None = None,
) -> list[str]:
    """The most active of the subreddit's recent authors who are new since its last crawl, or whose
    history was last read `every` ago: a crawl that meets nobody new reads nothing again.
    """
    rows = conn.execute(
        _DUE_FOR_HISTORY,
        {
            "subreddit_id": subreddit_id,
            "recent": RECENT,
            "every": every,
            "at_most": at_most,
            "now": now,
        },
    )
    return [row.name for row in rows]


def is_history_due(
    conn: Connection, *, name: str, every: timedelta, now: datetime | None = None
) -> bool:
    """Whether nobody has read the history meanwhile: neighbours share their authors."""
    values = {"name": name, "every": every, "now": now}
    return bool(conn.execute(_IS_HISTORY_DUE, values).scalar())


def mark_history_fetched(conn: Connection, *, name: str, now: datetime | None = None) -> None:
    """Also for an author who is gone or hides the history: nothing to see is an answer."""
    conn.execute(_HISTORY_FETCHED, {"name": name, "now": now})
