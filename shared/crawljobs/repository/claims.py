"""What the holder of a claim may write: extend, checkpoint, and each way the claim can end.

Every statement is guarded by the job's id, its claim token and `status = 'crawling'`; no row means
ClaimLost, and the caller rolls back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from crawljobs import errors
from crawljobs.domain.job import AttemptOutcome, Claim, ErrorKind, WaitReason
from crawljobs.repository import queue_sql
from crawljobs.repository.queue_sql import NOW, UNCLAIMED, WISH_SERVED, WISH_SERVED_ANEW

ERROR_MESSAGE_MAX = 2_000  # characters kept of an error, which may hold what others wrote

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
    UPDATE crawl_jobs SET checkpoint = :checkpoint, progress_at = {NOW}
    WHERE id = :job_id AND claim_token = :claim_token AND status = 'crawling'
    """).bindparams(bindparam("checkpoint", type_=JSONB))

_FOLLOW_UP = queue_sql.follow_up_statement(before="held", ended="ended", condition=":follow_up")


def _end_of_claim(
    changes: str, *, outcome: str, follow_up: bool = False, hint: bool = False
) -> TextClause:
    """One statement that ends a claim, writes its attempt and, if asked for, the follow-up job.

    With `hint` idle workers are told that something is claimable.
    """
    return text(f"""
    WITH held AS (
        SELECT * FROM crawl_jobs
        WHERE id = :job_id AND claim_token = :claim_token AND status = 'crawling'
        FOR UPDATE
    ), ended AS (
        UPDATE crawl_jobs AS job SET {changes}, rescues_in_a_row = 0, {UNCLAIMED}
        FROM held WHERE job.id = held.id
        RETURNING job.id
    ), attempt AS (
        INSERT INTO crawl_job_attempts
            (job_id, worker, started_at, ended_at, outcome, error_kind, error_message)
        SELECT id, claimed_by, claimed_at, greatest({NOW}, claimed_at), '{outcome}',
            CAST(:error_kind AS text), CAST(:error_message AS text)
        FROM held
    ){f", follow_up AS ({_FOLLOW_UP})" if follow_up else ""}
    SELECT id{f", pg_notify('{queue_sql.CHANNEL}', '')" if hint else ""} FROM ended
    """)


_ERROR = "error_kind = CAST(:error_kind AS text), error_message = CAST(:error_message AS text)"
_CHARGED = "retry_count = job.retry_count + 1, retries = job.retries + 1, " + _ERROR

# A clock of the database that was set back must not let a job end before it began.
_FINISHED = f"finished_at = greatest({NOW}, job.claimed_at)"

_COMPLETE = _end_of_claim(
    f"status = 'succeeded', outcome = :outcome, {_FINISHED}, {_ERROR}, {WISH_SERVED}",
    outcome="succeeded",
    follow_up=True,
)
_FAIL = _end_of_claim(
    f"status = 'failed', {_FINISHED}, {_CHARGED}, {WISH_SERVED}",
    outcome="failed",
    follow_up=True,
)
_SCHEDULE_RETRY = _end_of_claim(
    f"status = 'waiting', wait_reason = 'retry', priority = job.base_priority, "
    f"visible_at = {NOW} + CAST(:delay AS interval), {_CHARGED}, {WISH_SERVED_ANEW}",
    outcome="failed",
)
_DEFER = _end_of_claim(
    "status = 'waiting', wait_reason = :wait_reason, "
    f"visible_at = {NOW} + CAST(:delay AS interval), {_ERROR}",
    outcome="deferred",
)
# Whoever gives back does so because it stops: others may be asleep.
_RELEASE = _end_of_claim(f"status = 'queued', visible_at = {NOW}", outcome="released", hint=True)

# Claims of one job follow one another, so when it began tells which it was.
_ENDED_AS = text("""
    SELECT outcome FROM crawl_job_attempts WHERE job_id = :job_id AND started_at = :claimed_at
    """)

# A crawl that ended so will not go better at once: nobody wants the follow-up.
TERMINAL_OUTCOMES = frozenset({"banned", "not_found", "legal", "suspended"})

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


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
    conn: Connection, *, claim: Claim, checkpoint: dict[str, Any], now: datetime | None = None
) -> None:
    """Record progress; first in every transaction that stores crawled data, as its fence."""
    saved = conn.execute(
        _SAVE_CHECKPOINT,
        {
            "job_id": claim.job_id,
            "claim_token": claim.claim_token,
            "checkpoint": checkpoint,
            "now": now,
        },
    )
    if saved.rowcount != 1:
        raise errors.ClaimLost(f"job {claim.job_id} is no longer ours")


def complete(conn: Connection, *, claim: Claim, outcome: str, now: datetime | None = None) -> None:
    """End the job as succeeded; makes the follow-up job when a rerun was requested."""
    follow_up = outcome not in TERMINAL_OUTCOMES
    _end(conn, _COMPLETE, claim, now, outcome=outcome, follow_up=follow_up)


def fail(
    conn: Connection,
    *,
    claim: Claim,
    kind: ErrorKind,
    message: str,
    now: datetime | None = None,
) -> None:
    """End the job as failed, for good; makes the follow-up job when a rerun was requested."""
    _end(conn, _FAIL, claim, now, kind=kind, message=message, follow_up=True)


def schedule_retry(
    conn: Connection,
    *,
    claim: Claim,
    delay: timedelta,
    kind: ErrorKind,
    message: str,
    now: datetime | None = None,
) -> None:
    """Let the job wait for its next attempt; this one is charged."""
    _end(conn, _SCHEDULE_RETRY, claim, now, kind=kind, message=message, delay=delay)


def defer(
    conn: Connection,
    *,
    claim: Claim,
    delay: timedelta,
    reason: WaitReason,
    message: str,
    now: datetime | None = None,
) -> None:
    """Let the job wait without charging an attempt."""
    _end(
        conn, _DEFER, claim, now,
        kind=ErrorKind.DEFERRED, message=message, delay=delay, wait_reason=reason,
    )  # fmt: skip


def release(conn: Connection, *, claim: Claim, now: datetime | None = None) -> None:
    """Give the job back, claimable at once, without charging an attempt."""
    _end(conn, _RELEASE, claim, now)


def ended_as(conn: Connection, *, claim: Claim) -> AttemptOutcome | None:
    """How the claim ended, or None while it has not: the answer to an end whose reply was lost."""
    values = {"job_id": claim.job_id, "claimed_at": claim.claimed_at}
    outcome = conn.execute(_ENDED_AS, values).scalar()
    return None if outcome is None else AttemptOutcome(outcome)


def _end(
    conn: Connection,
    statement: TextClause,
    claim: Claim,
    now: datetime | None,
    *,
    kind: ErrorKind | None = None,
    message: str | None = None,
    **values: Any,
) -> None:
    ended = conn.execute(
        statement,
        {
            "job_id": claim.job_id,
            "claim_token": claim.claim_token,
            "now": now,
            "error_kind": kind,
            "error_message": None if message is None else storable(message),
            **values,
        },
    ).first()
    if ended is None:
        raise errors.ClaimLost(f"job {claim.job_id} is no longer ours")


def storable(message: str) -> str:
    """An error's text as Postgres can hold it, cut to a bounded length."""
    return _UNSTORABLE.sub("\ufffd", message)[:ERROR_MESSAGE_MAX]
