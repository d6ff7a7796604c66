"""What the holder of a claim may write while it crawls; claim_ends has the ways it can end.

Every statement is guarded by the job's id, its claim token and `status = 'crawling'`; no row means
ClaimLost, and the caller rolls back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from crawljobs import errors
from crawljobs.domain.job import Claim
from crawljobs.repository.queue.queue_sql import NOW

_HELD = """
        FROM crawl_jobs AS held
        JOIN unnest(CAST(:ids AS bigint[]), CAST(:tokens AS uuid[])) AS mine (id, token)
            ON mine.id = held.id AND mine.token = held.claim_token
        WHERE held.status = 'crawling'
"""

# Never waits for a row: one that somebody writes to must not cost the other claims their leases.
_EXTEND = text(f"""
    WITH extended AS (
        UPDATE crawl_jobs AS job SET lease_expires_at = {NOW} + CAST(:lease AS interval)
        WHERE job.id = ANY (ARRAY(SELECT held.id {_HELD} FOR UPDATE OF held SKIP LOCKED))
        RETURNING job.id
    )
    SELECT held.id, held.id IN (SELECT id FROM extended) AS extended {_HELD}
    """)

_SAVE_CHECKPOINT = text(f"""
    UPDATE crawl_jobs SET checkpoint = :checkpoint, progress_at = {NOW}, incomplete = :incomplete
    WHERE id = :job_id AND claim_token = :claim_token AND status = 'crawling'
    """).bindparams(bindparam("checkpoint", type_=JSONB))


@dataclass(frozen=True)
class Extension:
    """Which claims, by their jobs' ids, have a new lease; of those in neither set none is ours."""

    extended: frozenset[int]
    busy: frozenset[int]  # still ours, but somebody is writing to the job: to be asked for again


def extend_claims(
    conn: Connection, *, claims: Sequence[Claim], lease_seconds: float, now: datetime | None = None
) -> Extension:
    """Extend the leases of these claims from the database's now.

    A claim that expired but was not rescued is extended too.
    """
    rows = conn.execute(
        _EXTEND,
        {
            "ids": [claim.job_id for claim in claims],
            "tokens": [claim.claim_token for claim in claims],
            "lease": timedelta(seconds=lease_seconds),
            "now": now,
        },
    ).all()
    extended = frozenset(row.id for row in rows if row.extended)
    return Extension(extended=extended, busy=frozenset(row.id for row in rows) - extended)


def save_checkpoint(
    conn: Connection,
    *,
    claim: Claim,
    checkpoint: dict[str, Any],
    incomplete: bool = False,
    now: datetime | None = None,
) -> None:
    """Record progress; in every transaction that stores crawled data, before them, as its fence.

    `incomplete`: the crawl has given up a part.
    """
    saved = conn.execute(
        _SAVE_CHECKPOINT,
        {
            "job_id": claim.job_id,
            "claim_token": claim.claim_token,
            "checkpoint": checkpoint,
            "incomplete": incomplete,
            "now": now,
        },
    )
    if saved.rowcount != 1:
        raise errors.ClaimLost(f"job {claim.job_id} is no longer ours")
