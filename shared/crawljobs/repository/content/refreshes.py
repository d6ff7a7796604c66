"""Find items to refresh: their score, edits and deletion are fetched again at two ages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.repository.queue.queue_sql import NOT_PAUSED, NOW

# Ages of an item: at the first its score has settled, at the second reported items are removed.
FIRST_AGE, LAST_AGE = "interval '36 hours'", "interval '7 days'"

# The next refresh of an item, from its created_at, its score and the time `now`; null: no refresh.
# An older item without a score is refreshed once more, because subreddits hide scores for a while.
DUE_FOR_REFRESH = f"""CASE
    WHEN created_at > now - {FIRST_AGE} THEN created_at + {FIRST_AGE}
    WHEN created_at > now - {LAST_AGE} THEN created_at + {LAST_AGE}
    WHEN score IS NULL THEN now + {FIRST_AGE} END"""


def _due(table: str, kind: str) -> str:
    return f"""(
        SELECT '{kind}_' || id AS name, refresh_due_at FROM {table}
        WHERE refresh_due_at <= {NOW} ORDER BY refresh_due_at LIMIT :at_most)"""


_DUE = text(f"""
    SELECT name FROM ({_due("posts", "t3")} UNION ALL {_due("comments", "t1")}) AS due
    WHERE {NOT_PAUSED.format(scope="0")}
    ORDER BY refresh_due_at
    LIMIT :at_most
    """)


def _settle(table: str) -> str:
    """Return a statement that sets the next refresh of items.

    SKIP LOCKED: the page has locked its items already, so to wait could be a deadlock. An item that
    another transaction has locked stays due.
    """
    return f"""
    UPDATE {table} SET
        refresh_due_at = CASE WHEN deleted_at IS NULL AND created_at > now - {LAST_AGE}
            THEN created_at + {LAST_AGE} END
    FROM {NOW} AS clock (now)
    WHERE id = ANY (ARRAY(
        SELECT id FROM {table} WHERE id = ANY (CAST(:ids AS text[]))
        FOR NO KEY UPDATE SKIP LOCKED))
    """


_SETTLE = {"t3": text(_settle("posts")), "t1": text(_settle("comments"))}


def due(conn: Connection, *, at_most: int, now: datetime | None = None) -> list[str]:
    """Return full names of the items that have been due longest; none if the queue is paused."""
    rows = conn.execute(_DUE, {"at_most": at_most, "now": now})
    return [row.name for row in rows]


def settle(conn: Connection, *, names: Sequence[str], now: datetime | None = None) -> None:
    """Set the next refresh of refreshed items: at the last age, or never.

    This includes items that Reddit's reply left out, which does not prove that they are deleted.
    """
    for kind, statement in _SETTLE.items():
        ids = [name.removeprefix(f"{kind}_") for name in names if name.startswith(f"{kind}_")]
        if ids:
            conn.execute(statement, {"ids": ids, "now": now})
