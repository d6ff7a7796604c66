"""The statements that end claims, one for each verb, such as complete, fail or defer.

Each statement writes the new state of the jobs, their attempts and their follow-up jobs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from crawljobs.db.driver_statement import DriverStatement
from crawljobs.domain.attempt import AttemptOutcome
from crawljobs.domain.completion import ATTEMPTS, TERMINAL_OUTCOMES
from crawljobs.domain.transitions import Transition
from crawljobs.domain.webhook import EventType
from crawljobs.repository.queue import job_birth_sql, queue_sql
from crawljobs.repository.queue.queue_sql import (
    NO_REASON,
    NOW,
    PARKED_UNTIL,
    RERUN_SERVED,
    RERUN_SERVED_RESET,
    UNCLAIMED,
)
from crawljobs.repository.webhooks.events import job_events
from crawljobs.repository.webhooks.events.event_interest import wanted_sql

_ERROR = {"error_kind": "text", "error_message": "text"}


@dataclass(frozen=True)
class CompletionStatement:
    """The statement that ends claims with one verb, for example FAIL or DEFER."""

    verb: Transition
    # Ends no claim if an endpoint of webhooks wants the event of the verb. Then the caller executes
    # `with_events`, which also writes the events. A verb without an event has no `with_events`.
    statement: DriverStatement
    with_events: DriverStatement | None
    columns: tuple[str, ...]  # the fields of a Completion that the statement uses, except the claim


# An outage or a spent budget may defer a background job a thousand times. If the messages of
# consecutive deferrals differ only in numbers, the deferrals share one row of crawl_job_attempts.
# The statement has locked the job's row, so no other transaction can add an attempt before the
# statement updates the newest attempt.
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


# Records the end of a job on which steps depend. Another transaction updates these steps later.
_CHANGED = """, changed AS (
        INSERT INTO upstream_changes (job_id) SELECT id FROM ended WHERE watched
    )"""
_HINT = f"pg_notify('{queue_sql.CHANNEL}', '')"


def _completion_statement(
    verb: Transition,
    changes: str,
    columns: dict[str, str],
    *,
    follow_up: str | None = None,
    hint: bool = False,
    streaks: bool = False,
    event: EventType | None = None,
) -> CompletionStatement:
    """Return the statement that ends claims with this verb.

    The statement waits for no row lock, so the order of its locks does not matter. The result has
    one row for each ended claim: its place in the arrays, and whether steps depend on the job.

    - `follow_up`: for a verb that ends the job, the SQL condition for a follow-up job after a rerun
      request. The end of a job on which steps depend (column `watched`) is recorded too.
    - `hint`: the statement notifies idle workers.
    - `streaks`: consecutive deferrals with equal messages share one row of crawl_job_attempts.
    - `event`: the type of the event for webhooks.
    """
    taken = {"ids": "bigint", "tokens": "uuid", **columns}
    # Finds each job by its primary key. `status || ''` prevents the use of the index of crawling
    # jobs, which is slower: it has the claims of all workers and entries of ended claims. The
    # subqueries hide the lengths of the arrays from the planner. Otherwise a plan for an array of
    # one element would seem cheaper than the generic plan, so Postgres would plan each execution.
    arrays = ", ".join(f"(SELECT CAST(:{name} AS {kind}[]))" for name, kind in taken.items())
    names = ", ".join(["job_id", "token", *(f"end_{name}" for name in columns), "place"])
    error = [f"held.end_{name}" if name in columns else "NULL" for name in _ERROR]
    insert_follow_up = job_birth_sql.insert_follow_ups(
        before="held", ended="ended", condition=follow_up or ""
    )

    watched = "watched" if follow_up else "false"

    def compose(
        *,
        condition: str = "",
        returned: Sequence[str] = ("id", "watched"),
        further: str = "",
        shown: str = "",
    ) -> DriverStatement:
        sql = f"""
    WITH held AS (
        SELECT job.id, claimed_by, claimed_at, subreddit_id, priority_ceiling, depth, max_retries,
            watched, rerun_requested, rerun_priority, rerun_source, rerun_visible_at,
            rerun_traceparent, mine.*
        FROM unnest({arrays}) WITH ORDINALITY AS mine ({names})
            JOIN crawl_jobs AS job ON job.id = mine.job_id AND job.claim_token = mine.token
        WHERE job.status || '' = 'crawling'{condition}
        FOR UPDATE OF job SKIP LOCKED
    ), ended AS (
        UPDATE crawl_jobs AS job SET {changes}, rescues_in_a_row = 0, {UNCLAIMED}
        FROM held WHERE job.id = held.id
        RETURNING held.place, {", ".join(f"job.{name}" for name in returned)}
    ){_STREAK if streaks else ""}, attempt AS (
        INSERT INTO crawl_job_attempts
            (job_id, worker, started_at, ended_at, outcome, error_kind, error_message)
        SELECT id, claimed_by, claimed_at, greatest({NOW}, claimed_at), '{ATTEMPTS[verb]}',
            {", ".join(error)}
        FROM held{" WHERE id NOT IN (SELECT job_id FROM counted)" if streaks else ""}
    ){f", follow_up AS ({insert_follow_up}){_CHANGED}" if follow_up else ""}{further}
    SELECT place, {watched}{shown}{f", {_HINT}" if hint else ""} FROM ended
    """
        return DriverStatement(queue_sql.short(sql))

    if event is None:
        return CompletionStatement(verb, compose(), None, (*columns,))
    return CompletionStatement(
        verb,
        compose(condition=f" AND NOT {wanted_sql(event)}"),
        compose(
            returned=job_events.JOB_COLUMNS,
            further=f", event AS ({job_events.insertion_sql('ended', kind=event, now=NOW)})",
            shown=f", {wanted_sql(event)}",
        ),
        (*columns,),
    )


_FAILED_SO = "error_kind = held.end_error_kind, error_message = held.end_error_message"
_CHARGED = f"retry_count = job.retry_count + 1, retries = job.retries + 1, {_FAILED_SO}"

# Even if the database's clock was set back, finished_at must not be earlier than the claim.
_FINISHED = f"finished_at = greatest({NOW}, job.claimed_at)"

_TERMINAL = ", ".join(f"'{outcome}'" for outcome in sorted(TERMINAL_OUTCOMES))

COMPLETION_STATEMENTS = (
    _completion_statement(
        Transition.COMPLETE,
        f"status = 'succeeded', {NO_REASON}, outcome = held.end_outcome, {_FINISHED}, "
        f"error_kind = NULL, error_message = NULL, {RERUN_SERVED}",
        {"outcome": "text"},
        # After a terminal outcome, such as `banned`, a follow-up job is created only while the
        # outcome is unconfirmed. The third equal outcome in a row confirms it.
        follow_up=f"""CASE WHEN held.end_outcome IN ({_TERMINAL}) THEN held.end_outcome = (
            SELECT access_unconfirmed FROM subreddits WHERE id = held.subreddit_id LIMIT 1
        ) ELSE true END""",
        event=EventType.JOB_SUCCEEDED,
    ),
    _completion_statement(
        Transition.FAIL,
        f"status = 'failed', {NO_REASON}, {_FINISHED}, {_CHARGED}, {RERUN_SERVED}",
        _ERROR,
        follow_up="true",
        event=EventType.JOB_FAILED,
    ),
    _completion_statement(
        Transition.SCHEDULE_RETRY,
        f"status = 'waiting', visible_at = {NOW} + held.end_delay, wait_reason = 'retry', "
        f"priority = job.base_priority, {_CHARGED}, "
        f"{RERUN_SERVED_RESET}",
        {"delay": "interval", **_ERROR},
    ),
    _completion_statement(
        Transition.DEFER,
        f"status = 'waiting', wait_reason = held.end_wait_reason, {_FAILED_SO}, visible_at = "
        # A job with the reason `retry` waits for the whole delay. The cause of any other reason may
        # end earlier, so the job is parked, and a sweep checks the cause after at most 60 seconds.
        f"CASE WHEN held.end_wait_reason = 'retry' THEN {NOW} + held.end_delay ELSE "
        + PARKED_UNTIL.format(until=f"{NOW} + held.end_delay", now=NOW)
        + " END",
        {"delay": "interval", "wait_reason": "text", **_ERROR},
        streaks=True,
    ),
    # A worker that releases its jobs is stopping. Other workers may be idle and need the hint.
    _completion_statement(
        Transition.RELEASE, f"status = 'queued', visible_at = {NOW}", {}, hint=True
    ),
)

STILL_HELD = text("""
    SELECT mine.place
    FROM unnest(CAST(:ids AS bigint[]), CAST(:tokens AS uuid[]))
        WITH ORDINALITY AS mine (job_id, token, place)
        JOIN crawl_jobs AS job ON job.id = mine.job_id AND job.claim_token = mine.token
    WHERE job.status = 'crawling'
    """)

# Finds the claim's attempt by the claim's start time. A row that several deferrals share has the
# start times of the first and the latest claim. Claims of one job do not overlap in time. So
# the claim's start time is in the range of only one row.
RECORDED_OUTCOME = text("""
    SELECT outcome FROM crawl_job_attempts
    WHERE job_id = :job_id AND :claimed_at BETWEEN
        coalesce(first_started_at, started_at) AND started_at
    """)
