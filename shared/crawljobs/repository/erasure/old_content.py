"""Choose the subreddits with content that is older than the retention of content.

The sweep goes from subreddit to subreddit, because each index of items begins with the subreddit
(decision 137). The mark of a subreddit, `content_erased_before`, is the time up to which sweeps
have erased its content.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)

from crawljobs.db.tables import subreddits
from crawljobs.db.tables.columns import Timestamp
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository.sql import NOW, inline_time, interval, one_of

# A worker may store old items shortly after a sweep, if it began to store them before the sweep. So
# the range of the next sweep begins MARGIN before the end of the last sweep's range. MARGIN is also
# the time between two sweeps of a subreddit.
MARGIN = timedelta(days=1)
BARRED = (AccessState.PRIVATE, AccessState.BANNED)
FIRST = datetime(1970, 1, 1, tzinfo=UTC)

_subreddit = subreddits.c
_mark = _subreddit.content_erased_before
_is_barred = and_(bindparam("erases_barred", type_=Boolean), one_of(_subreddit.access, BARRED))
# Without a retention, no content is too old.
_until: ColumnElement[datetime] = case(
    (_is_barred, NOW),
    else_=func.coalesce(NOW - interval("retention"), inline_time(FIRST.isoformat())),
)
# A subreddit is due MARGIN after its last sweep. A subreddit that became barred is due at once.
#
# A mark after `until` is due too: the retention was raised or removed, or a barred subreddit is
# open again. From then on, crawls store items from before the mark with their content. So the mark
# moves back to `until`. Otherwise a later sweep would begin after these items.
NEXT = (
    select(
        _subreddit.id,
        func.coalesce(_mark - interval("margin"), inline_time(FIRST.isoformat())).label("since"),
        _until.label("until"),
    )
    .where(
        _subreddit.id > bindparam("after", type_=BigInteger),
        or_(
            and_(_mark.is_(None), _until > inline_time(FIRST.isoformat())),
            _mark < _until - interval("margin"),
            _mark > _until + interval("margin"),
        ),
    )
    .order_by(_subreddit.id)
    .limit(bindparam("at_most"))
)
FINISH = (
    update(subreddits)
    .where(_subreddit.id == bindparam("of_subreddit", type_=BigInteger))
    .values(content_erased_before=bindparam("until", type_=Timestamp))
)


@dataclass(frozen=True)
class DueSubreddit:
    """A subreddit whose items with a time of creation from `since` to `until` must be erased."""

    id: int
    since: datetime
    until: datetime


def next_due(
    conn: Connection,
    *,
    retention: timedelta | None,
    erases_barred: bool,
    after: int,
    at_most: int,
    now: datetime | None = None,
) -> list[DueSubreddit]:
    """Return the next subreddits whose mark must move: with ids above `after`, in id order.

    The subreddits may have content to erase.

    `erases_barred`: true erases the whole content of private and banned subreddits.
    """
    values = {
        "retention": retention,
        "erases_barred": erases_barred,
        "margin": MARGIN,
        "after": after,
        "at_most": at_most,
        "now": now,
    }
    return [DueSubreddit(row.id, row.since, row.until) for row in conn.execute(NEXT, values)]


def finish(conn: Connection, due: DueSubreddit) -> None:
    """Move the mark of the subreddit: no content that was created before `until` is left."""
    conn.execute(FINISH, {"of_subreddit": due.id, "until": due.until})
