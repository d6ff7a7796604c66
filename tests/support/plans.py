"""Read the generic plan of a statement: the plan that Postgres uses for all parameter values."""

from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import ClauseElement, Compiled, TextClause, text
from sqlalchemy.dialects.postgresql import psycopg as psycopg_dialect

from crawljobs.db.database import Connection

SMALL = {"webhook_endpoints"}  # at most 50 rows


def compiled_for_prepare(statement: ClauseElement) -> Compiled:
    """Return the statement in the form for PREPARE: parameters are $1, $2, ... with casts."""
    dialect = psycopg_dialect.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
    return statement.compile(dialect=dialect)


def generic_plan(
    conn: Connection,
    statement: ClauseElement,
    values: dict[str, Any],
    *,
    analyze: bool = False,
    mode: str = "force_generic_plan",
) -> list[dict[str, Any]]:
    """Return all nodes of the generic plan, the root first. `analyze` also runs the statement.

    With the mode `force_custom_plan`, the plan is the one for the given values.
    """
    conn.execute(text(f"SET LOCAL plan_cache_mode = {mode}"))
    compiled = compiled_for_prepare(statement)
    names = getattr(compiled, "positiontup", None) or []
    bound = compiled.construct_params(values) if names else {}
    arguments = ", ".join(_literal(bound[name]).as_string(None) for name in names)
    conn.exec_driver_sql(f"PREPARE shown AS {compiled}")
    try:
        options = "ANALYZE, FORMAT JSON" if analyze else "FORMAT JSON"
        explain = f"EXPLAIN ({options}) EXECUTE shown{f'({arguments})' if names else ''}"
        (plans,) = conn.exec_driver_sql(explain.replace("%", "%%")).one()
    finally:
        conn.exec_driver_sql("DEALLOCATE shown")
    return list(_nodes(plans[0]["Plan"]))


def pages_read(conn: Connection, statement: ClauseElement, values: dict[str, Any]) -> int:
    """Execute the statement, and return how many pages it read, including cached pages."""
    compiled = statement.compile(dialect=conn.dialect)
    (plans,) = conn.exec_driver_sql(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {compiled}", compiled.construct_params(values)
    ).one()
    root = plans[0]["Plan"]
    return int(root["Shared Hit Blocks"] + root["Shared Read Blocks"])


def rows_read(
    conn: Connection, statement: ClauseElement, values: dict[str, Any], *, table: str
) -> int:
    """Execute the statement, and return how many rows of the table it read, also filtered rows."""
    nodes = generic_plan(conn, statement, values, analyze=True)
    scans = [node for node in nodes if node.get("Relation Name") == table]
    return sum(
        round((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
        for node in scans
        if "Scan" in node["Node Type"]
    )


def text_statements(modules: Iterable[ModuleType]) -> dict[str, TextClause]:
    """Return the SQL text of these modules, by the names of module and constant."""
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}": statement
        for module in modules
        for name, statement in vars(module).items()
        if isinstance(statement, TextClause)
    }


def tables_scanned(plan: list[dict[str, Any]]) -> list[str]:
    """Return the tables that the plan scans from end to end, except those with few rows."""
    scanned = [node["Relation Name"] for node in plan if node["Node Type"] == "Seq Scan"]
    return [table for table in scanned if table not in SMALL]


def _literal(value: Any) -> sql.Literal:
    return sql.Literal(Jsonb(value) if isinstance(value, dict) else value)


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)
