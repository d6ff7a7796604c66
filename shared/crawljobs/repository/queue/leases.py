"""Extend leases and store checkpoints: the writes of a worker while it owns a claim.

The claim fence guards every statement: it checks the job's id, the claim token and
`status = 'crawling'`. If the fence matches no row, the worker has lost its claim. The module
job_completion ends claims.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from crawljobs import errors
from crawljobs.domain.claim import Claim
from crawljobs.repository.queue.queue_sql import NOW

_HELD = """
        FROM crawl_jobs AS held
        JOIN unnest(CAST(:ids AS bigint[]), CAST(:tokens AS uuid[])) AS mine (id, token)
            ON mine.id = held.id AND mine.token = held.claim_token
        WHERE held.status = 'crawling'
"""

# SKIP LOCKED: if the statement waited for one locked row, the leases of the other claims could
# expire (decision 46).
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
    """The result of extend_claims. If a job's id is in neither set, its claim is lost."""

    extended: frozenset[int]  # jobs whose lease was extended
    busy: frozenset[int]  # jobs whose claim is valid, but whose row another transaction has locked


def extend_claims(
    conn: Connection, *, claims: Sequence[Claim], lease_seconds: float, now: datetime | None = None
) -> Extension:
    """Extend the leases of these claims to `lease_seconds` after the database's current time.

    Returns the jobs whose claims were extended, and the claimed jobs that another transaction has
    locked. A claim whose lease has expired is also extended, unless a sweep has rescued its job.
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
    """Store the checkpoint of the crawl, and the present time as the time of its last progress.

    Each transaction that stores crawled data calls this function first, to check that the claim is
    still valid. `incomplete` is true if the crawl has given up a part. Raises ClaimLost if the
    claim is lost. The caller must then roll back.
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
        raise errors.ClaimLost(f"this worker no longer holds the claim of job {claim.job_id}")
