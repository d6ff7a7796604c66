"""Read the sizes of the largest tables."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, column, func, select, table

from crawljobs.db import tables
from crawljobs.repository.sql import inline_number, texts

SHOWN = 10
# If a migration has locked a table, the query waits only for this time, and then fails.
LOCK_TIMEOUT = "50ms"

_class = table("pg_class", column("oid"), column("relname"), column("relnamespace")).c
_SIZES = (
    select(
        _class.relname.label("name"), func.pg_total_relation_size(_class.oid).label("bytes_used")
    )
    .where(_class.oid == func.to_regclass(func.quote_ident(_class.relname)))
    .where(_class.relname == func.any(texts("names")))
    .order_by(func.pg_total_relation_size(_class.oid).desc(), _class.relname)
    .limit(inline_number(SHOWN))
)
_SET_TIMEOUT = select(func.set_config("lock_timeout", bindparam("lock_timeout"), True))


def largest_tables(conn: Connection) -> dict[str, int]:
    """Return the bytes of the 10 largest tables, each with its indexes and TOAST table."""
    conn.execute(_SET_TIMEOUT, {"lock_timeout": LOCK_TIMEOUT})
    found = conn.execute(_SIZES, {"names": sorted(tables.metadata.tables)})
    return {row.name: int(row.bytes_used) for row in found if row.bytes_used is not None}
