"""Core expressions that statements of several tables share.

Statements are constants of their modules: SQLAlchemy then computes their cache keys only once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    ColumnElement,
    Double,
    FromClause,
    Label,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import INTERVAL

from crawljobs.db.tables.columns import Timestamp

# The current time, or the parameter `now`. Postgres computes a scalar subquery once. A bare
# clock_timestamp() is volatile: with it, an index condition would become a filter.
NOW: ColumnElement[datetime] = select(
    func.coalesce(bindparam("now", type_=Timestamp), func.clock_timestamp())
).scalar_subquery()


def inline(constant: str) -> ColumnElement[str]:
    """Return a constant that is written into the SQL.

    With a bound parameter, a generic plan could not use a partial index or an index on an
    expression.
    """
    quoted = constant.replace("'", "''")
    return literal_column(f"'{quoted}'", Text)


def inline_number(constant: int) -> ColumnElement[int]:
    """Return a number that is written into the SQL: the planner needs to know a LIMIT."""
    return literal_column(f"{constant:d}", BigInteger)


def inline_time(constant: str) -> ColumnElement[datetime]:
    """Return a constant time, such as `infinity`, that is written into the SQL."""
    return literal_column(f"timestamptz '{constant}'", Timestamp)


def interval(name: str) -> ColumnElement[Any]:
    """Return a parameter that is a timedelta."""
    return cast(bindparam(name), INTERVAL)


def inline_interval(length: str) -> ColumnElement[Any]:
    """Return a constant interval, such as `1 minute`, that is written into the SQL."""
    return literal_column(f"interval '{length}'", INTERVAL)


def ids(name: str) -> BindParameter[Any]:
    """Return a parameter that is a list of ids."""
    return bindparam(name, type_=ARRAY(BigInteger))


def texts(name: str) -> BindParameter[Any]:
    """Return a parameter that is a list of strings."""
    return bindparam(name, type_=ARRAY(Text))


def seconds(duration: ColumnElement[Any]) -> ColumnElement[float]:
    """Return the number of seconds of an interval."""
    return cast(func.extract("epoch", duration), Double)


ONE_ROW = inline_number(1)


def row_version(table: FromClause) -> Label[int]:
    """Return `version`: the id of the transaction that wrote the row, so each change changes it."""
    xmin = literal_column(f"{getattr(table, 'name', '')}.xmin", Text)
    return cast(cast(xmin, Text), BigInteger).label("version")
