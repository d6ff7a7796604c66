"""Delete evidence of discovery that has not grown for a long time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.domain import discovery_rules as rules
from crawljobs.repository.queue.queue_sql import NOW, passing_over

_FORGET = text(f"""
    DELETE FROM discovery_evidence WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM discovery_evidence
        WHERE last_at < {NOW} - CAST(:lives AS interval) ORDER BY last_at
        LIMIT :at_most
        FOR UPDATE SKIP LOCKED))
    """)


def forget_evidence(
    conn: Connection, *, at_most: int, skip: int = 0, now: datetime | None = None
) -> int:
    """Delete evidence that has not grown for EVIDENCE_LIVES. Returns the number of rows."""
    values = {"lives": rules.EVIDENCE_LIVES, "at_most": at_most, "now": now}
    return conn.execute(passing_over(_FORGET, skip), values).rowcount
