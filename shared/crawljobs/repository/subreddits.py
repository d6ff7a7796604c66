"""Subreddits: known by name, described by Reddit, and how far we have crawled each."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.domain.reddit_items import SubredditAbout
from crawljobs.domain.subreddit import AccessState

_NOW = "coalesce(CAST(:now AS timestamptz), clock_timestamp())"

# LIMIT 1 keeps the planner at one index look-up a name, where it would rather scan the table.
_ENSURE = text("""
    WITH input AS (
        SELECT name, lower(name) AS key FROM unnest(CAST(:names AS text[])) AS name
    ), written AS (
        INSERT INTO subreddits AS stored (name, discovered_from, depth)
        SELECT input.name, CAST(:discovered_from AS bigint), CAST(:depth AS smallint)
        FROM input LEFT JOIN LATERAL
            (SELECT * FROM subreddits WHERE lower(name) = input.key LIMIT 1) AS stored ON true
        WHERE stored.id IS NULL
        ORDER BY input.key
        ON CONFLICT (lower(name)) DO UPDATE SET name = stored.name
        RETURNING id, lower(name) AS key
    )
    SELECT key, id FROM written
    UNION
    SELECT input.key, stored.id
    FROM input CROSS JOIN LATERAL
        (SELECT id FROM subreddits WHERE lower(name) = input.key LIMIT 1) AS stored
    """)

_ABOUT = "reddit_id, title, description, subscribers, over_18, created_at_reddit, access"


def _of(row: str) -> str:
    return ", ".join(f"{row}.{column}" for column in _ABOUT.split(", "))


_UPSERT = text(f"""
    WITH input AS (
        SELECT input.*, lower(name) AS key
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS input (
            name text, reddit_id text, title text, description text, subscribers bigint,
            over_18 boolean, created_at_reddit timestamptz, access text)
    ), written AS (
        INSERT INTO subreddits AS stored (name, {_ABOUT}, access_checked_at)
        SELECT input.name, {_of("input")}, {_NOW}
        FROM input LEFT JOIN LATERAL
            (SELECT * FROM subreddits WHERE lower(name) = input.key LIMIT 1) AS stored ON true
        WHERE stored.id IS NULL
            OR ROW(stored.name, {_of("stored")}) IS DISTINCT FROM ROW(input.name, {_of("input")})
        ORDER BY input.key
        ON CONFLICT (lower(name)) DO UPDATE SET
            (name, {_ABOUT}, access_checked_at)
                = ROW(excluded.name, {_of("excluded")}, excluded.access_checked_at)
        RETURNING id
    )
    SELECT count(*) FROM written
    """)

# Private may become public again: look after 7 days, then ever more rarely, at most every 90.
# Banned, missing and legal ones are not looked at again by themselves.
_RECORD_ACCESS = text(f"""
    UPDATE subreddits SET
        access = :access, access_checked_at = now,
        next_crawl_at = CASE WHEN :access IN ('private', 'quarantined', 'gated')
            THEN now + least(interval '90 days', greatest(interval '7 days',
                CASE WHEN access = :access THEN 2 * (next_crawl_at - access_checked_at) END))
            END
    FROM {_NOW} AS now
    WHERE id = :subreddit_id
    """)

_MARKS = text("""
    SELECT high_water_post, high_water_comment FROM subreddits WHERE id = :subreddit_id
    """)

_FINISH_CRAWL = text(f"""
    UPDATE subreddits SET
        last_crawled_at = now, access_checked_at = now, next_crawl_at = NULL,
        high_water_post = coalesce(CAST(:post AS text), high_water_post),
        high_water_comment = coalesce(CAST(:comment AS text), high_water_comment)
    FROM {_NOW} AS now
    WHERE id = :subreddit_id
    """)


@dataclass(frozen=True, slots=True)
class Marks:
    """The newest post and comment that a finished crawl has seen."""

    post: str | None = None
    comment: str | None = None


def ensure(
    conn: Connection, *, names: Iterable[str], discovered_from: int | None, depth: int
) -> dict[str, int]:
    """The ids of these subreddits by lower-case name; those not heard of before are inserted."""
    by_key = {name.lower(): name for name in names}
    if not by_key:
        return {}
    found = conn.execute(
        _ENSURE,
        {"names": list(by_key.values()), "discovered_from": discovered_from, "depth": depth},
    )
    return {row.key: row.id for row in found}


def upsert(
    conn: Connection, *, abouts: Iterable[SubredditAbout], now: datetime | None = None
) -> int:
    """Store what Reddit tells about these subreddits; how many rows were written."""
    rows = {
        about.name.lower(): {
            "name": about.name,
            "reddit_id": about.reddit_id,
            "title": about.title,
            "description": about.description,
            "subscribers": about.subscribers,
            "over_18": about.over_18,
            "created_at_reddit": about.created_at.isoformat() if about.created_at else None,
            "access": about.access,
        }
        for about in abouts
    }
    if not rows:
        return 0
    values = {"rows": json.dumps(list(rows.values())), "now": now}
    return int(conn.execute(_UPSERT, values).scalar_one())


def record_access(
    conn: Connection, *, subreddit_id: int, access: AccessState, now: datetime | None = None
) -> None:
    """What kept us from seeing the subreddit, and when it is worth another look."""
    conn.execute(_RECORD_ACCESS, {"subreddit_id": subreddit_id, "access": access.value, "now": now})


def high_water_marks(conn: Connection, *, subreddit_id: int) -> Marks:
    row = conn.execute(_MARKS, {"subreddit_id": subreddit_id}).one()
    return Marks(post=row.high_water_post, comment=row.high_water_comment)


def finish_crawl(
    conn: Connection, *, subreddit_id: int, marks: Marks, now: datetime | None = None
) -> None:
    """The crawl saw everything up to these marks; a mark of None stays what it was."""
    conn.execute(
        _FINISH_CRAWL,
        {"subreddit_id": subreddit_id, "post": marks.post, "comment": marks.comment, "now": now},
    )
