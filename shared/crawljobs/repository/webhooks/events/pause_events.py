"""Write the event budget.paused, at most once an hour for each client id and reason."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Text, bindparam, exists, func, insert, not_, select

from crawljobs.db.tables import reddit_budgets, webhook_events
from crawljobs.domain.request_budget import PausedReason
from crawljobs.domain.webhook import EventType
from crawljobs.repository.sql import NOW, inline, inline_interval
from crawljobs.repository.webhooks.events.event_interest import fits
from crawljobs.repository.webhooks.events.event_json import json_object, json_time

_kind = inline(EventType.BUDGET_PAUSED)
_budget = reddit_budgets.c
_reason = bindparam("reason", type_=Text)
_earlier = webhook_events.alias("earlier")
# The partial index of these events has the same condition on the type. So Postgres can use the
# index.
_is_repeated = exists().where(
    _earlier.c.type == _kind,
    _earlier.c.created_at > NOW - inline_interval("1 hour"),
    # Leaves out future times, which were stored before the clock was set back.
    _earlier.c.created_at <= NOW,
    _earlier.c.data.op("->>")(inline("client_id")) == _budget.client_id,
    _earlier.c.data.op("->>")(inline("reason")) == _reason,
)

RECORD = insert(webhook_events).from_select(
    ["type", "created_at", "data"],
    select(
        _kind,
        NOW,
        json_object(
            client_id=_budget.client_id,
            reason=_reason,
            paused_until=json_time(func.greatest(_budget.paused_until, _budget.outage_until)),
        ),
    ).where(_budget.client_id == bindparam("client"), not_(_is_repeated), fits(_kind)),
)


def record(
    conn: Connection, *, client_id: str, reason: PausedReason, now: datetime | None = None
) -> None:
    """Write the event, unless an event of the same client id and reason is less than an hour old.

    The caller has locked the row of the budget. So two transactions cannot both write the event.
    """
    conn.execute(RECORD, {"client": client_id, "reason": reason.value, "now": now})
