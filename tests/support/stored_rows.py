"""Hashes of all rows of a database, which show whether a request changed something."""

from collections.abc import Container

from crawljobs.db.database import Database


def row_hashes(database: Database, *, apart_from: Container[str] = ()) -> dict[str, int]:
    """Return a hash of the rows of each table. A partition counts as its partitioned table."""
    with database.begin() as conn:
        tables = conn.exec_driver_sql(
            "SELECT relname FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
            " AND NOT relispartition ORDER BY 1"
        ).scalars()
        return {
            table: conn.exec_driver_sql(
                f"SELECT coalesce(sum(hashtext(one::text)), 0) FROM {table} AS one"
            ).scalar_one()
            for table in tables
            if table not in apart_from
        }
