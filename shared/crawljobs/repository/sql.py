"""Core expressions that statements of several tables share.

Statements are constants of their modules: SQLAlchemy then computes their cache keys only once.

A parameter of an UPDATE must not have the name of a column that the statement leaves as it is:
SQLAlchemy would set that column to its value.
"""

from __future__ import annotations

from collections.abc import Iterable
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
    Select,
    TableValuedAlias,
    Text,
    bindparam,
    cast,
    column,
    extract,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import INTERVAL
from sqlalchemy.types import TypeEngine

from crawljobs.db.tables.columns import Timestamp

_now = func.coalesce(bindparam("now", type_=Timestamp), func.clock_timestamp())

# The current time, or the parameter `now`. Postgres computes a scalar subquery once. A bare
# clock_timestamp() is volatile: with it, an index condition would become a filter.
NOW: ColumnElement[datetime] = select(_now).scalar_subquery()

# The same as a table of one row with the column `now`.
CLOCK = _now.table_valued(column("now", Timestamp), joins_implicitly=True).render_derived(
    name="clock"
)


def inline(constant: str) -> ColumnElement[str]:
    """Return a constant that is written into the SQL.

    With a bound parameter, a generic plan could not use a partial index or an index on an
    expression.
    """
    quoted = constant.replace("'", "''")
    return literal_column(f"'{quoted}'", Text)


def one_of(column: ColumnElement[Any], constants: Iterable[str]) -> ColumnElement[bool]:
    """Return a condition: the column has one of these constants, which are written into the SQL."""
    return column.in_([inline(constant) for constant in sorted(constants)])


def inline_number(constant: int) -> ColumnElement[int]:
    """Return a number that is written into the SQL: the planner needs to know a LIMIT."""
    return literal_column(f"{constant:d}", BigInteger)


def inline_time(constant: str) -> ColumnElement[datetime]:
    """Return a constant time, such as `infinity`, that is written into the SQL."""
    return literal_column(f"timestamptz '{constant}'", Timestamp)


def interval(name: str) -> ColumnElement[Any]:
    """Return a parameter that is a timedelta."""
    return cast(bindparam(name), INTERVAL)


def interval_of(seconds: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return an interval of this number of seconds."""
    return func.make_interval(column("secs").op("=>")(seconds), type_=INTERVAL)


def inline_interval(length: str) -> ColumnElement[Any]:
    """Return a constant interval, such as `1 minute`, that is written into the SQL."""
    return literal_column(f"interval '{length}'", INTERVAL)


def ids(name: str) -> BindParameter[Any]:
    """Return a parameter that is a list of ids."""
    return bindparam(name, type_=ARRAY(BigInteger))


def texts(name: str) -> BindParameter[Any]:
    """Return a parameter that is a list of strings."""
    return bindparam(name, type_=ARRAY(Text))


def times(name: str) -> BindParameter[Any]:
    """Return a parameter that is a list of times."""
    return bindparam(name, type_=ARRAY(Timestamp))


def unnested(name: str, /, **arrays: BindParameter[Any]) -> TableValuedAlias:
    """Return a table whose columns are these array parameters, all of the same length."""
    columns = [column(key, _item_type(array)) for key, array in arrays.items()]
    return func.unnest(*arrays.values()).table_valued(*columns).render_derived(name=name)


def _item_type(array: BindParameter[Any]) -> TypeEngine[Any]:
    if not isinstance(array.type, ARRAY):
        raise TypeError(f"{array.key} is no array")
    return array.type.item_type


def array_of(query: Select[Any]) -> ColumnElement[Any]:
    """Return an array of the results of a query of one column.

    Postgres then finds the rows by their index, whatever the number of results that it expects.
    """
    return func.array(query.scalar_subquery())


def count_up_to(most: int, query: Select[Any]) -> Select[Any]:
    """Return a query for the number of rows of `query`, which reads at most `most` rows."""
    return select(func.count().label("jobs")).select_from(
        query.limit(inline_number(most)).subquery("counted")
    )


def seconds(duration: ColumnElement[Any]) -> ColumnElement[float]:
    """Return the number of seconds of an interval."""
    return cast(extract("epoch", duration), Double)


ONE_ROW = inline_number(1)


def row_version(table: FromClause) -> Label[int]:
    """Return `version`: the id of the transaction that wrote the row, so each change changes it."""
    xmin = literal_column(f"{getattr(table, 'name', '')}.xmin", Text)
    return cast(cast(xmin, Text), BigInteger).label("version")
