"""The stored body of an event. All attempts to deliver the event send this body."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from sqlalchemy import Connection, text

_KEEP = text("""
    UPDATE webhook_events SET body = :body WHERE id = CAST(:id AS uuid) AND body IS NULL
    """)

_STORED = text("""
    SELECT id, body FROM webhook_events WHERE id = ANY (CAST(:ids AS uuid[])) AND body IS NOT NULL
    """)


def keep(conn: Connection, *, bodies: Mapping[uuid.UUID, str]) -> dict[uuid.UUID, str]:
    """Store the bodies of events that have none. Return the stored body of each event by its id.

    Another process may store a body of the same event at the same time, for another endpoint. The
    two bodies differ if the processes have different PUBLIC_URLs. The body that was stored first is
    returned.
    """
    if not bodies:
        return {}
    # Two processes that lock the same events in the same order cannot deadlock.
    rows = [{"id": each, "body": bodies[each]} for each in sorted(bodies)]
    if conn.execute(_KEEP, rows).rowcount == len(rows):
        return dict(bodies)
    stored = conn.execute(_STORED, {"ids": [*bodies]})
    return {**bodies, **{row.id: row.body for row in stored}}
