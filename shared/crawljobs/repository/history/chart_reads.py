"""Read series of the history. A point combines the values of one time step of fixed length."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from crawljobs.domain import history_series
from crawljobs.repository.history import chart_queries
from crawljobs.repository.sql import NOW

HOUR_SECONDS = 3_600
DECIMALS = 3

_NOW = select(NOW)


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


@dataclass(frozen=True)
class Chart:
    """The points of each series. A point is None if no row of the history covers its step.

    `minutes` is the number of recorded minutes in each step.
    """

    minutes: Sequence[int]
    points: Mapping[str, Sequence[float | None]]


def read_time(conn: Connection, *, now: datetime | None = None) -> datetime:
    """Return the time of the database, at which a chart ends by default."""
    found: datetime = conn.execute(_NOW, {"now": now}).scalar_one()
    return found


def read_chart(
    conn: Connection,
    *,
    names: Iterable[str],
    span: Span,
    client_id: str | None = None,
    endpoint_id: int | None = None,
) -> Chart:
    """Return the points of these series, which are names in `history_series`.

    The series of budgets are those of `client_id`. If `client_id` is None, they are the sums over
    all client ids. Series of webhooks are those of `endpoint_id`, or of all endpoints.
    """
    wanted = set(names)
    values = {
        "begin": span.begin,
        "end": span.end,
        "step_seconds": span.step_seconds,
        "client_id": client_id,
        "endpoint_id": endpoint_id,
    }
    queue, budget, webhooks = (
        tuple(each for each in series if each.name in wanted)
        for series in (history_series.QUEUE, history_series.BUDGET, history_series.WEBHOOKS)
    )
    is_hourly = span.step_seconds >= HOUR_SECONDS
    minutes = [0] * span.points
    points: dict[str, list[float | None]] = {name: [None] * span.points for name in wanted}
    charted = [points[each.name] for each in queue]
    sums = [points[each.name] for each in (*budget, *webhooks) if each.is_sum]
    query = chart_queries.queue_query(queue, is_hourly=is_hourly)
    for at, recorded, *numbers in conn.execute(query, values):
        place = span.place(at)
        minutes[place] = int(recorded)
        _fill(charted, place, numbers)
        for line in sums:  # if a recorded step has no row, the step had no requests and no attempts
            line[place] = 0
    others = []
    if budget:
        has_id = client_id is not None
        others.append(
            (budget, chart_queries.budget_query(budget, is_hourly=is_hourly, has_client_id=has_id))
        )
    if webhooks:
        has_id = endpoint_id is not None
        query = chart_queries.webhook_query(webhooks, is_hourly=is_hourly, has_endpoint_id=has_id)
        others.append((webhooks, query))
    for series, query in others:
        charted = [points[each.name] for each in series]
        for at, *numbers in conn.execute(query, values):
            _fill(charted, span.place(at), numbers)
    return Chart(minutes, points)


def _fill(lines: Sequence[list[float | None]], place: int, numbers: Sequence[Any]) -> None:
    for line, number in zip(lines, numbers, strict=True):
        line[place] = _number(number)


def _number(value: Any) -> float | None:
    """Return the number with at most DECIMALS decimal places."""
    if value is None or isinstance(value, int):
        return value
    number = round(float(value), DECIMALS)
    return int(number) if number.is_integer() else number
