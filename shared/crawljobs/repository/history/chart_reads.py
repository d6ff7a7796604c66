"""Read series of the history, combined in steps of a fixed length."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Table,
    bindparam,
    func,
    select,
    union_all,
)

from crawljobs.db.tables import budget_history, queue_history
from crawljobs.db.tables.columns import Timestamp
from crawljobs.domain import history_series
from crawljobs.domain.history_series import Series
from crawljobs.repository.history.hourly_rows import combined
from crawljobs.repository.history.minute_clock import HOUR, start_of
from crawljobs.repository.sql import NOW, inline_number, inline_time, interval_of

HOUR_SECONDS = 3_600
DECIMALS = 3

_BEGIN, _END = bindparam("begin", type_=Timestamp), bindparam("end", type_=Timestamp)
_step = interval_of(bindparam("step_seconds"))
_queue = queue_history.c
# Before this time, each recorded hour has its row. The rows of later minutes are read one by one.
_hours_until = func.coalesce(
    select(func.max(_queue.at))
    .where(_queue.step_minutes == inline_number(60), _queue.at < _END)
    .scalar_subquery()
    + HOUR,
    inline_time("-infinity"),
)


@dataclass(frozen=True)
class Span:
    """The times of a chart. `begin` and `end` are multiples of the step since the epoch."""

    begin: datetime
    end: datetime
    step_seconds: int

    @property
    def points(self) -> int:
        return (self.end - self.begin) // timedelta(seconds=self.step_seconds)

    def place(self, at: datetime) -> int:
        """Return the number of the step that begins at this time, from 0."""
        return (at - self.begin) // timedelta(seconds=self.step_seconds)


_NOW = select(NOW)


@dataclass(frozen=True)
class Chart:
    """The points of each series. A point is None if nothing is known of its step.

    `minutes` is the number of recorded minutes in each step.
    """

    minutes: Sequence[int]
    points: Mapping[str, Sequence[float | None]]


def read_time(conn: Connection, *, now: datetime | None = None) -> datetime:
    """Return the time of the database, at which a chart ends by default."""
    found: datetime = conn.execute(_NOW, {"now": now}).scalar_one()
    return found


def read_chart(
    conn: Connection, *, names: Iterable[str], span: Span, client_id: str | None = None
) -> Chart:
    """Return the points of these series, which are names in `history_series`.

    Series of budgets are those of `client_id`, or the sums over all client ids.
    """
    wanted = set(names)
    values = {
        "begin": span.begin,
        "end": span.end,
        "step_seconds": span.step_seconds,
        "client_id": client_id,
    }
    queue = tuple(each for each in history_series.QUEUE if each.name in wanted)
    budget = tuple(each for each in history_series.BUDGET if each.name in wanted)
    is_hourly = span.step_seconds >= HOUR_SECONDS
    minutes = [0] * span.points
    points: dict[str, list[float | None]] = {
        each.name: [None] * span.points for each in (*queue, *budget)
    }
    charted = [points[each.name] for each in queue]
    sums = [points[each.name] for each in budget if each.is_sum]
    for at, recorded, *numbers in conn.execute(queue_query(queue, is_hourly=is_hourly), values):
        place = span.place(at)
        minutes[place] = int(recorded)
        for line, number in zip(charted, numbers, strict=True):
            line[place] = _number(number)
        for line in sums:  # a recorded step without a row of a budget had no requests
            line[place] = 0
    if budget:
        query = budget_query(budget, is_hourly=is_hourly, has_client_id=client_id is not None)
        charted = [points[each.name] for each in budget]
        for at, *numbers in conn.execute(query, values):
            place = span.place(at)
            for line, number in zip(charted, numbers, strict=True):
                line[place] = _number(number)
    return Chart(minutes, points)


def _number(value: Any) -> float | None:
    """Return the number with at most DECIMALS decimal places."""
    if value is None or isinstance(value, int):
        return value
    number = round(float(value), DECIMALS)
    return int(number) if number.is_integer() else number


@lru_cache(maxsize=64)
def queue_query(series: tuple[Series, ...], *, is_hourly: bool) -> Select[Any]:
    """Return the query of these series of the queue, one row for each step with a row."""
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
    """Return the query of these series of the budget of one client id, or added up over all."""
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


def _rows(
    table: Table, names: Iterable[str], *conditions: ColumnElement[bool], is_hourly: bool
) -> FromClause:
    """Return the rows of hours and of the minutes after them, or without `is_hourly` of minutes."""
    chosen = [table.c[name] for name in dict.fromkeys(("at", "minutes", *names))]
    of_step = select(*chosen).where(*conditions, table.c.at < _END)
    step = table.c.step_minutes
    minutes = of_step.where(step == inline_number(1), table.c.at >= _BEGIN)
    if not is_hourly:
        return minutes.subquery("rows")
    hours = of_step.where(step == inline_number(60), table.c.at >= _BEGIN)
    return union_all(hours, minutes.where(table.c.at >= _hours_until)).subquery("rows")
