"""The times of the attempts of replayed deliveries."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, bindparam, cast, func, literal_column, select

from crawljobs.db.tables import webhook_deliveries
from crawljobs.db.tables.columns import Timestamp
from crawljobs.domain.webhook import DeliveryKind, DeliveryState
from crawljobs.repository.sql import NOW, inline, interval_of

REPLAY_SECONDS = 0.1  # between two first attempts of a replay


def paced(place: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the time of the attempt with this place (from 1), after those that are planned.

    The times of the present endpoint's replays are REPLAY_SECONDS apart. So a receiver that comes
    back gets a steady flow.
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
