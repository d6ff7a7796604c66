"""Fire what is due: ledger, job and next due time in one transaction, so that nothing is half."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from crawljobs import errors
from crawljobs.db import failures
from crawljobs.db.database import Connection
from crawljobs.db.failures import StatementError
from crawljobs.domain import schedule as rules
from crawljobs.domain import subreddit as subreddits
from crawljobs.domain.actor import Actor
from crawljobs.domain.job import Enqueued, EnqueueResult
from crawljobs.domain.schedule import Firing, RunOutcome, Schedule
from crawljobs.repository.operations import audit_log
from crawljobs.repository.schedules import due_schedules, schedule_enqueue
from crawljobs.repository.schedules.due_schedules import Advance, DueSchedule, Run, SettledRun
from crawljobs.repository.schedules.schedule_enqueue import ScheduledEnqueue

ACTOR = Actor(name="system:scheduler")

# Errors that the row itself causes: bad data, a violated constraint, an exception of a trigger.
# Anything else (a missing right, a missing column) would disable every schedule for our own bug.
_ROWS_OWN_CLASSES = ("22", "23", "P0")


# What the jobs of a due schedule shall continue; asked again when a transaction is run again.
TraceparentOf = Callable[[Schedule], str | None]


@dataclass(frozen=True)
class Fired:
    """What one due schedule did; `outcome` is None when the ledger had this due time already.

    `missed` are the due times that were written down as such now.
    """

    schedule: Schedule
    firing: Firing
    outcome: RunOutcome | None
    enqueued: Enqueued | None
    late: timedelta
    missed: int

    @property
    def job_id(self) -> int | None:
        return None if self.enqueued is None else self.enqueued.job_id


@dataclass(frozen=True)
class Disabled:
    """A schedule that cannot fire, and why."""

    schedule: Schedule
    reason: str
    missed: int


@dataclass(frozen=True)
class Stuck:
    """A due schedule that can neither fire nor be disabled: its row refuses every change."""

    schedule: Schedule
    reason: str


def fire_due_schedules(
    conn: Connection,
    *,
    at_most: int,
    default_max_retries: int = 3,
    traceparent_of: TraceparentOf = lambda _schedule: None,
    passed_over: Sequence[int] = (),
    now: datetime | None = None,
) -> list[Fired | Disabled | Stuck]:
    """Fire up to `at_most` due schedules; a broken one is disabled, the others go on.

    Those whose ids are in `passed_over` are left alone.
    """

    def wish(schedule: Schedule) -> ScheduledEnqueue:
        retries = default_max_retries if schedule.max_retries is None else schedule.max_retries
        return ScheduledEnqueue(
            schedule.id,
            schedule.subreddit_id,
            schedule.priority,
            retries,
            traceparent_of(schedule),
        )

    decided: list[tuple[DueSchedule, Firing]] = []
    results: list[Fired | Disabled | Stuck] = []
    due = due_schedules.lock_due_schedules(conn, at_most=at_most, passed_over=passed_over, now=now)
    # In the order in which enqueueing locks, whichever schedules another scheduler holds.
    for item in sorted(due, key=lambda item: (item.schedule.subreddit_id, item.schedule.id)):
        try:
            decided.append((item, _decide(item)))
        except errors.InvalidCron as error:
            results.append(_disable(conn, item, _due(item), f"{error.field}: {error}"))
        except errors.InvalidSubredditName as error:
            reason = str(error) if item.schedule.subreddit else "the subreddit is gone"
            results.append(_disable(conn, item, _due(item), f"subreddit: {reason}"))
        except ArithmeticError as error:  # times that no datetime can hold
            results.append(_disable(conn, item, _due(item), type(error).__name__))
    try:
        with conn.begin_nested():
            results += _fire(conn, decided, wish)
    except (StatementError, errors.CrawljobsError) as error:
        if not _is_rows_own_fault(error):
            raise
        for one in decided:
            results.append(_fire_alone(conn, one, wish))
    return results


def _decide(due: DueSchedule) -> Firing:
    schedule = due.schedule
    subreddits.checked_name(schedule.subreddit)
    return rules.when_due(
        schedule.due_times(),
        due_at=schedule.due_at(),
        now=due.now,
        deadline=schedule.deadline(),
    )


def _fire(
    conn: Connection,
    decided: Sequence[tuple[DueSchedule, Firing]],
    wish: Callable[[Schedule], ScheduledEnqueue],
) -> list[Fired]:
    if not decided:
        return []
    now = decided[0][0].now
    runs = [run for due, firing in decided for run in _runs(due.schedule, firing)]
    recorded = due_schedules.record_runs(conn, runs=runs, now=now)
    fresh = [one for one in decided if (one[0].schedule.id, one[1].due_at) in recorded]
    enqueued = schedule_enqueue.enqueue_for_schedules(
        conn,
        enqueues=[wish(due.schedule) for due, firing in fresh if firing.fires],
        now=now,
    )
    fired = [_fired(one, enqueued.get(one[0].schedule.id), recorded) for one in decided]
    due_schedules.settle_runs(
        conn,
        runs=[
            SettledRun(one.schedule.id, one.firing.due_at, one.outcome, one.job_id)
            for one in fired
            if one.outcome is not None and one.job_id is not None
        ],
    )
    due_schedules.advance_schedules(
        conn,
        advances=[
            Advance(
                one.schedule.id,
                one.firing.next_run_at,
                fired_at=None if one.job_id is None else now,
            )
            for one in fired
        ],
    )
    return fired


def _fire_alone(
    conn: Connection, one: tuple[DueSchedule, Firing], wish: Callable[[Schedule], ScheduledEnqueue]
) -> Fired | Disabled | Stuck:
    try:
        with conn.begin_nested():
            (fired,) = _fire(conn, [one], wish)
    except (StatementError, errors.CrawljobsError) as error:
        if not _is_rows_own_fault(error):
            raise
        return _disable(conn, one[0], _runs(one[0].schedule, one[1]), failures.describe(error))
    return fired


def _runs(schedule: Schedule, firing: Firing) -> list[Run]:
    missed = [due_schedules.missed_run(schedule.id, ticks) for ticks in firing.missed]
    # What it led to is known, and settled, after it was enqueued.
    latest = RunOutcome.ENQUEUED if firing.fires else RunOutcome.SKIPPED
    return [*missed, Run(schedule.id, firing.due_at, latest)]


def _fired(
    one: tuple[DueSchedule, Firing],
    enqueued: Enqueued | None,
    recorded: set[tuple[int, datetime]],
) -> Fired:
    due, firing = one
    if enqueued is None:
        is_recorded = (due.schedule.id, firing.due_at) in recorded
        outcome = RunOutcome.SKIPPED if is_recorded else None
    else:
        created = enqueued.result is EnqueueResult.CREATED
        outcome = RunOutcome.ENQUEUED if created else RunOutcome.MERGED
    missed = due_schedules.missed_ticks(_runs(due.schedule, firing), recorded)
    return Fired(due.schedule, firing, outcome, enqueued, due.now - firing.due_at, missed)


def _due(due: DueSchedule) -> list[Run]:
    """What is known to be due of a schedule whose other due times cannot be told."""
    return [Run(due.schedule.id, due.schedule.due_at(), RunOutcome.MISSED)]


def _disable(
    conn: Connection, due: DueSchedule, runs: Sequence[Run], reason: str
) -> Disabled | Stuck:
    """Stop it; what was due and comes to nothing is in the ledger as missed."""
    try:
        with conn.begin_nested():
            return _disable_row(conn, due, runs, reason)
    except StatementError as error:
        if not _is_rows_own_fault(error):
            raise
        return Stuck(due.schedule, failures.describe(error))


def _disable_row(conn: Connection, due: DueSchedule, runs: Sequence[Run], reason: str) -> Disabled:
    schedule = due.schedule
    missed = [replace(run, outcome=RunOutcome.MISSED) for run in runs]
    recorded: set[tuple[int, datetime]] = set()
    try:
        with conn.begin_nested():
            recorded = due_schedules.record_runs(conn, runs=missed, now=due.now)
    except StatementError as error:
        if not _is_rows_own_fault(error):  # else it may be the ledger that refuses the row
            raise
    due_schedules.disable_schedule(conn, schedule_id=schedule.id, reason=reason, now=due.now)
    audit_log.record(
        conn,
        actor=ACTOR,
        action="disable",
        resource_type="scheduled_job",
        resource_id=schedule.id,
        before={"enabled": True, "disabled_reason": schedule.disabled_reason},
        after={"enabled": False, "disabled_reason": reason[: due_schedules.REASON_MAX]},
    )
    return Disabled(schedule, reason, due_schedules.missed_ticks(missed, recorded))


def _is_rows_own_fault(error: StatementError | errors.CrawljobsError) -> bool:
    if isinstance(error, errors.CrawljobsError):
        return not isinstance(error, errors.DatabaseUnavailable)
    return (failures.sqlstate(error) or "").startswith(_ROWS_OWN_CLASSES)
