"""The generic plan of a statement: what a prepared one gets, whatever its parameters."""

from collections.abc import Iterator
from typing import Any

from psycopg import sql
from sqlalchemy import TextClause, text
from sqlalchemy.dialects import postgresql

from crawljobs.db.database import Connection


def generic_plan(
    conn: Connection, statement: TextClause, values: dict[str, Any]
) -> list[dict[str, Any]]:
    """Every node of the plan, the root first."""
    conn.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
    dialect = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
    compiled = statement.compile(dialect=dialect)
    names = compiled.positiontup or []
    arguments = ", ".join(sql.Literal(values[name]).as_string(None) for name in names)
    conn.exec_driver_sql(f"PREPARE shown AS {compiled}")
    try:
        explain = f"EXPLAIN (FORMAT JSON) EXECUTE shown{f'({arguments})' if names else ''}"
        (plans,) = conn.exec_driver_sql(explain.replace("%", "%%")).one()
    finally:
        conn.exec_driver_sql("DEALLOCATE shown")
    return list(_nodes(plans[0]["Plan"]))


def pages_read(conn: Connection, statement: TextClause, values: dict[str, Any]) -> int:
    """How many pages of tables and indexes an execution looks at, cached ones included."""
    explained = text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement.text}")
    (plans,) = conn.execute(explained, values).one()
    root = plans[0]["Plan"]
    return int(root["Shared Hit Blocks"] + root["Shared Read Blocks"])


def tables_scanned(plan: list[dict[str, Any]]) -> list[str]:
    return [node["Relation Name"] for node in plan if node["Node Type"] == "Seq Scan"]


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)
