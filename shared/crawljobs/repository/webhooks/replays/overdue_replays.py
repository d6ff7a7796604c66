"""Give new times to replays whose times have passed while no scheduler delivered.

Otherwise all these replays would be due at once, and the receiver would get them without pauses.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, any_, bindparam, select, true, update

from crawljobs.db.tables import webhook_deliveries, webhook_endpoints
from crawljobs.domain.webhook import DeliveryKind, DeliveryState, EndpointState
from crawljobs.repository.sql import NOW, ids, inline, interval
from crawljobs.repository.webhooks.replays.replay_pacing import AGAIN, paced

CHUNK = 500  # limit of the due deliveries of one endpoint that one call reads
LATE = timedelta(seconds=2)

_delivery = webhook_deliveries.c
_due = webhook_deliveries.alias("due")
_oldest = (
    select(_due.c.id, _due.c.kind, _due.c.attempts, _due.c.attempts_before, _due.c.claim_token)
    .where(
        _due.c.endpoint_id == webhook_endpoints.c.id,
        _due.c.state == inline(DeliveryState.PENDING),
        _due.c.next_attempt_at < NOW - interval("late"),
    )
    .order_by(_due.c.next_attempt_at)
    .limit(bindparam("at_most"))
    .lateral("oldest")
)
# Only replays without an attempt have a pace. The oldest due deliveries can also be of other kinds.
FIND = (
    select(webhook_endpoints.c.id.label("endpoint_id"), _oldest.c.id)
    .select_from(webhook_endpoints.join(_oldest, true()))
    .where(
        webhook_endpoints.c.state == inline(EndpointState.ENABLED),
        _oldest.c.kind == inline(DeliveryKind.REPLAY),
        _oldest.c.attempts == _oldest.c.attempts_before,
        _oldest.c.claim_token.is_(None),
    )
    .order_by(webhook_endpoints.c.id, _oldest.c.id)
)
LOCK = (
    select(_delivery.id)
    .where(
        _delivery.id == any_(ids("ids")),
        _delivery.state == inline(DeliveryState.PENDING),
        _delivery.claim_token.is_(None),
    )
    .order_by(_delivery.id)
    .with_for_update(key_share=True, skip_locked=True)
)
PLAN = (
    update(webhook_deliveries)
    .where(_delivery.id == AGAIN.c.id, _delivery.id == any_(ids("ids")))
    .values(next_attempt_at=paced(AGAIN.c.place))
)


def plan_again(conn: Connection, *, at_most: int = CHUNK, now: datetime | None = None) -> int:
    """Give overdue replays new times, after the endpoint's replays that are already planned.

    Reads at most `at_most` due deliveries of each endpoint. Returns the number of planned replays.
    If the number is not 0, other replays may still be overdue.
    """
    found: dict[int, list[int]] = {}
    for row in conn.execute(FIND, {"late": LATE, "at_most": at_most, "now": now}):
        found.setdefault(row.endpoint_id, []).append(row.id)
    planned = 0
    for endpoint_id, overdue in found.items():
        locked = [*conn.execute(LOCK, {"ids": overdue}).scalars()]
        if locked:
            conn.execute(PLAN, {"of_endpoint": endpoint_id, "ids": locked, "now": now})
        planned += len(locked)
    return planned
