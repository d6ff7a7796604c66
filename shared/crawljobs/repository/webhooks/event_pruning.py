"""Delete events of webhooks after the retention, with their deliveries and attempts."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import (
    ARRAY,
    UUID,
    Connection,
    Integer,
    any_,
    bindparam,
    delete,
    func,
    select,
    union_all,
)

from crawljobs.db import after_commit
from crawljobs.db.tables import webhook_deliveries, webhook_events
from crawljobs.domain.webhook import OPEN_DELIVERIES
from crawljobs.repository.sql import NOW, interval, one_of
from crawljobs.runtime import metrics

_event, _delivery = webhook_events.c, webhook_deliveries.c
_ids = bindparam("ids", type_=ARRAY(UUID(as_uuid=True)))

_BEFORE = NOW - interval("retention")
_examined = bindparam("examined", type_=Integer)  # the number of examined events: at_most + skip
_expanded = (
    select(_event.id)
    .where(_event.expanded_at.is_not(None), _event.created_at < _BEFORE)
    .order_by(_event.created_at)
    .limit(_examined)
    .subquery("expanded")
)
# Events without deliveries, because no process has a master key. The index of these events has the
# column `version`, but no time. The order by version is the same as by time, because a later event
# has a higher version.
_unexpanded = (
    select(_event.id, _event.created_at)
    .where(_event.expanded_at.is_(None))
    .order_by(_event.version)
    .limit(_examined)
    .subquery("unexpanded")
)
OLD = (
    union_all(
        select(_expanded.c.id),
        select(_unexpanded.c.id).where(_unexpanded.c.created_at < _BEFORE),
    )
    .limit(bindparam("at_most"))
    .offset(bindparam("skip"))
)
# Foreign keys delete the deliveries and the attempts.
_PRUNE = delete(webhook_events).where(_event.id == any_(_ids))
_UNDELIVERED = (
    select(func.count())
    .select_from(webhook_deliveries)
    .where(_delivery.event_id == any_(_ids), one_of(_delivery.state, OPEN_DELIVERIES))
)


def prune_events(
    conn: Connection,
    *,
    retention: timedelta,
    at_most: int = 1_000,
    skip: int = 0,
    now: datetime | None = None,
) -> int:
    """Delete at most `at_most` events that are older than the retention, the oldest first.

    The deliveries of the events are deleted too. After the commit, the metric of dropped deliveries
    counts those that were held or pending. Skips the `skip` oldest events: an earlier call failed
    to delete them. Returns the number of deleted events.
    """
    values = {
        "retention": retention,
        "at_most": at_most,
        "skip": skip,
        "examined": at_most + skip,
        "now": now,
    }
    found = [*conn.execute(OLD, values).scalars()]
    if not found:
        return 0
    undelivered = conn.execute(_UNDELIVERED, {"ids": found}).scalar_one()
    deleted = conn.execute(_PRUNE, {"ids": found}).rowcount
    after_commit.register(conn, partial(metrics.webhook_deliveries_dropped.inc, undelivered))
    return deleted
