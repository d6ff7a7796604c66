"""Write the event subreddit.access_changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, func, insert, not_, or_, select

from crawljobs.db.tables import subreddits, webhook_events
from crawljobs.domain.subreddit import OPEN, AccessState
from crawljobs.domain.webhook import EventType
from crawljobs.repository.sql import NOW, ids, inline, one_of, texts, unnested
from crawljobs.repository.webhooks.events.event_interest import fits
from crawljobs.repository.webhooks.events.event_json import json_object

_kind = inline(EventType.SUBREDDIT_ACCESS_CHANGED)
_changed = unnested("changed", id=ids("ids"), former=texts("formers"))
_name = func.lower(subreddits.c.name)

RECORD = insert(webhook_events).from_select(
    ["type", "created_at", "data", "subreddit"],
    select(
        _kind,
        NOW,
        json_object(
            subreddit=subreddits.c.name,
            access=subreddits.c.access,
            former_access=_changed.c.former,
        ),
        subreddits.c.name,
    )
    .select_from(_changed.join(subreddits, subreddits.c.id == _changed.c.id))
    .where(
        subreddits.c.access != _changed.c.former,
        # If the first check of a subreddit finds it open, no event is written. Discovery causes
        # thousands of such checks.
        or_(
            _changed.c.former != inline(AccessState.UNKNOWN),
            not_(one_of(subreddits.c.access, OPEN)),
        ),
        fits(_kind, subreddit=_name),
    ),
)


def record(conn: Connection, *, former: Mapping[int, str], now: datetime | None = None) -> None:
    """Write an event for each of these subreddits whose access has changed.

    `former` maps ids of subreddits to their access before the change. The caller's transaction has
    locked the rows of these subreddits. No event is written for a change from unknown to an open
    state, or if no endpoint wants the event.
    """
    if former:
        values = {"ids": list(former), "formers": list(former.values()), "now": now}
        conn.execute(RECORD, values)
