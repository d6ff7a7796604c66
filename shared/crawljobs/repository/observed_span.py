"""The time span to which a rate of the last hour applies.

A system that was started three minutes ago has results of three minutes only. If these results were
divided by an hour, the rates would be too small.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Double, cast, func, select

from crawljobs.db.tables import service_instances
from crawljobs.repository.sql import inline, inline_interval, inline_number, seconds

HOUR_SECONDS = 3_600

_instance = service_instances.c


def observed_seconds(
    *, oldest: ColumnElement[Any], now: ColumnElement[Any]
) -> ColumnElement[float]:
    """Return the seconds since `oldest` or since the first worker started, whichever is earlier.

    `oldest` is the time of the oldest result within the last hour, or null. The workers are those
    with a heartbeat in the last hour. The span has at least 1 second and at most 1 hour.
    """
    working_since = (
        select(func.min(_instance.started_at))
        .where(
            _instance.role == inline("crawler-worker"),
            _instance.seen_at > now - inline_interval("1 hour"),
        )
        .scalar_subquery()
    )
    span = seconds(now - func.least(oldest, working_since))
    return cast(
        func.greatest(inline_number(1), func.least(inline_number(HOUR_SECONDS), span)), Double
    )
