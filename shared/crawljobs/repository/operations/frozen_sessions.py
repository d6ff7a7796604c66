"""Sessions of ours whose process froze, or was cut off, while it was sending a statement.

The server's own limit for idle transactions does not count from the statement's first message, nor
can a statement's timeout end a wait for the rest of it. Meanwhile the rows of that transaction
are out of everybody's reach, and a claim among them is never rescued.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, text

from crawljobs.db.connection import IDLE_IN_TRANSACTION_SECONDS

# A function, since only the owner's role has the rights over all of them. Whose it may end is said
# where it is made, in the migrations.
_END = text("SELECT application_name, ended FROM end_frozen_sessions(CAST(:silence AS interval))")


def end_frozen_sessions(
    conn: Connection, *, silence: timedelta = timedelta(seconds=IDLE_IN_TRANSACTION_SECONDS)
) -> list[str]:
    """End our services' that have been silent in mid-statement; their applications' names.

    What they had not committed is rolled back.
    """
    rows = conn.execute(_END, {"silence": silence})
    return [row.application_name for row in rows if row.ended]
