"""Compose the queries of charts. A row combines the history of one time step of fixed length."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, Table, bindparam, func, select, union_all

from crawljobs.db.tables import budget_history, queue_history, webhook_history
from crawljobs.db.tables.columns import Timestamp
from crawljobs.domain.history_series import Series
from crawljobs.repository.history.hourly_rows import combined, done_until
from crawljobs.repository.history.minute_clock import start_of
from crawljobs.repository.sql import inline_number, interval_of

_BEGIN, _END = bindparam("begin", type_=Timestamp), bindparam("end", type_=Timestamp)
_step = interval_of(bindparam("step_seconds"))


@lru_cache(maxsize=64)
def queue_query(series: tuple[Series, ...], *, is_hourly: bool) -> Select[Any]:
    """Return the query of these series of the queue. It has one row for each recorded step."""
    rows = _rows(queue_history, ("claims", *(each.name for each in series)), is_hourly=is_hourly)
    at = start_of(_step, rows.c.at).label("at")
    return select(
        at,
        func.sum(rows.c.minutes).label("minutes"),
        *(combined(each, rows).label(each.name) for each in series),
    ).group_by(at)


@lru_cache(maxsize=64)
def budget_query(
    series: tuple[Series, ...], *, is_hourly: bool, has_client_id: bool
) -> Select[Any]:
    """Return the query of these series of one client id's budget, or of their sums over all ids."""
    names = ("client_id", *(each.name for each in series))
    conditions = [budget_history.c.client_id == bindparam("client_id")] if has_client_id else []
    rows = _rows(budget_history, names, *conditions, is_hourly=is_hourly)
    at = start_of(_step, rows.c.at).label("at")
    of_clients = (
        select(at, *(combined(each, rows).label(each.name) for each in series))
        .group_by(at, rows.c.client_id)
        .subquery("of_clients")
    )
    return select(
        of_clients.c.at,
        *(func.sum(of_clients.c[each.name]).label(each.name) for each in series),
    ).group_by(of_clients.c.at)


@lru_cache(maxsize=64)
def webhook_query(
    series: tuple[Series, ...], *, is_hourly: bool, has_endpoint_id: bool
) -> Select[Any]:
    """Return the query of these series of one endpoint of webhooks, or of all endpoints."""
    is_endpoint = webhook_history.c.endpoint_id == bindparam("endpoint_id")
    conditions = [is_endpoint] if has_endpoint_id else []
    names = ("attempts", *(each.name for each in series))
    rows = _rows(webhook_history, names, *conditions, is_hourly=is_hourly, of=webhook_history)
    at = start_of(_step, rows.c.at).label("at")
    return select(at, *(combined(each, rows).label(each.name) for each in series)).group_by(at)


def _rows(
    table: Table,
    names: Iterable[str],
    *conditions: ColumnElement[bool],
    is_hourly: bool,
    of: Table = queue_history,
) -> FromClause:
    """Return the rows of minutes, or with `is_hourly` the rows of hours and of later minutes.

    An hour is complete if the table `of` has the row of this hour. After the last complete hour,
    the rows of minutes are used.
    """
    chosen = [table.c[name] for name in dict.fromkeys(("at", "minutes", *names))]
    of_step = select(*chosen).where(*conditions, table.c.at < _END)
    step = table.c.step_minutes
    minutes = of_step.where(step == inline_number(1), table.c.at >= _BEGIN)
    if not is_hourly:
        return minutes.subquery("rows")
    hours = of_step.where(step == inline_number(60), table.c.at >= _BEGIN)
    return union_all(hours, minutes.where(table.c.at >= done_until(of, _END))).subquery("rows")
