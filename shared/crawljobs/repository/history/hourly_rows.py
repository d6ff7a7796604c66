"""Write the rows of past hours, each from the rows of its minutes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Table,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db.tables import budget_history, queue_history, webhook_history
from crawljobs.domain import history_series
from crawljobs.domain.history_series import Combination, Series
from crawljobs.repository.history.minute_clock import AT, HOUR, UNTIL, start_of
from crawljobs.repository.sql import inline_interval, inline_number, inline_time

# The schedulers write the row of a minute of webhooks up to five minutes after the minute. So an
# hour of webhooks is combined only after this time.
WEBHOOKS_LATE = inline_interval("10 minutes")


def done_until(table: Table, end: ColumnElement[datetime]) -> ColumnElement[datetime]:
    """Return the end of the last hour that has its row. The earlier hours are complete too.

    A row after `end` was written before the clock of the database was set back, and is ignored.
    """
    newest = (
        select(func.max(table.c.at))
        .where(table.c.step_minutes == inline_number(60), table.c.at <= end)
        .scalar_subquery()
    )
    return func.coalesce(newest + HOUR, inline_time("-infinity"))


def combined(series: Series, rows: FromClause) -> ColumnElement[Any]:
    """Return the expression that combines the values of a series in several rows to one value."""
    value = rows.c[series.name]
    match series.combination:
        case Combination.SUM:
            return func.sum(value)
        case Combination.MAXIMUM:
            return func.max(value)
        case Combination.WEIGHTED:
            events = rows.c[series.weight]
            return func.sum(value * events) / func.nullif(
                func.sum(events).filter(value.is_not(None)), inline_number(0)
            )
        case Combination.AVERAGE:
            return func.sum(value * rows.c.minutes) / func.nullif(
                func.sum(rows.c.minutes).filter(value.is_not(None)), inline_number(0)
            )


def _roll_up(
    table: Table,
    series: Iterable[Series],
    *keys: str,
    of: Table = queue_history,
    until: ColumnElement[datetime] = UNTIL,
) -> Any:
    """Return the statement that writes the rows of hours.

    It writes no row for an hour that has its row in the table `of`, or for an earlier hour.
    """
    hour = start_of(HOUR, table.c.at)
    values = {each.name: cast(combined(each, table), table.c[each.name].type) for each in series}
    hours = (
        select(
            *(table.c[key] for key in keys),
            inline_number(60),
            hour,
            func.sum(table.c.minutes),
            *values.values(),
        )
        .where(
            table.c.step_minutes == inline_number(1),
            table.c.at >= done_until(of, AT),
            table.c.at < start_of(HOUR, until),
        )
        .group_by(*(literal_column(str(place)) for place in range(1, len(keys) + 3)))
    )
    names = [*keys, "step_minutes", "at", "minutes", *values]
    written = insert(table).from_select(names, hours).on_conflict_do_nothing()
    return written.returning(table.c.at)


# The queue is last, because an hour counts as done when the queue has a row for the hour.
ROLL_UPS = (
    _roll_up(
        webhook_history,
        history_series.WEBHOOKS,
        "endpoint_id",
        of=webhook_history,
        until=UNTIL - WEBHOOKS_LATE,
    ),
    _roll_up(budget_history, history_series.BUDGET, "client_id"),
    _roll_up(queue_history, history_series.QUEUE),
)


def roll_up(conn: Connection, *, at: datetime) -> int:
    """Write the rows of the hours that ended before the end of the minute `at`.

    The rows of webhooks are written WEBHOOKS_LATE after the end of their hour. Writes nothing for
    an hour that has its row. Returns the number of written rows.
    """
    return sum(len(conn.execute(statement, {"at": at}).all()) for statement in ROLL_UPS)
