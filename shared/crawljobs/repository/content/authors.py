"""Store authors, and find the authors whose histories must be fetched."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, Text, TextClause, bindparam, func, select, text, true, update

from crawljobs.db.tables import authors
from crawljobs.domain.reddit_items import Account
from crawljobs.repository.content import erased_names
from crawljobs.repository.queue.queue_sql import CLOCK
from crawljobs.repository.sql import NOW, ONE_ROW, interval

# LIMIT 1 makes the planner use one index lookup for each name. Otherwise Postgres would scan the
# whole table. If the input lacks a value, the stored value is kept.
_KNOWN = ("reddit_id", "created_at_reddit", "suspended")
_CHANGES = " OR ".join(
    f"(looked_up.{each} IS NOT NULL AND looked_up.{each} IS DISTINCT FROM stored_{each})"
    for each in _KNOWN
)


def _ensure(*, reads_list: bool) -> TextClause:
    """Return the statement that inserts unknown authors and returns the ids of all authors.

    With `reads_list`, the statement writes nothing if any author is erased. In this case, a row
    without an author id has the ids of the keys of erased authors.
    """
    listed = "list AS MATERIALIZED (SELECT erased_author_keys() AS keys), " if reads_list else ""
    unless_listed = "AND (SELECT keys FROM list) IS NULL" if reads_list else ""
    keys = "UNION ALL SELECT array_to_string(keys, ' '), NULL FROM list WHERE keys IS NOT NULL"
    return text(f"""
    WITH {listed}looked_up AS (
        SELECT input.*, stored.id, {", ".join(f"stored.{each} AS stored_{each}" for each in _KNOWN)}
        FROM (
            SELECT name, {", ".join(_KNOWN)}, lower(name) AS key
            FROM json_to_recordset(CAST(:rows AS json)) AS input (
                name text, reddit_id text, created_at_reddit timestamptz, suspended boolean)
        ) AS input LEFT JOIN LATERAL
            (SELECT * FROM authors WHERE lower(name) = input.key LIMIT 1) AS stored ON true
    ), written AS (
        INSERT INTO authors AS stored (name, {", ".join(_KNOWN)})
        SELECT name, {", ".join(_KNOWN)} FROM looked_up
        WHERE (id IS NULL OR {_CHANGES}) {unless_listed}
        ORDER BY key COLLATE "C"
        ON CONFLICT (lower(name)) DO UPDATE SET
            {", ".join(f"{each} = coalesce(excluded.{each}, stored.{each})" for each in _KNOWN)}
        RETURNING id, lower(name) AS key
    )
    SELECT key, id FROM written
    UNION ALL
    SELECT key, id FROM looked_up WHERE id IS NOT NULL
    {keys if reads_list else ""}
    """)


_ENSURE = _ensure(reads_list=True)
_ENSURE_OTHERS = _ensure(reads_list=False)

# Only the authors of the RECENT newest posts and of the RECENT newest comments are read. Otherwise
# a crawl would have to wait until the authors of millions of posts are sorted.
RECENT = 1_000


def _newest(table: str) -> str:
    return f"""(
        SELECT author_id FROM {table} WHERE subreddit_id = :subreddit_id
        ORDER BY created_at DESC LIMIT :recent)"""


# The recent authors of a subreddit. AutoModerator is left out: it writes in many subreddits, so it
# does not show that two subreddits are related. LIMIT 1 makes the planner use one index lookup for
# each author.
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
    WHERE (author.history_fetched_at < {CLOCK} - CAST(:every AS interval)
            OR (author.history_fetched_at IS NULL
                AND author.first_seen_at
                    > coalesce(subreddit.last_crawled_at, timestamptz '-infinity')))
    ORDER BY author.activity DESC, author.author_id
    LIMIT :at_most
    """)

_author = authors.c
_NAMED = func.lower(_author.name) == func.lower(bindparam("of_name", type_=Text))

_IS_HISTORY_DUE = select(
    func.coalesce(_author.history_fetched_at < NOW - interval("every"), true())
).where(_NAMED)

# The transaction has already locked the rows of the history that it stores. Waiting for the row of
# the author could cause a deadlock. So the statement skips the row if another transaction has
# locked it. Then the author stays due.
_free = authors.alias("free")
_HISTORY_FETCHED = (
    update(authors)
    .where(
        _author.id
        == select(_free.c.id)
        .where(func.lower(_free.c.name) == func.lower(bindparam("of_name", type_=Text)))
        .limit(ONE_ROW)
        .with_for_update(key_share=True, skip_locked=True)
        .scalar_subquery()
    )
    .values(history_fetched_at=NOW)
)


def ensure(
    conn: Connection, *, accounts: Iterable[Account], key: bytes | None = None
) -> dict[str, int]:
    """Insert the authors of `accounts` that are not stored. Return the author id of each account.

    The keys of the result are lower-case names. Each name may occur only once in `accounts`. Erased
    authors are left out. Raises ContentKeyRequired if `key` cannot recognize them.
    """
    rows = [_row(account) for account in accounts]
    if not rows:
        return {}
    found = conn.execute(_ENSURE, {"rows": json.dumps(rows)}).all()
    keys_of_list = next((row.key for row in found if row.id is None), None)
    if keys_of_list is not None:
        names = [str(row["name"]) for row in rows]
        used = erased_names.check_key(keys_of_list.split(), key)
        erased = erased_names.listed_among(conn, names=names, key=used)
        rows = [row for row in rows if str(row["name"]).lower() not in erased]
        found = conn.execute(_ENSURE_OTHERS, {"rows": json.dumps(rows)}).all() if rows else []
    return {row.key: row.id for row in found}


def _row(account: Account) -> dict[str, object]:
    row: dict[str, object] = {"name": account.name, "reddit_id": account.reddit_id}
    if account.created_at is not None:
        row["created_at_reddit"] = account.created_at.isoformat()
    if account.suspended is not None:
        row["suspended"] = account.suspended
    return row


def due_for_history(
    conn: Connection,
    *,
    subreddit_id: int,
    every: timedelta,
    at_most: int,
    now: datetime | None = None,
) -> list[str]:
    """Return the names of recent authors of the subreddit whose histories are due.

    The most active author comes first.

    - A history that was never fetched is due if the author was first seen after the subreddit's
      last crawl.
    - A fetched history is due again after `every`.
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
    """Return whether this author's history is still due. Another crawl may have fetched it."""
    values = {"of_name": name, "every": every, "now": now}
    return bool(conn.execute(_IS_HISTORY_DUE, values).scalar())


def mark_history_fetched(conn: Connection, *, name: str, now: datetime | None = None) -> None:
    """Record that this author's history was requested now, even if Reddit did not show it."""
    conn.execute(_HISTORY_FETCHED, {"of_name": name, "now": now})
