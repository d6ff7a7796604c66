"""Read the requests of workers and of other programs, for each minute of the present windows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from crawljobs.db.tables import budget_history
from crawljobs.db.tables.columns import Timestamp
from crawljobs.domain.budget_state import ClientBudget
from crawljobs.repository.sql import NOW, inline_interval, inline_number

ROWS_MAX = 6_000  # limit of the rows that are read: 60 minutes of 100 client ids

_row = budget_history.c
_requests = (
    _row.requests_user
    + _row.requests_schedule
    + _row.requests_discovery
    + _row.requests_stale
    + _row.requests_upkeep
)
MINUTES = (
    select(
        _row.client_id,
        _row.at,
        _requests.label("requests"),
        _row.others,
        _row.throttled,
        _row.failures,
    )
    .where(
        _row.step_minutes == inline_number(1),
        _row.at >= bindparam("since", type_=Timestamp),
        _row.at >= NOW - inline_interval("1 hour"),
    )
    .order_by(_row.at)
    .limit(inline_number(ROWS_MAX))
)


@dataclass(frozen=True)
class WindowMinute:
    """The requests of a minute: those that workers sent, and those of other programs."""

    at: datetime
    requests: int
    others: int
    throttled: int
    failures: int


def of_windows(
    conn: Connection, clients: Sequence[ClientBudget], *, now: datetime | None = None
) -> Mapping[str, Sequence[WindowMinute]]:
    """Return the recorded minutes of each client id's present window, at most the last hour.

    A minute without a request has no entry.
    """
    begins = {each.client_id: each.window_started_at for each in clients}
    found: dict[str, list[WindowMinute]] = defaultdict(list)
    if begins:
        for row in conn.execute(MINUTES, {"since": min(begins.values()), "now": now}):
            client_id, *numbers = row
            minute = WindowMinute(*numbers)
            if client_id in begins and minute.at >= begins[client_id] and _has_any(minute):
                found[client_id].append(minute)
    return found


def _has_any(minute: WindowMinute) -> bool:
    return any((minute.requests, minute.others, minute.throttled, minute.failures))
