"""Discovery: find related subreddits to crawl, and limit the requests for them.

A user requests the crawl of a root. Discovery finds subreddits by shared authors, mentions and
crossposts, and charges their requests to the root.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.domain import discovery_rules as rules
from crawljobs.domain.subreddit import LISTINGS
from crawljobs.repository.content import authors
from crawljobs.repository.queue.queue_sql import NO_LIVE_JOB, NOW, passing_over

# The most active authors that are read. More authors would cost time and hardly change the result.
AUTHORS_MAX = 1_000
# Subreddits of one author that are read. An author active in more shows no relation.
EDGES_MAX = 1_000
# Names with the most mentions and crossposts that are read.
EVIDENCE_MAX = 1_000

# The candidates of a subreddit, the strongest evidence first. Profiles (u_...) and names that
# cannot be enqueued are left out. With `checked` false, the names without a check of their access;
# with `checked` true, the open subreddits.
_LISTINGS = ", ".join(f"'{name}'" for name in sorted(LISTINGS))

_CANDIDATES = text(f"""
    WITH here AS (
        SELECT author_id FROM ({authors.ACTIVE}) AS author
        ORDER BY activity DESC, author_id
        LIMIT :authors_max
    ), by_authors AS (
        SELECT lower(subreddit.name) AS name, count(*) AS authors,
            sum(edge.posts + edge.comments) AS activity
        FROM here
        CROSS JOIN LATERAL (
            SELECT * FROM author_subreddits WHERE author_id = here.author_id LIMIT :edges_max
        ) AS edge
        JOIN subreddits AS subreddit ON subreddit.id = edge.subreddit_id
        WHERE subreddit.id <> :subreddit_id
        GROUP BY subreddit.id
    ), by_evidence AS (
        SELECT name, mentions, crossposts FROM discovery_evidence
        WHERE found_in = :subreddit_id
        ORDER BY crossposts DESC, mentions DESC, name
        LIMIT :evidence_max
    ), led AS (
        SELECT name, coalesce(authors, 0) AS authors, coalesce(activity, 0) AS activity,
            coalesce(mentions, 0) AS mentions, coalesce(crossposts, 0) AS crossposts
        FROM by_authors FULL JOIN by_evidence USING (name)
    )
    SELECT coalesce(subreddit.name, led.name) AS name
    FROM led LEFT JOIN LATERAL
        (SELECT * FROM subreddits WHERE lower(name) = led.name LIMIT 1) AS subreddit ON true
    WHERE (led.authors >= {rules.AUTHORS_ENOUGH} OR led.crossposts >= {rules.CROSSPOSTS_ENOUGH}
            OR led.mentions >= {rules.MENTIONS_ENOUGH})
        AND led.name ~ '^[a-z0-9_]{{2,21}}$' AND led.name !~ '^u_'
        AND led.name NOT IN ({_LISTINGS})
        AND subreddit.last_crawled_at IS NULL
        AND CASE WHEN :checked THEN subreddit.access IN ('public', 'restricted')
            ELSE subreddit.access IS NULL
                OR (subreddit.access = 'unknown' AND subreddit.access_checked_at IS NULL) END
        AND {NO_LIVE_JOB.format(scope="subreddit.id")}
    ORDER BY led.authors * {rules.AUTHOR_WEIGHT} + led.crossposts * {rules.CROSSPOST_WEIGHT}
            + led.mentions * {rules.MENTION_WEIGHT} DESC, led.activity DESC, led.name
    LIMIT :at_most
    """)

_LIVE_JOBS = text("""
    SELECT count(*) FROM crawl_jobs
    WHERE source = 'discovery' AND status IN ('blocked', 'waiting', 'queued', 'crawling')
    """)

# Without the lock, two crawls that end at the same time could both use the last free place.
_TAKE_TURN = text("SELECT pg_advisory_xact_lock(hashtext('crawljobs discovery'))")

_MISSING = text(f"""
    INSERT INTO subreddits AS known (name, access, access_checked_at, discovered_from, depth)
    SELECT name, 'not_found', {NOW}, CAST(:discovered_from AS bigint), CAST(:depth AS smallint)
    FROM unnest(CAST(:names AS text[])) AS name
    ORDER BY lower(name) COLLATE "C"
    ON CONFLICT (lower(name)) DO UPDATE
        SET access = excluded.access, access_checked_at = excluded.access_checked_at
        WHERE known.access = 'unknown'
    """)

# Follows discovered_from for as many steps as the crawl is deep. The subreddit may have been
# discovered from another one before, so its own chain may be longer.
_ROOT = text("""
    WITH RECURSIVE back AS (
        SELECT id, discovered_from, CAST(:depth AS integer) AS steps
        FROM subreddits WHERE id = :subreddit_id
        UNION ALL
        SELECT parent.id, parent.discovered_from, back.steps - 1
        FROM back JOIN subreddits AS parent ON parent.id = back.discovered_from
        WHERE back.steps > 0
    )
    SELECT id FROM back ORDER BY steps LIMIT 1
    """)

_SPEND = text(f"""
    INSERT INTO discovery_roots AS root (subreddit_id, requests, since)
    SELECT :root, :requests, now FROM {NOW} AS clock (now)
    ON CONFLICT (subreddit_id) DO UPDATE SET
        requests = CASE WHEN root.since <= excluded.since - CAST(:period AS interval)
            THEN excluded.requests ELSE root.requests + excluded.requests END,
        since = CASE WHEN root.since <= excluded.since - CAST(:period AS interval)
            THEN excluded.since ELSE root.since END
    RETURNING requests
    """)

_SPENT = text(f"""
    SELECT requests FROM discovery_roots
    WHERE subreddit_id = :root AND since > {NOW} - CAST(:period AS interval)
    """)

_FORGET = text(f"""
    DELETE FROM discovery_evidence WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM discovery_evidence
        WHERE last_at < {NOW} - CAST(:lives AS interval) ORDER BY last_at
        LIMIT :at_most
        FOR UPDATE SKIP LOCKED))
    """)


def unchecked(conn: Connection, *, subreddit_id: int, at_most: int) -> list[str]:
    """Return names with enough evidence and without a check of their access, strongest first."""
    return _candidates(conn, subreddit_id, at_most, checked=False)


def candidates(conn: Connection, *, subreddit_id: int, at_most: int) -> list[str]:
    """Return open subreddits with enough evidence, the strongest first.

    They were never crawled and have no live job.
    """
    return _candidates(conn, subreddit_id, at_most, checked=True)


def _candidates(conn: Connection, subreddit_id: int, at_most: int, *, checked: bool) -> list[str]:
    rows = conn.execute(
        _CANDIDATES,
        {
            "subreddit_id": subreddit_id,
            "recent": authors.RECENT,
            "at_most": at_most,
            "authors_max": AUTHORS_MAX,
            "edges_max": EDGES_MAX,
            "evidence_max": EVIDENCE_MAX,
            "checked": checked,
        },
    )
    return [row.name for row in rows]


def record_missing(
    conn: Connection,
    *,
    names: Sequence[str],
    discovered_from: int,
    depth: int,
    now: datetime | None = None,
) -> None:
    """Record that these subreddits do not exist at Reddit, so that no crawl asks for them again."""
    values = {"names": list(names), "discovered_from": discovered_from, "depth": depth, "now": now}
    conn.execute(_MISSING, values)


def room(conn: Connection, *, at_most: int) -> int:
    """Return how many discovery jobs may be enqueued, at most `at_most` minus the live ones.

    Takes a lock, so that the result stays valid until the transaction ends.
    """
    conn.execute(_TAKE_TURN)
    return max(0, at_most - live_jobs(conn))


def live_jobs(conn: Connection) -> int:
    """Return the number of live discovery jobs."""
    return int(conn.execute(_LIVE_JOBS).scalar_one())


def root_of(conn: Connection, *, subreddit_id: int, depth: int) -> int:
    """Return the id of the root: the subreddit `depth` steps back, which a user requested."""
    values = {"subreddit_id": subreddit_id, "depth": depth}
    return int(conn.execute(_ROOT, values).scalar_one())


def spend(conn: Connection, *, root: int, requests: int, now: datetime | None = None) -> int:
    """Charge these requests to the root, and return its total in the current period."""
    values = {"root": root, "requests": requests, "period": rules.ROOT_PERIOD, "now": now}
    return int(conn.execute(_SPEND, values).scalar_one())


def spent(conn: Connection, *, root: int, now: datetime | None = None) -> int:
    """Return the number of requests of discovery from this root in the current period."""
    values = {"root": root, "period": rules.ROOT_PERIOD, "now": now}
    return int(conn.execute(_SPENT, values).scalar() or 0)


def forget_evidence(
    conn: Connection, *, at_most: int, skip: int = 0, now: datetime | None = None
) -> int:
    """Delete evidence that has not grown for EVIDENCE_LIVES. Returns the number of rows."""
    values = {"lives": rules.EVIDENCE_LIVES, "at_most": at_most, "now": now}
    return conn.execute(passing_over(_FORGET, skip), values).rowcount
