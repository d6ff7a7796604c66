"""The clock of the query for the gauges: all its subqueries use the same time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import extract, func, select

from crawljobs.repository.sql import NOW, inline_number

CLOCK = select(NOW.label("now")).cte("clock").prefix_with("MATERIALIZED")
ZERO = inline_number(0)


def longest(since: Any) -> Any:
    """Return the seconds since the earliest time in this column, or 0 if the column has no time."""
    return func.coalesce(func.max(extract("epoch", CLOCK.c.now - since)), ZERO)
