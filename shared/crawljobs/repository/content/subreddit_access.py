"""Record whether a subreddit is accessible: at once, or after three checks with equal outcomes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, null, select, text, update

from crawljobs.db.tables import subreddits
from crawljobs.domain.subreddit import AccessState
from crawljobs.domain.webhook import EventType
from crawljobs.repository.queue.queue_sql import CLOCK
from crawljobs.repository.sql import NOW, inline_number
from crawljobs.repository.webhooks.events import access_events
from crawljobs.repository.webhooks.events.event_interest import wanted, wanted_sql

# A subreddit that was crawled before is recorded as inaccessible only after CONFIRM_CHECKS checks
# with the same outcome. At most one check is counted in CONFIRM_EVERY_HOURS hours.
CONFIRM_CHECKS, CONFIRM_EVERY_HOURS = 3, 8

# - An outcome is recorded at once if the subreddit was never crawled, or if the stored access is
#   the same. Any other outcome is recorded only after three checks with this outcome. At most one
#   check is counted in 8 hours.
# - If the time of the last count is in the future, the database's clock was set back. The count
#   begins again.
# - After a recorded outcome, the next crawl is due after 7 days, because the subreddit may become
#   public again. Each further interval is twice as long, at most 90 days.
# - A subreddit that was never crawled gets a next crawl only if it is private, quarantined or
#   gated.
_RECORD_ACCESS = text(f"""
    WITH seen AS (
        SELECT id, access AS known, now, last_crawled_at IS NOT NULL AS is_crawled,
            coalesce(access_unconfirmed = :access AND access_unconfirmed_at <= now, false) AS again,
            access_unconfirmed_at AS counted_at, access_unconfirmed_looks AS looks
        FROM subreddits CROSS JOIN {CLOCK} AS now
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
        SELECT *, NOT is_crawled OR known = :access OR count >= {CONFIRM_CHECKS} AS is_believed
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
            THEN now + interval '1 day' * least(90, 7 * 2.0 ^
                CASE WHEN access = :access THEN looks_in_vain ELSE 0 END) END
    FROM look WHERE subreddits.id = look.id
    RETURNING is_believed, look.id, known,
        {wanted_sql(EventType.SUBREDDIT_ACCESS_CHANGED)} AS has_event
    """)

_stored = subreddits.alias("stored")
_seen = (
    select(_stored.c.id, _stored.c.access.label("known"))
    .where(_stored.c.id == bindparam("subreddit_id"))
    .with_for_update(key_share=True)
    .cte("seen")
)
_RECORD_OPEN = (
    update(subreddits)
    .where(subreddits.c.id == _seen.c.id)
    .values(
        access=bindparam("access"),
        access_checked_at=NOW,
        access_unconfirmed=null(),
        access_unconfirmed_looks=inline_number(0),
        access_unconfirmed_at=null(),
    )
    .returning(
        subreddits.c.id,
        _seen.c.known,
        wanted(EventType.SUBREDDIT_ACCESS_CHANGED).label("has_event"),
    )
)


def record_access(
    conn: Connection, *, subreddit_id: int, access: AccessState, now: datetime | None = None
) -> bool:
    """Record that access to the subreddit was denied, and set the time of the next crawl.

    Returns whether the outcome `access` is confirmed. If the subreddit was crawled before, the
    confirmation needs three checks with this outcome.
    """
    values = {"subreddit_id": subreddit_id, "access": access.value, "now": now}
    row = conn.execute(_RECORD_ACCESS, values).first()
    if row is not None and row.has_event:
        access_events.record(conn, former={row.id: row.known}, now=now)
    return row is not None and row.is_believed


def record_open(
    conn: Connection, *, subreddit_id: int, access: AccessState, now: datetime | None = None
) -> None:
    """Record that the subreddit showed its posts, and forget unconfirmed denials of access."""
    values = {"subreddit_id": subreddit_id, "access": access.value, "now": now}
    row = conn.execute(_RECORD_OPEN, values).first()
    if row is not None and row.has_event:
        access_events.record(conn, former={row.id: row.known}, now=now)
