"""Write the state of each budget at the end of a minute."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Double, and_, bindparam, case, cast, func, select
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db.tables import budget_history, reddit_budgets
from crawljobs.domain.request_budget import REFUSED, USABLE_SHARE
from crawljobs.repository.history.minute_clock import AT, MINUTE, start_of
from crawljobs.repository.sql import (
    NOW,
    inline_interval,
    inline_number,
    interval_of,
    one_of,
)

# Limit of the client ids whose state is written. The most recently used come first.
CLIENTS_MAX = 100

_ZERO, _ONE = inline_number(0), inline_number(1)
_used = (
    select(reddit_budgets)
    .where(reddit_budgets.c.next_slot_at > NOW - inline_interval("1 day"))
    .order_by(reddit_budgets.c.next_slot_at.desc(), reddit_budgets.c.client_id)
    .limit(inline_number(CLIENTS_MAX))
    .subquery("used")
)
_budget = _used.c
_window = start_of(interval_of(_budget.window_seconds), NOW)
_is_present = _budget.window_started_at == _window
_usable = func.greatest(
    _ONE, func.floor(_budget.requests_per_window * cast(bindparam("share"), Double))
)
# If the stored window is later than the present window, the present window is full, because slots
# of a later window are reserved only then. `domain/budget_state` has the same rule.
_spent = case(
    (_budget.window_started_at > _window, _usable),
    (_is_present, cast(_budget.reserved, Double)),
    else_=_ZERO,
)
_others = case((_is_present, _budget.others), else_=_ZERO)
_before = budget_history.alias("before")
# The requests of other programs since the previous row. In a new window, the count of these
# requests starts at zero.
_new_others = case(
    (
        _before.c.window_started_at == _window,
        func.greatest(_ZERO, _others - func.coalesce(_before.c.others_in_window, _ZERO)),
    ),
    else_=_others,
)
# If the probe of a circuit breaker is overdue by more than 10 minutes, the stored state of the
# breaker is out of date. The gauges use the same rule.
_is_open = func.coalesce(_budget.outage_until > NOW - inline_interval("10 minutes"), False)
_is_refusal = func.coalesce(one_of(_budget.paused_reason, REFUSED), False)


def _minute_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, _ONE), else_=_ZERO)


_VALUES: dict[str, ColumnElement[Any]] = {
    "others": _new_others,
    "rate_limited_minutes": _minute_if(and_(~_is_open, _budget.paused_until > NOW)),
    "outage_minutes": _minute_if(and_(_is_open, ~_is_refusal)),
    "refused_minutes": _minute_if(and_(_is_open, _is_refusal)),
    "usable": _usable,
    "remaining": func.greatest(_ZERO, _usable - _spent),
    "window_started_at": _window,
    "others_in_window": _others,
}
_insert = insert(budget_history).from_select(
    ["client_id", "step_minutes", "at", *_VALUES],
    select(
        _budget.client_id,
        _ONE,
        AT,
        *(cast(value, budget_history.c[name].type) for name, value in _VALUES.items()),
    ).select_from(
        _used.outerjoin(
            _before,
            and_(
                _before.c.client_id == _budget.client_id,
                _before.c.step_minutes == _ONE,
                _before.c.at == AT - MINUTE,
            ),
        )
    ),
)
# The row exists already if a worker sent requests in this minute.
SAMPLE = _insert.on_conflict_do_update(
    index_elements=["client_id", "step_minutes", "at"],
    set_={name: _insert.excluded[name] for name in _VALUES},
).returning(budget_history.c.client_id)


def record(conn: Connection, *, at: datetime, now: datetime | None = None) -> int:
    """Write the state of the client ids that sent a request in the last day. Return their number.

    A client id has at most one row for the minute that starts at `at`. The counts of requests in
    this row do not change.
    """
    values = {"at": at, "share": USABLE_SHARE, "now": now}
    return len(conn.execute(SAMPLE, values).all())
