"""Reads docs/reference/schema.md, and the types of columns from the catalogue of a database."""

import re
from pathlib import Path

from sqlalchemy import CheckConstraint, text

from crawljobs.db import tables
from crawljobs.db.database import Connection

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "schema.md"
# Each column of a table with its type in words, for example `text or null`.
_TYPES = text("""
    SELECT class.relname, attname,
        replace(format_type(atttypid, atttypmod), 'timestamp with time zone', 'timestamptz')
        || CASE WHEN attnotnull THEN '' ELSE ' or null' END
        || coalesce(' → `' || target.relname || '`', '')
    FROM pg_class AS class JOIN pg_attribute ON attrelid = class.oid
        LEFT JOIN pg_constraint AS reference
            ON conrelid = class.oid AND contype = 'f' AND conkey = ARRAY[attnum]
        LEFT JOIN pg_class AS target ON target.oid = confrelid
    WHERE class.relname = ANY (:tables) AND class.relkind = 'r' AND attnum > 0 AND NOT attisdropped
    ORDER BY class.relname, attnum
""")
_IN_LIST = re.compile(r"^(?:(\w+) IS NULL OR )?(\w+) IN \((.*)\)$")


def documented(page: str) -> dict[str, dict[str, tuple[str, str]]]:
    """Return the type and the meaning of each column, by table and column."""
    parts = re.split(r"^### `(\w+)`\n", page, flags=re.MULTILINE)
    return {
        table: {
            column: (kind, meaning)
            for column, kind, meaning in re.findall(
                r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$", body, re.MULTILINE
            )
        }
        for table, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def of_catalogue(conn: Connection) -> dict[str, dict[str, str]]:
    """Return the type of each column of our tables, by table and column."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in conn.execute(_TYPES, {"tables": list(tables.metadata.tables)}):
        found.setdefault(table, {})[column] = kind
    return found


def listed_values() -> dict[tuple[str, str], list[str]]:
    """Return the values that a CHECK allows, by table and column."""
    return {
        (table.name, match[2]): re.findall(r"'([^']+)'", match[3])
        for table in tables.metadata.tables.values()
        for check in table.constraints
        if isinstance(check, CheckConstraint) and (match := _IN_LIST.match(str(check.sqltext)))
    }
