"""Make ended deliveries pending again: one delivery, or a chunk of an endpoint's deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, update

from crawljobs.db.tables import webhook_deliveries
from crawljobs.domain.webhook import DeliveryKind
from crawljobs.repository.sql import NOW, inline, inline_number, one_of
from crawljobs.repository.webhooks.replays import replay_selection
from crawljobs.repository.webhooks.replays.replay_pacing import PENDING_AGAIN, REPLAY, paced

_delivery = webhook_deliveries.c

# A replayed ping keeps its kind: it is attempted only once, at once, and is never held. Any other
# delivery becomes a replay.
_IS_PING = _delivery.kind == inline(DeliveryKind.PING)
_KIND = case((_IS_PING, inline(DeliveryKind.PING)), else_=inline(DeliveryKind.REPLAY))
_REPLAY = (
    update(webhook_deliveries)
    .where(
        _delivery.id == bindparam("delivery_id"), one_of(_delivery.state, replay_selection.ENDED)
    )
    .values(
        next_attempt_at=case((_IS_PING, NOW), else_=paced(inline_number(1))),
        **{**PENDING_AGAIN, "kind": _KIND},
    )
    .returning(_delivery.id)
)


def replay(
    conn: Connection, *, delivery_id: int, endpoint_id: int, now: datetime | None = None
) -> bool:
    """Make an ended delivery pending. Return False if it is open or does not exist.

    The caller has locked the endpoint of the delivery. The first attempt comes REPLAY_SECONDS after
    the last planned replay of the endpoint. A ping is attempted at once.
    """
    values = {"delivery_id": delivery_id, "of_endpoint": endpoint_id, "now": now}
    return conn.execute(_REPLAY, values).scalar_one_or_none() is not None


def replay_many(
    conn: Connection,
    *,
    endpoint_id: int,
    delivery_ids: Sequence[int],
    only_failed: bool,
    now: datetime | None = None,
) -> int:
    """Make these deliveries of the endpoint pending, if they have ended. Return their number.

    With `only_failed`, only failed deliveries become pending. The first attempts are REPLAY_SECONDS
    apart. A delivery that another transaction has locked stays as it is.
    """
    if not delivery_ids:
        return 0
    statement = replay_selection.lock_statement(only_failed=only_failed)
    locked = [*conn.execute(statement, {"ids": list(delivery_ids)}).scalars()]
    if locked:
        conn.execute(REPLAY, {"of_endpoint": endpoint_id, "ids": locked, "now": now})
    return len(locked)
