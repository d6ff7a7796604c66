"""Build the statements that store posts or comments, and the JSON rows for these statements.

Only `ItemColumns` lists the columns of a post or comment. The types are read from db/tables.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from sqlalchemy import Connection, Table, TextClause
from sqlalchemy.dialects import postgresql

from crawljobs.domain.reddit_items import OMITTED, Account, Comment, Post
from crawljobs.repository.content import tombstones
from crawljobs.repository.content.page_storage.crawled_edges import Counts
from crawljobs.repository.content.refreshes import DUE_FOR_REFRESH

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]

# `checked_at` of an unchanged row is written again only after this time. Otherwise each fetch of a
# page would write all rows of its items.
CHECK_PRECISION = "interval '12 hours'"

_IS_OMITTED = f"stored.removed_by_category IS NOT DISTINCT FROM '{OMITTED}'"

# Maps a column with the id of an author to an item's attribute that has the author's account.
_ACCOUNTS = {"author_id": "author", "crosspost_author_id": "crosspost_author"}


@dataclass(frozen=True, slots=True)
class ItemColumns:
    """The columns of a post or comment. A column is read from the attribute with the same name.

    The ids of subreddits and authors are no attributes: `rows_of` gets these ids as arguments.

    - `keys`: columns that never change.
    - `content`: columns that a later reply of Reddit may change.
    - `flags`: columns that are true or false, and that a later reply may change.
    - `kept`: columns that keep their first value, because some replies do not have them.
    - `evidence`: columns, with their types, that the statement reads but the table does not store.
    """

    table: Table
    keys: tuple[str, ...]
    content: tuple[str, ...]
    flags: tuple[str, ...]
    evidence: Mapping[str, str]
    kept: tuple[str, ...] = ()

    @property
    def stored(self) -> tuple[str, ...]:
        """Return the columns that a later reply may change or fill."""
        return (*self.content, *self.flags, *self.kept)


@dataclass(frozen=True, slots=True)
class Written:
    """The numbers of inserted and of updated rows. Neither includes unchanged rows."""

    inserted: int = 0
    updated: int = 0

    def __add__(self, other: Written) -> Written:
        return Written(self.inserted + other.inserted, self.updated + other.updated)


def write_ctes(columns: ItemColumns) -> str:
    """Return the common table expressions of an upsert. `written` has the new and changed rows.

    A deleted item stays deleted, even if an older reply of Reddit is stored later. An omitted item
    was never shown as deleted, so a reply with the item restores the item. LIMIT 1 makes
    the planner use one index lookup for each item. Otherwise Postgres would scan the whole table.
    OFFSET 0 makes Postgres compare a row once, and not again for the filter.

    `checked` sets `checked_at` of unchanged rows. `checked` runs after `written`, because its
    condition counts the rows of `written`. `checked` skips locked rows, so it never waits for a
    lock, and no two transactions can wait for each other's rows. If the parameter `records_checks`
    is false, `checked` sets nothing.
    """
    table, names = columns.table.name, columns.stored
    return f"""
    WITH input AS (
        SELECT {_read(columns)}
        FROM json_to_recordset(CAST(:rows AS json)) AS input ({_definitions(columns)})
    ), compared AS (
        SELECT * FROM (
            SELECT input.*,
                stored.id IS NULL OR (
                    (stored.deleted_at IS NULL OR input.deleted OR {_IS_OMITTED})
                    AND ROW(stored.deleted_at IS NOT NULL, {_listed(names, "stored.")})
                        IS DISTINCT FROM ROW(input.deleted, {_merged(columns, "input")})
                ) AS differs,
                CAST(:records_checks AS boolean) AND stored.deleted_at IS NULL AND coalesce(
                    stored.checked_at < clock_timestamp() - {CHECK_PRECISION}, true) AS is_outdated
            FROM input LEFT JOIN LATERAL (SELECT * FROM {table} WHERE id = input.id LIMIT 1)
                AS stored ON true
            OFFSET 0
        ) AS seen
        WHERE differs OR is_outdated
        ORDER BY id
    ), written AS (
        INSERT INTO {table} AS stored ({_listed((*columns.keys, *names))},
            deleted_at, first_seen_at, updated_at, checked_at, refresh_due_at
        )
        SELECT {_listed((*columns.keys, *names))},
            CASE WHEN deleted THEN now END, now, now, now,
            CASE WHEN NOT deleted THEN {DUE_FOR_REFRESH} END
        FROM compared, (SELECT clock_timestamp()) AS clock (now)
        WHERE differs
        ON CONFLICT (id) DO UPDATE SET
            ({_listed(names)}) = ROW({_merged(columns, "excluded")}),
            deleted_at = CASE WHEN excluded.deleted_at IS NOT NULL OR NOT ({_IS_OMITTED})
                THEN coalesce(stored.deleted_at, excluded.deleted_at) END,
            updated_at = excluded.updated_at,
            checked_at = excluded.checked_at
        WHERE stored.deleted_at IS NULL OR excluded.deleted_at IS NOT NULL OR {_IS_OMITTED}
        RETURNING id, author_id, subreddit_id, created_at, xmax = 0 AS inserted
    ), checked AS (
        UPDATE {table} SET checked_at = clock_timestamp()
        WHERE id = ANY (ARRAY(
            SELECT id FROM {table}
            WHERE id = ANY (ARRAY(SELECT id FROM compared WHERE NOT differs AND is_outdated))
                AND (SELECT count(*) FROM written) >= 0
            FOR NO KEY UPDATE SKIP LOCKED))
    )
"""


def rows_of(
    columns: ItemColumns,
    items: Sequence[Post | Comment],
    *,
    author_ids: Mapping[str, int],
    subreddit_ids: Mapping[str, int],
) -> str:
    """Return the items as a JSON array of rows. Both mappings have lower-case names as keys.

    A row lacks the values that are null or false, which makes the array a quarter shorter. A
    deleted item has only the values of a tombstone.
    """
    accounts = [name for name in _ACCOUNTS if name in columns.content]
    names = [
        name
        for name in (*columns.keys, *columns.stored, *columns.evidence, "deleted")
        if name != "subreddit_id" and name not in _ACCOUNTS
    ]
    read = attrgetter(*names)
    erased = tombstones.erased_columns(columns.table) & {*names, *accounts}
    read_accounts = [(name, attrgetter(_ACCOUNTS[name])) for name in accounts]
    rows = []
    for item in items:
        row = {
            name: value
            for name, value in zip(names, read(item), strict=True)
            if value is not None and value is not False
        }
        row["subreddit_id"] = subreddit_ids[item.subreddit.lower()]
        for name, account_of in read_accounts:
            account: Account | None = account_of(item)
            if account is not None:
                row[name] = author_ids[account.name.lower()]
        if item.deleted:
            row = {name: value for name, value in row.items() if name not in erased}
        rows.append(row)
    return json.dumps(rows, allow_nan=False, default=datetime.isoformat)


def execute(
    conn: Connection,
    statement: TextClause,
    rows: str,
    counts: Counts | None,
    *,
    records_checks: bool,
) -> Written:
    """Execute an upsert of these rows. If given, `counts` collects the numbers of new items."""
    row = conn.execute(statement, {"rows": rows, "records_checks": records_checks}).one()
    if counts is not None:
        counts.take(row)
    return Written(inserted=row.inserted, updated=row.updated)


def _read(columns: ItemColumns) -> str:
    """Return the columns of the JSON rows. A flag that a row lacks is false."""
    flags = (f"coalesce({name}, false) AS {name}" for name in (*columns.flags, "deleted"))
    plain = (*columns.keys, *columns.content, *columns.kept, *columns.evidence)
    return ", ".join((*plain, *flags))


def _definitions(columns: ItemColumns) -> str:
    """Return the columns of the JSON rows with their SQL types, as a column definition list."""
    types = {
        name: columns.table.c[name].type.compile(dialect=_DIALECT)
        for name in (*columns.keys, *columns.stored)
    }
    types |= {"deleted": "boolean", **columns.evidence}
    return ", ".join(f"{name} {kind}" for name, kind in types.items())


def _merged(columns: ItemColumns, row: str) -> str:
    """Return the values to store. `row` is the name of the row with the values from Reddit."""
    kept = (f"coalesce(stored.{name}, {row}.{name})" for name in columns.kept)
    return ", ".join((*(f"{row}.{name}" for name in (*columns.content, *columns.flags)), *kept))


def _listed(names: Sequence[str], prefix: str = "") -> str:
    return ", ".join(f"{prefix}{name}" for name in names)
