"""The stored body of an event: all attempts to deliver the event send it."""

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

    Another process may store a body of the same event first, for another endpoint. The bodies
    differ if the processes have different PUBLIC_URLs. The first stored body is returned.
    """
    if not bodies:
        return {}
    # Two processes that lock the same events in the same order cannot deadlock.
    rows = [{"id": each, "body": bodies[each]} for each in sorted(bodies)]
    if conn.execute(_KEEP, rows).rowcount == len(rows):
        return dict(bodies)
    stored = conn.execute(_STORED, {"ids": [*bodies]})
    return {**bodies, **{row.id: row.body for row in stored}}
