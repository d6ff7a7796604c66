"""Make ended deliveries pending again (a replay)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Connection,
    bindparam,
    case,
    select,
    true,
    update,
)

from crawljobs.db.tables import webhook_deliveries, webhook_events
from crawljobs.db.tables.columns import Timestamp
from crawljobs.domain.webhook import DeliveryKind, DeliveryState
from crawljobs.repository.sql import NOW, ONE_ROW, inline, one_of
from crawljobs.repository.webhooks import delivery_ranges
from crawljobs.repository.webhooks.replay_pacing import PENDING_AGAIN, REPLAY

REPLAYS_MAX = 10_000  # limit of the deliveries that one request replays

_delivery, _event = webhook_deliveries.c, webhook_events.c

_ENDED = (DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.DROPPED)

# A replayed ping keeps its kind, so it is attempted only once and is never held. Any other delivery
# becomes a replay.
_KIND = case(
    (_delivery.kind == inline(DeliveryKind.PING), inline(DeliveryKind.PING)),
    else_=inline(DeliveryKind.REPLAY),
)
_REPLAY = (
    update(webhook_deliveries)
    .where(_delivery.id == bindparam("delivery_id"), one_of(_delivery.state, _ENDED))
    .values(next_attempt_at=NOW, **{**PENDING_AGAIN, "kind": _KIND})
    .returning(_delivery.id)
)


_since = bindparam("since", type_=Timestamp)
_old = webhook_deliveries.alias("old")
_NO_PING = _old.c.kind != inline(DeliveryKind.PING)
FIND_FAILED = (
    delivery_ranges.oldest_first(
        select(_old.c.id).where(_NO_PING, _old.c.created_at >= _since), _old, DeliveryState.FAILED
    )
    .limit(bindparam("at_most"))
    .with_for_update(skip_locked=True)
)
# LIMIT makes Postgres look up the delivery of each event in the index, instead of a larger join.
_of_event = (
    select(_old.c.id)
    .where(
        _old.c.event_id == _event.id,
        _old.c.endpoint_id == bindparam("of_endpoint"),
        _NO_PING,
        one_of(_old.c.state, _ENDED),
    )
    .limit(ONE_ROW)
    .with_for_update(skip_locked=True)
    .lateral("of_event")
)
FIND_ALL = (
    select(_of_event.c.id)
    .select_from(webhook_events.join(_of_event, true()))
    .where(_event.created_at >= _since)
    .order_by(_event.created_at)
    .limit(bindparam("at_most"))
)


@dataclass(frozen=True)
class Replay:
    """The number of deliveries that became pending. `more`: further deliveries may be left."""

    deliveries: int
    more: bool


def replay(conn: Connection, *, delivery_id: int, now: datetime | None = None) -> bool:
    """Make an ended delivery pending. Return False if it is open or does not exist."""
    return (
        conn.execute(_REPLAY, {"delivery_id": delivery_id, "now": now}).scalar_one_or_none()
        is not None
    )


def replay_since(
    conn: Connection,
    *,
    endpoint_id: int,
    since: datetime,
    only_failed: bool,
    at_most: int = REPLAYS_MAX,
    now: datetime | None = None,
) -> Replay:
    """Make ended deliveries of the endpoint pending, for events since `since`, the oldest first.

    With `only_failed`, only failed deliveries become pending. The first attempts are REPLAY_SECONDS
    apart. A delivery that another transaction has locked stays as it is. The caller has locked the
    endpoint.
    """
    values = {"of_endpoint": endpoint_id, "since": since, "at_most": at_most}
    found = [*conn.execute(FIND_FAILED if only_failed else FIND_ALL, values).scalars()]
    if found:
        conn.execute(REPLAY, {"of_endpoint": endpoint_id, "ids": found, "now": now})
    return Replay(len(found), len(found) == at_most)
