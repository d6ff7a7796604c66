"""Make the statements of a transaction read rows in the order of an index, without a sort."""

from __future__ import annotations

from sqlalchemy import Connection, Text, bindparam, func, select

from crawljobs.repository.sql import inline

# Without these settings, Postgres may read all rows between two positions and sort them, because a
# generic plan does not know the positions, and expects few rows between them.
_SETTINGS = ("enable_sort", "enable_bitmapscan", "enable_seqscan")
_FOLLOW = select(
    *(func.set_config(inline(name), inline("off"), True).label(name) for name in _SETTINGS),
    func.set_config(
        inline("enable_incremental_sort"), bindparam("incremental", type_=Text), True
    ).label("incremental"),
)


def follow(conn: Connection, *, by_groups: bool = False) -> None:
    """Apply the settings until the end of the transaction. `conn` must be in a transaction.

    If an index has the order of a statement with ORDER BY and LIMIT, the statement then reads only
    the first rows. If no index has the order, the statement still sorts. With `by_groups`, an index
    that begins with the same column is also used: the statement sorts each group of rows with the
    same value in this column.
    """
    conn.execute(_FOLLOW, {"incremental": "on" if by_groups else "off"})
