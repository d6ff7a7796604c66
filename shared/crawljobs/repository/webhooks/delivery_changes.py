"""Make ended deliveries pending again (a replay)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    func,
    null,
    select,
    update,
)

from crawljobs.db.tables import webhook_deliveries, webhook_events
from crawljobs.db.tables.columns import Timestamp
from crawljobs.domain.webhook import DeliveryKind, DeliveryState
from crawljobs.repository.sql import NOW, inline, one_of
from crawljobs.repository.webhooks.replay_pacing import paced

REPLAYS_MAX = 10_000  # limit of the deliveries that one request replays

_delivery, _event = webhook_deliveries.c, webhook_events.c

_AGAIN: dict[str, Any] = {
    "state": inline(DeliveryState.PENDING),
    "kind": inline(DeliveryKind.REPLAY),
    "attempts_before": _delivery.attempts,
    "ended_at": null(),
    "lease_until": null(),
    "claim_token": null(),
}
_ENDED = (DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.DROPPED)

_REPLAY = (
    update(webhook_deliveries)
    .where(_delivery.id == bindparam("delivery_id"), one_of(_delivery.state, _ENDED))
    .values(next_attempt_at=NOW, **_AGAIN)
    .returning(_delivery.id)
)


def _replay_many(only_failed: bool) -> Any:
    old = webhook_deliveries.alias("old")
    is_of_endpoint = old.c.endpoint_id == bindparam("of_endpoint")
    no_ping = old.c.kind != inline(DeliveryKind.PING)
    since = bindparam("since", type_=Timestamp)
    if only_failed:
        # The partial index has the deliveries that failed. The index of the events would also
        # yield those that were delivered.
        chosen = select(old.c.id).where(
            is_of_endpoint,
            no_ping,
            old.c.state == inline(DeliveryState.FAILED),
            old.c.state != inline(DeliveryState.DELIVERED),
            old.c.created_at >= since,
        )
        chosen = chosen.order_by(old.c.id)
    else:
        chosen = (
            select(old.c.id)
            .select_from(
                webhook_events.join(old, and_(old.c.event_id == _event.id, is_of_endpoint))
            )
            .where(_event.created_at >= since, no_ping, one_of(old.c.state, _ENDED))
            .order_by(_event.created_at)
        )
    locked = (
        chosen.limit(bindparam("at_most")).with_for_update(of=old, skip_locked=True).cte("locked")
    )
    placed = select(
        locked.c.id, func.row_number().over(order_by=locked.c.id).label("place")
    ).subquery("placed")
    return (
        update(webhook_deliveries)
        .where(_delivery.id == placed.c.id)
        .values(next_attempt_at=paced(placed.c.place), **_AGAIN)
    )


REPLAY_FAILED = _replay_many(only_failed=True)
REPLAY_ALL = _replay_many(only_failed=False)


@dataclass(frozen=True)
class Replay:
    """The number of deliveries that became pending. `more`: further ones match."""

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
    """Make the endpoint's ended deliveries of events since `since` pending, the oldest first.

    With `only_failed`, only failed deliveries become pending. The first attempts are REPLAY_SECONDS
    apart. A delivery that another transaction has locked stays as it is. Needs the lock of the
    endpoint.
    """
    statement = REPLAY_FAILED if only_failed else REPLAY_ALL
    values = {"of_endpoint": endpoint_id, "since": since, "at_most": at_most, "now": now}
    found = conn.execute(statement, values).rowcount
    return Replay(found, found == at_most)
