"""End database sessions whose process froze or lost its network while it sent a statement.

After a part of the statement has arrived, idle_in_transaction_session_timeout does not apply, and
statement_timeout cannot end the wait for the rest. Until the session ends, the rows of its
transaction stay locked. No sweep can rescue a job whose row is locked.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Boolean, Connection, Text, column, func, select

from crawljobs.db.connection import IDLE_IN_TRANSACTION_SECONDS
from crawljobs.repository.sql import interval

# This database function belongs to the role that owns the tables, because only that role may end
# the sessions of all services. The migration that creates the function limits which sessions the
# function ends.
_sessions = func.end_frozen_sessions(interval("silence")).table_valued(
    column("application_name", Text), column("ended", Boolean)
)
_END = select(_sessions.c.application_name, _sessions.c.ended)


def end_frozen_sessions(
    conn: Connection, *, silence: timedelta = timedelta(seconds=IDLE_IN_TRANSACTION_SECONDS)
) -> list[str]:
    """End the services' sessions that sent a part of a statement, and then no data for `silence`.

    Returns the application names of the ended sessions. Postgres rolls their transactions back.
    """
    rows = conn.execute(_END, {"silence": silence})
    return [row.application_name for row in rows if row.ended]
