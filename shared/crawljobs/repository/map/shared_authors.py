"""Read the authors of a subreddit, and the other subreddits in which they are active."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, select, text
from sqlalchemy.types import BigInteger

from crawljobs.db.tables import author_subreddits, authors, map_nodes
from crawljobs.domain.map_links import ACTIVE_IN_MAX, BOT_NAMES
from crawljobs.repository.sql import ids, inline, inline_number

EDGES_CHUNK = 10_000  # limit of the rows that one call of `authors_of` returns
AUTHORS_CHUNK = 500  # limit of the authors in one call of `shared_with`
COUNTS_CHUNK = 200  # limit of the subreddits in one call of `count_authors`
COUNTED_MAX = 1_000_000  # the number of authors of a subreddit is counted up to this limit
COUNT_AGAIN_AFTER = timedelta(days=7)

_edge = author_subreddits.c
_node = map_nodes.c

_AUTHORS = (
    select(_edge.author_id, _edge.last_at)
    .where(
        _edge.subreddit_id == bindparam("subreddit_id", type_=BigInteger),
        _edge.author_id > bindparam("after", type_=BigInteger),
    )
    .order_by(_edge.author_id)
    .limit(inline_number(EDGES_CHUNK))
)

_BOTS = select(authors.c.id).where(
    func.lower(authors.c.name).in_([inline(name.lower()) for name in BOT_NAMES])
)

# For each author, `active` has the subreddits of the author, at most ACTIVE_IN_MAX + 1. The LIMIT
# bounds the reads for an account that is active in very many subreddits.
_SHARED = text(f"""
    SELECT other.id, count(*) AS shared
    FROM unnest(CAST(:authors AS bigint[])) AS author (id)
    CROSS JOIN LATERAL (
        SELECT array_agg(edge.subreddit_id) AS ids
        FROM (
            SELECT subreddit_id FROM author_subreddits
            WHERE author_id = author.id
            ORDER BY author_id, subreddit_id
            LIMIT {ACTIVE_IN_MAX + 1}
        ) AS edge
    ) AS active
    CROSS JOIN LATERAL unnest(active.ids) AS other (id)
    WHERE cardinality(active.ids) <= {ACTIVE_IN_MAX} AND other.id <> :subreddit_id
    GROUP BY other.id
    """)

_COUNTS = select(_node.subreddit_id, _node.author_count, _node.counted_at).where(
    _node.subreddit_id == func.any(ids("subreddit_ids"))
)

# Counts the authors of each of these subreddits, and stores the numbers.
_COUNT = text(f"""
    INSERT INTO map_nodes AS node (subreddit_id, author_count, counted_at)
    SELECT counted.id, found.authors, clock_timestamp()
    FROM unnest(CAST(:subreddit_ids AS bigint[])) AS counted (id)
    CROSS JOIN LATERAL (
        SELECT count(*) AS authors
        FROM (
            SELECT FROM author_subreddits WHERE subreddit_id = counted.id LIMIT {COUNTED_MAX}
        ) AS edge
    ) AS found
    ORDER BY counted.id
    ON CONFLICT (subreddit_id) DO UPDATE SET
        author_count = excluded.author_count, counted_at = excluded.counted_at
    RETURNING subreddit_id, author_count
    """)


@dataclass(frozen=True, slots=True)
class Activity:
    """An author of a subreddit, and the time of the author's latest item there."""

    author_id: int
    last_at: datetime


def authors_of(conn: Connection, *, subreddit_id: int, after: int) -> list[Activity]:
    """Return authors of the subreddit with author ids above `after`, by id, at most EDGES_CHUNK."""
    rows = conn.execute(_AUTHORS, {"subreddit_id": subreddit_id, "after": after})
    return [Activity(row.author_id, row.last_at) for row in rows]


def bot_ids(conn: Connection) -> frozenset[int]:
    """Return the ids of stored accounts whose names are the names of known bots."""
    return frozenset(conn.execute(_BOTS).scalars())


def shared_with(
    conn: Connection, *, subreddit_id: int, author_ids: Sequence[int]
) -> dict[int, int]:
    """Return how many of these authors are active in other subreddits, by the other subreddit's id.

    Leaves out authors who are active in more than ACTIVE_IN_MAX subreddits. Pass at most
    AUTHORS_CHUNK ids.
    """
    values = {"subreddit_id": subreddit_id, "authors": list(author_ids)}
    return {row.id: row.shared for row in conn.execute(_SHARED, values)}


def known_counts(
    conn: Connection, *, subreddit_ids: Sequence[int], since: datetime
) -> dict[int, int]:
    """Return the stored author numbers of these subreddits, except those counted before `since`."""
    rows = conn.execute(_COUNTS, {"subreddit_ids": list(subreddit_ids)})
    return {
        row.subreddit_id: row.author_count
        for row in rows
        if row.counted_at is not None and row.counted_at >= since
    }


def count_authors(conn: Connection, *, subreddit_ids: Sequence[int]) -> dict[int, int]:
    """Count the authors of these subreddits, up to COUNTED_MAX each. Store and return the numbers.

    Pass at most COUNTS_CHUNK ids.
    """
    rows = conn.execute(_COUNT, {"subreddit_ids": sorted(subreddit_ids)})
    return {row.subreddit_id: row.author_count for row in rows}
