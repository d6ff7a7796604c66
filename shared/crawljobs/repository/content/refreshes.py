"""Items whose score, edits and deletion are looked at again, at two ages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.repository.queue.queue_sql import NOT_PAUSED, NOW

# By the age of the item: scores have settled by the first, what was reported is gone by the second.
FIRST_AGE, LAST_AGE = "interval '36 hours'", "interval '7 days'"

# When an item, given its created_at, its score and the time `now`, is due next; null: never again.
# An older item without a score is looked at once more: communities hide scores for a while.
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
    """Never waits: the page's items are locked by then. What somebody else writes to stays due."""
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
    """Full names of the items longest due; none while everything is paused."""
    rows = conn.execute(_DUE, {"at_most": at_most, "now": now})
    return [row.name for row in rows]


def settle(conn: Connection, *, names: Sequence[str], now: datetime | None = None) -> None:
    """They were looked at: due again at the last age, or never.

    Also for what Reddit did not show: its silence tells nothing.
    """
    for kind, statement in _SETTLE.items():
        ids = [name.removeprefix(f"{kind}_") for name in names if name.startswith(f"{kind}_")]
        if ids:
            conn.execute(statement, {"ids": ids, "now": now})
