"""What keeps us from seeing a subreddit: recorded at once, or when three looks agree."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.domain.subreddit import AccessState

# An outcome of a subreddit that was crawled before is believed after so many equal looks.
CONFIRM_LOOKS, CONFIRM_EVERY_HOURS = 3, 8

_NOW = "coalesce(CAST(:now AS timestamptz), clock_timestamp())"

# What was never crawled is believed at once, and so is what is known already. Any other outcome
# counts once in 8 hours, and is believed at the third equal look. A time in the future was written
# before the clock was set back.
# Private may become public again: look after 7 days, then ever more rarely, at most every 90. What
# is banned, missing or legal and was never crawled is not looked at again by itself.
_RECORD_ACCESS = text(f"""
    WITH seen AS (
        SELECT id, access AS known, now, last_crawled_at IS NOT NULL AS is_crawled,
            coalesce(access_unconfirmed = :access AND access_unconfirmed_at <= now, false) AS again,
            access_unconfirmed_at AS counted_at, access_unconfirmed_looks AS looks
        FROM subreddits CROSS JOIN {_NOW} AS now
        WHERE id = :subreddit_id
        FOR NO KEY UPDATE OF subreddits
    ), counted AS (
        SELECT seen.*, CASE WHEN NOT again THEN 1
                WHEN counted_at <= now - interval '{CONFIRM_EVERY_HOURS} hours' THEN looks + 1
                ELSE looks END AS count,
            CASE WHEN again AND counted_at > now - interval '{CONFIRM_EVERY_HOURS} hours'
                THEN counted_at ELSE now END AS at
        FROM seen
    ), look AS (
        SELECT *, NOT is_crawled OR known = :access OR count >= {CONFIRM_LOOKS} AS is_believed
        FROM counted
    )
    UPDATE subreddits SET
        access = CASE WHEN is_believed THEN :access ELSE access END,
        access_checked_at = now,
        access_unconfirmed = CASE WHEN NOT is_believed THEN :access END,
        access_unconfirmed_looks = CASE WHEN is_believed THEN 0 ELSE count END,
        access_unconfirmed_at = CASE WHEN NOT is_believed THEN look.at END,
        looks_in_vain = CASE WHEN NOT is_believed THEN looks_in_vain
            WHEN access = :access THEN least(looks_in_vain + 1, 30) ELSE 1 END,
        next_crawl_at = CASE
            WHEN NOT is_believed THEN look.at + interval '{CONFIRM_EVERY_HOURS} hours'
            WHEN is_crawled OR :access IN ('private', 'quarantined', 'gated')
            THEN now + least(interval '90 days', interval '7 days' * 2.0 ^
                CASE WHEN access = :access THEN looks_in_vain ELSE 0 END) END
    FROM look WHERE subreddits.id = look.id
    RETURNING is_believed
    """)

_RECORD_OPEN = text(f"""
    UPDATE subreddits SET access = :access, access_checked_at = {_NOW}, access_unconfirmed = NULL,
        access_unconfirmed_looks = 0, access_unconfirmed_at = NULL
    WHERE id = :subreddit_id
    """)


def record_access(
    conn: Connection, *, subreddit_id: int, access: AccessState, now: datetime | None = None
) -> bool:
    """What kept us from seeing the subreddit, and when it is worth another look.

    Whether it is believed: for a subreddit that was crawled before, the third equal look is.
    """
    values = {"subreddit_id": subreddit_id, "access": access.value, "now": now}
    return bool(conn.execute(_RECORD_ACCESS, values).scalar())


def record_open(
    conn: Connection, *, subreddit_id: int, access: AccessState, now: datetime | None = None
) -> None:
    """The subreddit has shown its posts: what was seen before and not confirmed is forgotten."""
    values = {"subreddit_id": subreddit_id, "access": access.value, "now": now}
    conn.execute(_RECORD_OPEN, values)
