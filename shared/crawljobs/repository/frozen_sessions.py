"""Sessions of ours whose process froze, or was cut off, while it was sending a statement.

The server's own limit for idle transactions does not count from the statement's first message, nor
can a statement's timeout end a wait for the rest of it. Meanwhile the rows of that transaction
are out of everybody's reach, and a claim among them is never rescued.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, text

from crawljobs.db.database import IDLE_IN_TRANSACTION_SECONDS

_END = text("""
    SELECT pid, pg_terminate_backend(pid) AS ended, application_name
    FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
        AND application_name ~ '^(crawljobs|admin-api)'
        AND state = 'active' AND wait_event = 'ClientRead' AND query NOT ILIKE 'COPY%'
        AND state_change < clock_timestamp() - CAST(:silence AS interval)
    """)


def end_frozen_sessions(
    conn: Connection, *, silence: timedelta = timedelta(seconds=IDLE_IN_TRANSACTION_SECONDS)
) -> list[str]:
    """End those of the same role that have been silent in mid-statement; their applications' names.

    What they had not committed is rolled back.
    """
    rows = conn.execute(_END, {"silence": silence})
    return [row.application_name for row in rows if row.ended]
