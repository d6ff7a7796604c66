"""Make a pending delivery due now, before the delay of its next attempt has ended."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, update

from crawljobs.db.tables import webhook_deliveries
from crawljobs.domain.webhook import DeliveryState
from crawljobs.repository.sql import NOW, inline

_delivery = webhook_deliveries.c

# The condition on the token leaves out a delivery with an attempt in flight. The next_attempt_at of
# such a delivery is the end of its lease. With an earlier time, a second attempt could begin before
# the first has ended.
_SEND_NOW = (
    update(webhook_deliveries)
    .where(
        _delivery.id == bindparam("delivery_id"),
        _delivery.state == inline(DeliveryState.PENDING),
        _delivery.claim_token.is_(None),
        _delivery.next_attempt_at > NOW,
    )
    .values(next_attempt_at=NOW)
    .returning(_delivery.id)
)


def send_now(conn: Connection, *, delivery_id: int, now: datetime | None = None) -> bool:
    """Make a pending delivery due. Return False if there is nothing to change.

    Nothing changes if the delivery is due already, if an attempt is in flight, if the delivery is
    not pending, or if it does not exist. The number of its attempts does not change.
    """
    values = {"delivery_id": delivery_id, "now": now}
    return conn.execute(_SEND_NOW, values).scalar_one_or_none() is not None
