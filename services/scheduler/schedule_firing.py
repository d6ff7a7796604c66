"""Fire due schedules. One transaction writes the ledger, the jobs and the next due times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from crawljobs import errors
from crawljobs.db import failures
from crawljobs.db.database import Connection
from crawljobs.db.failures import StatementError
from crawljobs.domain import enqueue_request
from crawljobs.domain.enqueue_request import EnqueueRequest
from crawljobs.domain.job import Enqueued, EnqueueResult
from crawljobs.domain.schedule import Firing, RunOutcome, Schedule
from crawljobs.repository.queue import job_enqueue
from crawljobs.repository.schedules import due_schedules, schedule_ledger
from crawljobs.repository.schedules.due_schedules import Advance, DueSchedule
from crawljobs.repository.schedules.schedule_ledger import Run, SettledRun
from scheduler import broken_schedules, firing_decision
from scheduler.firing_results import Disabled, Fired, Stuck

# A function that returns the trace context for the job of a schedule. If the transaction is tried
# again, the function is called again for the same schedule.
TraceparentOf = Callable[[Schedule], str | None]


def fire_due_schedules(
    conn: Connection,
    *,
    at_most: int,
    default_max_retries: int = 3,
    traceparent_of: TraceparentOf = lambda _schedule: None,
    passed_over: Sequence[int] = (),
    now: datetime | None = None,
) -> list[Fired | Disabled | Stuck]:
    """Fire up to `at_most` due schedules without steps. Skip the schedule ids in `passed_over`.

    A schedule that cannot fire is disabled. All other schedules still fire.
    """

    def request_of(schedule: Schedule) -> EnqueueRequest:
        return enqueue_request.of_schedule(
            schedule,
            default_max_retries=default_max_retries,
            traceparent=traceparent_of(schedule),
        )

    decided: list[tuple[DueSchedule, Firing]] = []
    results: list[Fired | Disabled | Stuck] = []
    due = due_schedules.lock_due_schedules(conn, at_most=at_most, passed_over=passed_over, now=now)
    # Sort the schedules, because each scheduler must lock rows in the same order. Otherwise two
    # schedulers could deadlock.
    for item in sorted(due, key=lambda item: (item.schedule.subreddit_id or 0, item.schedule.id)):
        firing = firing_decision.decide(conn, item)
        if isinstance(firing, Firing):
            decided.append((item, firing))
        else:
            results.append(firing)
    try:
        with conn.begin_nested():
            results += _fire(conn, decided, request_of)
    except (StatementError, errors.CrawljobsError) as error:
        if not broken_schedules.is_rows_own_fault(error):
            raise
        for each in decided:
            results.append(_fire_alone(conn, each, request_of))
    return results


def _fire(
    conn: Connection,
    decided: Sequence[tuple[DueSchedule, Firing]],
    request_of: Callable[[Schedule], EnqueueRequest],
) -> list[Fired]:
    if not decided:
        return []
    now = decided[0][0].now
    runs = [run for due, firing in decided for run in runs_of(due.schedule, firing)]
    recorded = schedule_ledger.record_runs(conn, runs=runs, now=now)
    new = [(due, firing) for due, firing in decided if (due.schedule.id, firing.due_at) in recorded]
    firing_now = [due.schedule for due, firing in new if firing.fires]
    results = job_enqueue.enqueue_stored(
        conn, [request_of(schedule) for schedule in firing_now], now=now
    )
    enqueued = {schedule.id: result for schedule, result in zip(firing_now, results, strict=True)}
    fired = [_fired(each, enqueued.get(each[0].schedule.id), recorded) for each in decided]
    schedule_ledger.settle_runs(
        conn,
        runs=[
            SettledRun(each.schedule.id, each.firing.due_at, each.outcome, each.job_id)
            for each in fired
            if each.outcome is not None and each.job_id is not None
        ],
    )
    due_schedules.advance_schedules(
        conn,
        advances=[
            Advance(
                each.schedule.id,
                each.firing.next_run_at,
                fired_at=None if each.job_id is None else now,
            )
            for each in fired
        ],
    )
    return fired


def _fire_alone(
    conn: Connection,
    decided: tuple[DueSchedule, Firing],
    request_of: Callable[[Schedule], EnqueueRequest],
) -> Fired | Disabled | Stuck:
    due, firing = decided
    try:
        with conn.begin_nested():
            (fired,) = _fire(conn, [decided], request_of)
    except (StatementError, errors.CrawljobsError) as error:
        if not broken_schedules.is_rows_own_fault(error):
            raise
        return broken_schedules.disable(
            conn, due, runs_of(due.schedule, firing), failures.describe(error)
        )
    return fired


def runs_of(schedule: Schedule, firing: Firing) -> list[Run]:
    """Return the ledger rows of a firing."""
    missed = [schedule_ledger.missed_run(schedule.id, ticks) for ticks in firing.missed]
    # ENQUEUED is preliminary. If the request merges into a live job, settle_runs stores MERGED.
    latest = RunOutcome.ENQUEUED if firing.fires else RunOutcome.SKIPPED
    return [*missed, Run(schedule.id, firing.due_at, latest)]


def _fired(
    decided: tuple[DueSchedule, Firing],
    enqueued: Enqueued | None,
    recorded: set[tuple[int, datetime]],
) -> Fired:
    due, firing = decided
    if enqueued is None:
        is_recorded = (due.schedule.id, firing.due_at) in recorded
        outcome = RunOutcome.SKIPPED if is_recorded else None
    else:
        created = enqueued.result is EnqueueResult.CREATED
        outcome = RunOutcome.ENQUEUED if created else RunOutcome.MERGED
    missed = schedule_ledger.missed_ticks(runs_of(due.schedule, firing), recorded)
    return Fired(due.schedule, firing, outcome, enqueued, due.now - firing.due_at, missed)
