"""SQLAlchemy Core expressions that statements for several tables share.

Statements are constants of their modules, so that SQLAlchemy computes their cache keys only once.

If a parameter of an UPDATE has the name of a column, SQLAlchemy sets that column to the value of
the parameter. So only a column that the statement changes may share its name with a parameter.
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

# The parameter `now`, or the current time if the parameter is null. NOW is a scalar subquery, which
# Postgres computes once. Postgres cannot use clock_timestamp() itself in an index condition,
# because that function is volatile.
NOW: ColumnElement[datetime] = select(_now).scalar_subquery()

# A table with one row and the column `now`, which has the value of NOW.
CLOCK = _now.table_valued(column("now", Timestamp), joins_implicitly=True).render_derived(
    name="clock"
)


def inline(constant: str) -> ColumnElement[str]:
    """Return a string constant that is written into the SQL text.

    If it were a bound parameter, a generic plan could not use a partial index or an index on an
    expression.
    """
    quoted = constant.replace("'", "''")
    return literal_column(f"'{quoted}'", Text)


def one_of(column: ColumnElement[Any], constants: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition that the column has one of the constants, as literals in the SQL."""
    return column.in_([inline(constant) for constant in sorted(constants)])


def inline_number(constant: int) -> ColumnElement[int]:
    """Return a number that is written into the SQL, so that the planner knows it, as in a LIMIT."""
    return literal_column(f"{constant:d}", BigInteger)


def inline_time(constant: str) -> ColumnElement[datetime]:
    """Return a constant time, such as `infinity`, that is written into the SQL."""
    return literal_column(f"timestamptz '{constant}'", Timestamp)


def interval(name: str) -> ColumnElement[Any]:
    """Return the bind parameter with this name as an SQL interval. Its value is a timedelta."""
    return cast(bindparam(name), INTERVAL)


def interval_of(seconds: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return an interval of this number of seconds."""
    return func.make_interval(column("secs").op("=>")(seconds), type_=INTERVAL)


def inline_interval(length: str) -> ColumnElement[Any]:
    """Return a constant interval, such as `1 minute`, that is written into the SQL."""
    return literal_column(f"interval '{length}'", INTERVAL)


def ids(name: str) -> BindParameter[Any]:
    """Return the parameter with this name, whose value is a list of ids."""
    return bindparam(name, type_=ARRAY(BigInteger))


def texts(name: str) -> BindParameter[Any]:
    """Return the parameter with this name, whose value is a list of strings."""
    return bindparam(name, type_=ARRAY(Text))


def times(name: str) -> BindParameter[Any]:
    """Return the parameter with this name, whose value is a list of times."""
    return bindparam(name, type_=ARRAY(Timestamp))


def unnested(name: str, /, **arrays: BindParameter[Any]) -> TableValuedAlias:
    """Return a table that has one column for each of these array parameters of equal length."""
    columns = [column(key, _item_type(array)) for key, array in arrays.items()]
    return func.unnest(*arrays.values()).table_valued(*columns).render_derived(name=name)


def _item_type(array: BindParameter[Any]) -> TypeEngine[Any]:
    if not isinstance(array.type, ARRAY):
        raise TypeError(f"{array.key} is no array")
    return array.type.item_type


def array_of(query: Select[Any]) -> ColumnElement[Any]:
    """Return an array with the results of a query that selects one column.

    If a statement compares an id with the array, Postgres finds the rows by an index. With `IN` and
    the query, Postgres could scan the whole table if it expects many results.
    """
    return func.array(query.scalar_subquery())


def count_up_to(most: int, query: Select[Any]) -> Select[Any]:
    """Return a query that counts the rows of `query`. The count stops at the number `most`."""
    return select(func.count().label("jobs")).select_from(
        query.limit(inline_number(most)).subquery("counted")
    )


def seconds(duration: ColumnElement[Any]) -> ColumnElement[float]:
    """Return the length of an interval in seconds."""
    return cast(extract("epoch", duration), Double)


ONE_ROW = inline_number(1)


def row_version(table: FromClause) -> Label[int]:
    """Return the column `version`: the id of the transaction that last changed the row."""
    xmin = literal_column(f"{getattr(table, 'name', '')}.xmin", Text)
    return cast(cast(xmin, Text), BigInteger).label("version")
