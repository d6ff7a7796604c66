"""Make the statements of a transaction read rows in the order of an index, and sort nothing."""

from __future__ import annotations

from sqlalchemy import Connection, Text, bindparam, func, select

from crawljobs.repository.sql import inline

# Without these settings, Postgres may read all rows between two positions and sort them, because it
# expects few of them: a generic plan does not know the positions.
_SETTINGS = ("enable_sort", "enable_bitmapscan", "enable_seqscan")
_FOLLOW = select(
    *(func.set_config(inline(name), inline("off"), True).label(name) for name in _SETTINGS),
    func.set_config(
        inline("enable_incremental_sort"), bindparam("incremental", type_=Text), True
    ).label("incremental"),
)


def follow(conn: Connection, *, by_groups: bool = False) -> None:
    """Apply the settings until the end of the transaction. `conn` must be in a transaction.

    A statement with an ORDER BY and a LIMIT then reads only the first rows, where an index has the
    order. With `by_groups`, it may also read whole groups of rows with the same first column, and
    sort each group. Where no index has the order, the statement still sorts.
    """
    conn.execute(_FOLLOW, {"incremental": "on" if by_groups else "off"})
