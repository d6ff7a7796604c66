"""Make deliveries pending again, with first attempts at a steady pace."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    null,
    select,
    update,
)

from crawljobs.db.tables import webhook_deliveries
from crawljobs.db.tables.columns import Timestamp
from crawljobs.domain.webhook import DeliveryKind, DeliveryState
from crawljobs.repository.sql import NOW, ids, inline, interval_of

REPLAY_SECONDS = 0.1  # seconds between the first attempts of two consecutive replays


def paced(place: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the time of the first attempt of replay number `place` (1, 2, ...).

    The first attempts of an endpoint's replays are REPLAY_SECONDS apart, so that a receiver gets
    the replays at a steady pace. New replays come after the replays that are already planned. A
    claimed replay does not count as planned: its next_attempt_at is the end of its lease.
    """
    planned = webhook_deliveries.alias("planned")
    last = (
        select(func.max(planned.c.next_attempt_at))
        .where(
            planned.c.endpoint_id == bindparam("of_endpoint"),
            planned.c.state == inline(DeliveryState.PENDING),
            planned.c.kind == inline(DeliveryKind.REPLAY),
            planned.c.attempts == planned.c.attempts_before,
            planned.c.claim_token.is_(None),
        )
        .scalar_subquery()
    )
    start = func.greatest(NOW - interval_of(literal_column(f"{REPLAY_SECONDS}")), last)
    return cast(start + interval_of(place * literal_column(f"{REPLAY_SECONDS}")), Timestamp)


_delivery = webhook_deliveries.c
AGAIN = (
    func.unnest(ids("ids"))
    .table_valued(column("id", BigInteger), with_ordinality="place")
    .render_derived(name="again")
)
PENDING_AGAIN: dict[str, Any] = {
    "state": inline(DeliveryState.PENDING),
    "kind": inline(DeliveryKind.REPLAY),
    "attempts_before": _delivery.attempts,
    "ended_at": null(),
    "lease_until": null(),
    "claim_token": null(),
}
# Replays the deliveries with the ids in :ids, in the order of this array. The condition with the
# array makes Postgres find the deliveries by their ids.
REPLAY = (
    update(webhook_deliveries)
    .where(_delivery.id == AGAIN.c.id, _delivery.id == any_(ids("ids")))
    .values(next_attempt_at=paced(AGAIN.c.place), **PENDING_AGAIN)
)
