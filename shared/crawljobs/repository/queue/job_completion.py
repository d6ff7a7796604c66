"""Each way a claim can end, for any number of claims at once.

Every row is guarded by its job's id, its own claim token and `status = 'crawling'`; its attempt
and the follow-up job that was wished for are written by the same statement. What is not ours any
more changes nothing, and spoils nothing for the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from sqlalchemy import Connection, text

from crawljobs import errors
from crawljobs.db.driver_statement import DriverStatement
from crawljobs.domain.completion import ATTEMPTS, TERMINAL_OUTCOMES, Completion
from crawljobs.domain.job import AttemptOutcome, Claim, Transition
from crawljobs.repository.queue import queue_sql
from crawljobs.repository.queue.queue_sql import (
    NO_REASON,
    NOW,
    PARKED_UNTIL,
    RERUN_SERVED,
    RERUN_SERVED_RESET,
    UNCLAIMED,
)


class WriteResult(Enum):
    """What became of an end."""

    APPLIED = auto()
    LOCKED = auto()  # still ours, but somebody is writing to the job: to be tried again
    STALE = auto()  # the job is no longer crawling under this claim


_ERROR = {"error_kind": "text", "error_message": "text"}


@dataclass(frozen=True)
class _CompletionStatement:
    verb: Transition
    statement: DriverStatement
    columns: tuple[str, ...]  # what it takes of each End, beside the claim


# A job in the background may be deferred a thousand times in a row, by an outage or by a budget
# that others use, with other seconds in the message each time. The job's row is locked, so no other
# transaction writes to its last attempt.
_STREAK = f"""
    , counted AS (
        UPDATE crawl_job_attempts AS last SET
            times = last.times + 1,
            first_started_at = least(last.first_started_at, last.started_at, held.claimed_at),
            worker = held.claimed_by, started_at = held.claimed_at,
            ended_at = greatest({NOW}, held.claimed_at), error_message = held.end_error_message
        FROM held CROSS JOIN LATERAL (
            SELECT id, outcome, error_kind, error_message FROM crawl_job_attempts
            WHERE job_id = held.id
            ORDER BY id DESC LIMIT 1
        ) AS newest
        WHERE last.id = newest.id AND newest.outcome = '{AttemptOutcome.DEFERRED}'
            AND newest.error_kind IS NOT DISTINCT FROM held.end_error_kind
            AND regexp_replace(newest.error_message, '[0-9.]+', '0', 'g')
                IS NOT DISTINCT FROM regexp_replace(held.end_error_message, '[0-9.]+', '0', 'g')
        RETURNING last.job_id
    )"""


def _ending(
    verb: Transition,
    changes: str,
    columns: dict[str, str],
    *,
    follow_up: str | None = None,
    hint: bool = False,
    streaks: bool = False,
) -> _CompletionStatement:
    """End the claims that are ours; where `follow_up` holds, with the job that was wished for.

    It never waits for a row, so it needs no order to lock them in. With `hint` idle workers are
    told that something is claimable. With `streaks` an end that repeats the one before it is
    counted in that one's attempt.
    """
    taken = {"ids": "bigint", "tokens": "uuid", **columns}
    # From the ends to their jobs, by the primary key: || hides the index of what is crawled, which
    # holds everybody's claims and those that ended lately. The subqueries keep the planner from
    # counting the ends, or a plan for one would look cheaper than the kept one each time.
    arrays = ", ".join(f"(SELECT CAST(:{name} AS {kind}[]))" for name, kind in taken.items())
    names = ", ".join(["job_id", "token", *(f"end_{name}" for name in columns), "place"])
    error = [f"held.end_{name}" if name in columns else "NULL" for name in _ERROR]
    wished = queue_sql.follow_up_statement(before="held", ended="ended", condition=follow_up or "")
    sql = f"""
    WITH held AS (
        SELECT job.id, claimed_by, claimed_at, subreddit_id, priority_ceiling, depth, max_retries,
            rerun_requested, rerun_priority, rerun_source, rerun_visible_at, rerun_traceparent,
            mine.*
        FROM unnest({arrays}) WITH ORDINALITY AS mine ({names})
            JOIN crawl_jobs AS job ON job.id = mine.job_id AND job.claim_token = mine.token
        WHERE job.status || '' = 'crawling'
        FOR UPDATE OF job SKIP LOCKED
    ), ended AS (
        UPDATE crawl_jobs AS job SET {changes}, rescues_in_a_row = 0, {UNCLAIMED}
        FROM held WHERE job.id = held.id
        RETURNING job.id, held.place
    ){_STREAK if streaks else ""}, attempt AS (
        INSERT INTO crawl_job_attempts
            (job_id, worker, started_at, ended_at, outcome, error_kind, error_message)
        SELECT id, claimed_by, claimed_at, greatest({NOW}, claimed_at), '{ATTEMPTS[verb]}',
            {", ".join(error)}
        FROM held{" WHERE id NOT IN (SELECT job_id FROM counted)" if streaks else ""}
    ){f", follow_up AS ({wished})" if follow_up else ""}
    SELECT place{f", pg_notify('{queue_sql.CHANNEL}', '')" if hint else ""} FROM ended
    """
    return _CompletionStatement(verb, DriverStatement(text(sql)), tuple(columns))


_FAILED_SO = "error_kind = held.end_error_kind, error_message = held.end_error_message"
_CHARGED = f"retry_count = job.retry_count + 1, retries = job.retries + 1, {_FAILED_SO}"

# A clock of the database that was set back must not let a job end before it began.
_FINISHED = f"finished_at = greatest({NOW}, job.claimed_at)"

_TERMINAL = ", ".join(f"'{outcome}'" for outcome in sorted(TERMINAL_OUTCOMES))

_COMPLETION_STATEMENTS = (
    _ending(
        Transition.COMPLETE,
        f"status = 'succeeded', {NO_REASON}, outcome = held.end_outcome, {_FINISHED}, "
        f"error_kind = NULL, error_message = NULL, {RERUN_SERVED}",
        {"outcome": "text"},
        # An outcome that is not believed yet is not terminal.
        follow_up=f"""CASE WHEN held.end_outcome IN ({_TERMINAL}) THEN held.end_outcome = (
            SELECT access_unconfirmed FROM subreddits WHERE id = held.subreddit_id LIMIT 1
        ) ELSE true END""",
    ),
    _ending(
        Transition.FAIL,
        f"status = 'failed', {NO_REASON}, {_FINISHED}, {_CHARGED}, {RERUN_SERVED}",
        _ERROR,
        follow_up="true",
    ),
    _ending(
        Transition.SCHEDULE_RETRY,
        f"status = 'waiting', visible_at = {NOW} + held.end_delay, wait_reason = 'retry', "
        f"priority = job.base_priority, {_CHARGED}, "
        f"{RERUN_SERVED_RESET}",
        {"delay": "interval", **_ERROR},
    ),
    _ending(
        Transition.DEFER,
        f"status = 'waiting', wait_reason = held.end_wait_reason, {_FAILED_SO}, visible_at = "
        # Only a wait whose cause is stored elsewhere is looked at every minute.
        f"CASE WHEN held.end_wait_reason = 'retry' THEN {NOW} + held.end_delay ELSE "
        + PARKED_UNTIL.format(until=f"{NOW} + held.end_delay", now=NOW)
        + " END",
        {"delay": "interval", "wait_reason": "text", **_ERROR},
        streaks=True,
    ),
    # Whoever gives back does so because it stops: others may be asleep.
    _ending(Transition.RELEASE, f"status = 'queued', visible_at = {NOW}", {}, hint=True),
)

_STILL_OURS = text("""
    SELECT mine.place
    FROM unnest(CAST(:ids AS bigint[]), CAST(:tokens AS uuid[]))
        WITH ORDINALITY AS mine (job_id, token, place)
        JOIN crawl_jobs AS job ON job.id = mine.job_id AND job.claim_token = mine.token
    WHERE job.status = 'crawling'
    """)

# Claims of one job follow one another, so when it began tells which it was, or of which streak.
_ENDED_AS = text("""
    SELECT outcome FROM crawl_job_attempts
    WHERE job_id = :job_id AND :claimed_at BETWEEN
        coalesce(first_started_at, started_at) AND started_at
    """)


def complete_claims(
    conn: Connection, *, ends: Sequence[Completion], now: datetime | None = None
) -> list[WriteResult]:
    """What became of each, in their order; one statement a verb. Each claim is named once.

    A row that somebody else has locked is not waited for: its end comes back as BUSY.
    """
    fates = [WriteResult.STALE] * len(ends)
    for ending in _COMPLETION_STATEMENTS:
        places = [place for place, end in enumerate(ends) if end.verb is ending.verb]
        if not places:
            continue
        asked = [ends[place] for place in places]
        values = {name: [getattr(end, name) for end in asked] for name in ending.columns}
        if "wait_reason" in values:
            values["wait_reason"] = [end.wait_reason and end.wait_reason.stored for end in asked]
        for place, *_ in ending.statement.rows(conn, {**_claims(asked), **values, "now": now}):
            fates[places[place - 1]] = WriteResult.APPLIED
    missing = [place for place, fate in enumerate(fates) if fate is WriteResult.STALE]
    if missing:
        asked = [ends[place] for place in missing]
        for found in conn.execute(_STILL_OURS, _claims(asked)):
            fates[missing[found[0] - 1]] = WriteResult.LOCKED
    return fates


def complete_claim(conn: Connection, end: Completion, *, now: datetime | None = None) -> None:
    """End one claim whose job nobody else is writing to."""
    (fate,) = complete_claims(conn, ends=[end], now=now)
    if fate is not WriteResult.APPLIED:
        raise errors.ClaimLost(f"job {end.claim.job_id} is no longer ours")


def recorded_outcome(conn: Connection, *, claim: Claim) -> AttemptOutcome | None:
    """How the claim ended, or None while it has not: the answer to an end whose reply was lost."""
    values = {"job_id": claim.job_id, "claimed_at": claim.claimed_at}
    outcome = conn.execute(_ENDED_AS, values).scalar()
    return None if outcome is None else AttemptOutcome(outcome)


def _claims(ends: Sequence[Completion]) -> dict[str, str]:
    """As arrays in text: the driver would take as long for each element as for all the rest."""
    return {
        "ids": f"{{{','.join([str(end.claim.job_id) for end in ends])}}}",
        "tokens": f"{{{','.join([end.claim.claim_token.hex for end in ends])}}}",
    }
