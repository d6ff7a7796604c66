"""Build the statements that store posts or comments, and the JSON rows for these statements.

Only `ItemColumns` lists the columns of a post or comment. Their types are read from db/tables.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Table, TextClause
from sqlalchemy.dialects import postgresql

from crawljobs.domain.reddit_items import Comment, Post
from crawljobs.repository.content.page_storage.crawled_edges import Counts
from crawljobs.repository.content.refreshes import DUE_FOR_REFRESH

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class ItemColumns:
    """The columns of a post or comment. A column is read from the attribute with the same name.

    Only `subreddit_id` and `author_id` are not attributes: the caller passes these ids.

    - `keys`: columns that never change.
    - `content`: columns that a later reply of Reddit may change.
    - `evidence`: columns, with their types, that the statement reads but the table does not store.
    """

    table: Table
    keys: tuple[str, ...]
    content: tuple[str, ...]
    evidence: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Written:
    """The numbers of inserted and of updated rows. Neither includes unchanged rows."""

    inserted: int = 0
    updated: int = 0

    def __add__(self, other: Written) -> Written:
        return Written(self.inserted + other.inserted, self.updated + other.updated)


def write_ctes(columns: ItemColumns) -> str:
    """Return the common table expressions `input`, `changed` and `written` of an upsert.

    A deleted item stays deleted, even if an older reply of Reddit is stored later. LIMIT 1 makes
    the planner use one index lookup for each item. Otherwise Postgres would scan the whole table.
    """
    table, content, keys = columns.table, _listed(columns.content), _listed(columns.keys)
    return f"""
    WITH input AS (
        SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS input ({_definitions(columns)})
    ), changed AS (
        SELECT input.*
        FROM input LEFT JOIN LATERAL (SELECT * FROM {table.name} WHERE id = input.id LIMIT 1)
            AS stored ON true
        WHERE stored.id IS NULL OR (
            (stored.deleted_at IS NULL OR input.deleted)
            AND ROW(stored.deleted_at IS NOT NULL, {_listed(columns.content, "stored.")})
                IS DISTINCT FROM ROW(input.deleted, {_listed(columns.content, "input.")}))
        ORDER BY input.id
    ), written AS (
        INSERT INTO {table.name} AS stored (
            {keys}, {content}, deleted_at, first_seen_at, updated_at, refresh_due_at
        )
        SELECT {keys}, {content}, CASE WHEN deleted THEN now END, now, now,
            CASE WHEN NOT deleted THEN {DUE_FOR_REFRESH} END
        FROM changed, (SELECT clock_timestamp()) AS clock (now)
        ON CONFLICT (id) DO UPDATE SET
            ({content}) = ROW({_listed(columns.content, "excluded.")}),
            deleted_at = coalesce(stored.deleted_at, excluded.deleted_at),
            updated_at = excluded.updated_at
        WHERE stored.deleted_at IS NULL OR excluded.deleted_at IS NOT NULL
        RETURNING id, author_id, subreddit_id, created_at, xmax = 0 AS inserted
    )
"""


def rows_of(
    columns: ItemColumns,
    items: Sequence[Post | Comment],
    *,
    author_ids: Mapping[str, int],
    subreddit_ids: Mapping[str, int],
) -> str:
    """Return the items as a JSON array of rows. Both mappings have lower-case names as keys."""
    names = [
        name
        for name in (*columns.keys, *columns.content, *columns.evidence, "deleted")
        if name not in ("author_id", "subreddit_id")
    ]
    rows = []
    for item in items:
        row = {name: getattr(item, name) for name in names}
        row["subreddit_id"] = subreddit_ids[item.subreddit.lower()]
        row["author_id"] = author_ids[item.author.name.lower()] if item.author else None
        rows.append(row)
    return json.dumps(rows, allow_nan=False, default=datetime.isoformat)


def execute(conn: Connection, statement: TextClause, rows: str, counts: Counts | None) -> Written:
    """Execute an upsert of these rows. If given, `counts` collects the numbers of new items."""
    row = conn.execute(statement, {"rows": rows}).one()
    if counts is not None:
        counts.take(row)
    return Written(inserted=row.inserted, updated=row.updated)


def _definitions(columns: ItemColumns) -> str:
    """Return the columns of the JSON rows with their SQL types, as a column definition list."""
    types = {
        name: columns.table.c[name].type.compile(dialect=_DIALECT)
        for name in (*columns.keys, *columns.content)
    }
    types |= {"deleted": "boolean", **columns.evidence}
    return ", ".join(f"{name} {kind}" for name, kind in types.items())


def _listed(names: Sequence[str], prefix: str = "") -> str:
    return ", ".join(f"{prefix}{name}" for name in names)
