"""The times of the attempts of replayed deliveries."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, bindparam, cast, func, literal_column, select

from crawljobs.db.tables import webhook_deliveries
from crawljobs.db.tables.columns import Timestamp
from crawljobs.domain.webhook import DeliveryKind, DeliveryState
from crawljobs.repository.sql import NOW, inline, interval_of

REPLAY_SECONDS = 0.1  # between the first attempts of two replayed deliveries


def paced(place: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the time of the first attempt of the replay with this number (1, 2, ...).

    The first attempts of an endpoint's replays are REPLAY_SECONDS apart, and come after those that
    are already planned. So a receiver that works again gets a steady flow.
    """
    planned = webhook_deliveries.alias("planned")
    last = (
        select(func.max(planned.c.next_attempt_at))
        .where(
            planned.c.endpoint_id == bindparam("of_endpoint"),
            planned.c.state == inline(DeliveryState.PENDING),
            planned.c.state != inline(DeliveryState.DELIVERED),
            planned.c.kind == inline(DeliveryKind.REPLAY),
            planned.c.attempts == planned.c.attempts_before,
        )
        .scalar_subquery()
    )
    start = func.greatest(NOW - interval_of(literal_column(f"{REPLAY_SECONDS}")), last)
    return cast(start + interval_of(place * literal_column(f"{REPLAY_SECONDS}")), Timestamp)
