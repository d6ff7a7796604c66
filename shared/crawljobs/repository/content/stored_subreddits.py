"""Store the names of subreddits and the descriptions that Reddit reports."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.domain.reddit_items import SubredditAbout
from crawljobs.domain.webhook import EventType
from crawljobs.repository.queue.queue_sql import CLOCK, NO_LIVE_JOB
from crawljobs.repository.webhooks.events import access_events
from crawljobs.repository.webhooks.events.event_interest import wanted_sql

# LIMIT 1 makes the planner use one index lookup for each name. Otherwise Postgres would scan the
# whole table.
_ENSURE = text("""
    WITH input AS (
        SELECT name, lower(name) AS key FROM unnest(CAST(:names AS text[])) AS name
    ), written AS (
        INSERT INTO subreddits AS stored (name, discovered_from, depth)
        SELECT input.name, CAST(:discovered_from AS bigint), CAST(:depth AS smallint)
        FROM input LEFT JOIN LATERAL
            (SELECT * FROM subreddits WHERE lower(name) = input.key LIMIT 1) AS stored ON true
        WHERE stored.id IS NULL
        ORDER BY input.key COLLATE "C"
        ON CONFLICT (lower(name)) DO UPDATE SET name = stored.name
        RETURNING id, lower(name) AS key
    )
    SELECT key, id FROM written
    UNION
    SELECT input.key, stored.id
    FROM input CROSS JOIN LATERAL
        (SELECT id FROM subreddits WHERE lower(name) = input.key LIMIT 1) AS stored
    """)

# The comparison with an array makes the planner use the index of names.
_HOLD = text("""
    SELECT id FROM subreddits WHERE lower(name) = ANY (CAST(:keys AS text[]))
    ORDER BY lower(name) COLLATE "C" FOR NO KEY UPDATE
    """)

_ABOUT = (
    "reddit_id, title, description, sidebar, language, subscribers, over_18, created_at_reddit, "
    "access"
)


def _of(row: str) -> str:
    return ", ".join(f"{row}.{column}" for column in _ABOUT.split(", "))


def _merged(row: str) -> str:
    """Return the SQL of the values to store. A null (unknown) in `row` keeps the stored value."""
    return ", ".join(f"coalesce({row}.{each}, stored.{each})" for each in _ABOUT.split(", "))


# A new subreddit gets these values if the fields are null in the input.
_OF_NEW = {"over_18": "false", "access": "'restricted'"}


def _inserted() -> str:
    return ", ".join(
        f"coalesce(input.{each}, stored.{each}{', ' + _OF_NEW[each] if each in _OF_NEW else ''})"
        for each in _ABOUT.split(", ")
    )


_OPEN = "'public', 'restricted'"
_UPSERT = text(f"""
    WITH input AS (
        SELECT input.*, lower(name) AS key
        FROM json_to_recordset(CAST(:rows AS json)) AS input (
            name text, reddit_id text, title text, description text, sidebar text, language text,
            subscribers bigint, over_18 boolean, created_at_reddit timestamptz, access text)
    ), written AS (
        INSERT INTO subreddits AS stored (name, {_ABOUT}, access_checked_at)
        SELECT input.name, {_inserted()}, {CLOCK}
        FROM input LEFT JOIN LATERAL
            (SELECT * FROM subreddits WHERE lower(name) = input.key LIMIT 1) AS stored ON true
        WHERE stored.id IS NULL
            OR ROW(stored.name, {_of("stored")})
                IS DISTINCT FROM ROW(input.name, {_merged("input")})
        ORDER BY input.key COLLATE "C"
        ON CONFLICT (lower(name)) DO UPDATE SET
            (name, {_ABOUT}, access_checked_at)
                = ROW(excluded.name, {_merged("excluded")}, excluded.access_checked_at),
            -- the subreddit is open again, so the next crawl is due now and not in some weeks
            next_crawl_at = CASE
                WHEN excluded.access IN ({_OPEN}) AND stored.access NOT IN ({_OPEN}, 'unknown')
                    AND {NO_LIVE_JOB.format(scope="stored.id")}
                THEN excluded.access_checked_at ELSE stored.next_crawl_at END
        RETURNING id, access
    )
    -- The table shows the rows as they were before this statement.
    SELECT count(*) AS written, CASE WHEN {wanted_sql(EventType.SUBREDDIT_ACCESS_CHANGED)} THEN (
        SELECT json_object_agg(id, former)
        FROM (
            SELECT id, access,
                (SELECT access FROM subreddits WHERE id = written.id LIMIT 1) AS former
            FROM written
        ) AS change
        WHERE former <> access
    ) END AS former
    FROM written
    """)


def ensure(
    conn: Connection, *, names: Iterable[str], discovered_from: int | None, depth: int
) -> dict[str, int]:
    """Insert the names that are not stored yet. Return the ids of all names, by lower-case name.

    New rows get `discovered_from` and `depth`. Existing rows do not change.
    """
    by_key = {name.lower(): name for name in names}
    if not by_key:
        return {}
    found = conn.execute(
        _ENSURE,
        {"names": list(by_key.values()), "discovered_from": discovered_from, "depth": depth},
    )
    return {row.key: row.id for row in found}


def hold(
    conn: Connection, *, names: Iterable[str], discovered_from: int | None, depth: int
) -> None:
    """Insert the unknown subreddits, and lock the rows of all these subreddits in name order.

    Later statements of the transaction may then write these rows in any order. No other transaction
    can write the rows before the present transaction ends.
    """
    keys = sorted({name.lower() for name in names})
    ensure(conn, names=keys, discovered_from=discovered_from, depth=depth)
    conn.execute(_HOLD, {"keys": keys})


def upsert(
    conn: Connection, *, abouts: Iterable[SubredditAbout], now: datetime | None = None
) -> int:
    """Store Reddit's descriptions of these subreddits. Returns the number of written rows.

    A field that a description does not report keeps its stored value.
    """
    rows = {
        about.name.lower(): {
            "name": about.name,
            "reddit_id": about.reddit_id,
            "title": about.title,
            "description": about.description,
            "sidebar": about.sidebar,
            "language": about.language,
            "subscribers": about.subscribers,
            "over_18": about.over_18,
            "created_at_reddit": about.created_at.isoformat() if about.created_at else None,
            "access": about.access if about.has_type else None,
        }
        for about in abouts
    }
    if not rows:
        return 0
    values = {"rows": json.dumps(list(rows.values())), "now": now}
    row = conn.execute(_UPSERT, values).one()
    if row.former is not None:
        former = {int(subreddit_id): access for subreddit_id, access in row.former.items()}
        access_events.record(conn, former=former, now=now)
    return int(row.written)
