"""Find subreddits related to a crawled subreddit: by shared authors, mentions and crossposts.

Mentions and crossposts are stored as evidence. Evidence that has not grown for a long time is
deleted.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.domain import discovery_rules as rules
from crawljobs.domain.subreddit import LISTINGS
from crawljobs.repository.content import authors
from crawljobs.repository.queue.queue_sql import NO_LIVE_JOB, NOW, passing_over

# Only this number of the most active authors is read. More authors would cost time and hardly
# change the result.
AUTHORS_MAX = 1_000
# Only this number of subreddits is read for each author. An author who is active in more subreddits
# is no evidence that these subreddits are related.
EDGES_MAX = 1_000
# Only this number of subreddit names is read: the names with the most crossposts and mentions.
EVIDENCE_MAX = 1_000

_LISTINGS = ", ".join(f"'{name}'" for name in sorted(LISTINGS))

# The related subreddits, the strongest evidence first. Profiles (u_...) and names that cannot be
# enqueued are left out. If `checked` is false, the query selects names whose access was never
# checked. If `checked` is true, the query selects public and restricted subreddits.
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


_FORGET = text(f"""
    DELETE FROM discovery_evidence WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM discovery_evidence
        WHERE last_at < {NOW} - CAST(:lives AS interval) ORDER BY last_at
        LIMIT :at_most
        FOR UPDATE SKIP LOCKED))
    """)


def unchecked(conn: Connection, *, subreddit_id: int, at_most: int) -> list[str]:
    """Return the names of related subreddits whose access was never checked.

    A name is returned if its evidence is strong enough. The name with the strongest evidence comes
    first.
    """
    return _candidates(conn, subreddit_id, at_most, checked=False)


def candidates(conn: Connection, *, subreddit_id: int, at_most: int) -> list[str]:
    """Return the names of related subreddits that are public or restricted.

    A name is returned if its evidence is strong enough, the subreddit was never crawled, and it
    has no live job. The name with the strongest evidence comes first.
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


def forget_evidence(
    conn: Connection, *, at_most: int, skip: int = 0, now: datetime | None = None
) -> int:
    """Delete evidence that has not grown for EVIDENCE_LIVES. Returns the number of deleted rows.

    The first `skip` rows are left out, because the database refused to delete them before.
    """
    values = {"lives": rules.EVIDENCE_LIVES, "at_most": at_most, "now": now}
    return conn.execute(passing_over(_FORGET, skip), values).rowcount
