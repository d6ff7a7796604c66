"""Fire due schedules with steps. One transaction writes the ledger, the groups and the due times.

The scheduler only inserts a group and its pending steps. The resolver of the workers starts the
steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from crawljobs import errors
from crawljobs.db import failures
from crawljobs.db.database import Connection
from crawljobs.db.failures import StatementError
from crawljobs.domain import schedule_group
from crawljobs.domain.schedule import Firing, MisfirePolicy, RunOutcome, Schedule
from crawljobs.domain.schedule_group import UnreadableSteps
from crawljobs.repository.groups import scheduled_groups
from crawljobs.repository.groups.group_creation import InvalidPlan
from crawljobs.repository.schedules import due_schedules, schedule_ledger
from crawljobs.repository.schedules.due_schedules import Advance, DueSchedule
from crawljobs.repository.schedules.schedule_ledger import SettledRun
from scheduler import broken_schedules, firing_decision, schedule_firing
from scheduler.firing_results import Disabled, Fired, Stuck
from scheduler.schedule_firing import TraceparentOf

_GONE = "23503"  # SQLSTATE of a violated foreign key: the row of a subreddit was deleted


def fire_due_groups(
    conn: Connection,
    *,
    at_most: int,
    default_max_retries: int = 3,
    traceparent_of: TraceparentOf = lambda _schedule: None,
    passed_over: Sequence[int] = (),
    now: datetime | None = None,
) -> list[Fired | Disabled | Stuck]:
    """Fire up to `at_most` due schedules with steps. Skip the schedule ids in `passed_over`.

    A schedule that cannot fire is disabled. While the last group of a schedule is unfinished, the
    schedule's misfire policy decides:

    - `skip`: the due time is recorded as skipped.
    - `fire_once`: the schedule stays due.
    """
    due = due_schedules.lock_due_schedules(
        conn, at_most=at_most, with_steps=True, passed_over=passed_over, now=now
    )
    # Another scheduler may have created a group just before this transaction locked the schedule.
    # The statement that waited for the lock may not see that group, but a new statement does.
    unfinished = due_schedules.unfinished_groups(conn, [each.schedule.id for each in due])
    results: list[Fired | Disabled | Stuck] = []
    for item in due:
        waits = item.schedule.id in unfinished
        if waits and item.schedule.misfire_policy is MisfirePolicy.FIRE_ONCE:
            continue
        firing = firing_decision.decide(conn, item)
        if not isinstance(firing, Firing):
            results.append(firing)
            continue
        if waits:
            firing = replace(firing, fires=False)
        results.append(_fire(conn, item, firing, default_max_retries, traceparent_of))
    return results


def _fire(
    conn: Connection,
    due: DueSchedule,
    firing: Firing,
    default_max_retries: int,
    traceparent_of: TraceparentOf,
) -> Fired | Disabled | Stuck:
    try:
        with conn.begin_nested():
            return _write(conn, due, firing, default_max_retries, traceparent_of)
    except (StatementError, errors.CrawljobsError) as error:
        if not broken_schedules.is_rows_own_fault(error):
            raise
        runs = schedule_firing.runs_of(due.schedule, firing)
        return broken_schedules.disable(conn, due, runs, _reason(error))


def _write(
    conn: Connection,
    due: DueSchedule,
    firing: Firing,
    default_max_retries: int,
    traceparent_of: TraceparentOf,
) -> Fired:
    schedule = due.schedule
    runs = schedule_firing.runs_of(schedule, firing)
    recorded = schedule_ledger.record_runs(conn, runs=runs, now=due.now)
    is_new = (schedule.id, firing.due_at) in recorded
    group_id = None
    if is_new and firing.fires:
        group_id = _create(conn, due, firing, default_max_retries, traceparent_of)
        settled = SettledRun(schedule.id, firing.due_at, RunOutcome.ENQUEUED, group_id=group_id)
        schedule_ledger.settle_runs(conn, runs=[settled])
    fired_at = None if group_id is None else due.now
    due_schedules.advance_schedules(
        conn, advances=[Advance(schedule.id, firing.next_run_at, fired_at=fired_at)]
    )
    outcome = RunOutcome.SKIPPED if group_id is None else RunOutcome.ENQUEUED
    return Fired(
        schedule,
        firing,
        outcome if is_new else None,
        enqueued=None,
        late=due.now - firing.due_at,
        missed=schedule_ledger.missed_ticks(runs, recorded),
        group_id=group_id,
    )


def _create(
    conn: Connection,
    due: DueSchedule,
    firing: Firing,
    default_max_retries: int,
    traceparent_of: TraceparentOf,
) -> int:
    schedule: Schedule = due.schedule
    group = schedule_group.group_of(
        schedule, due_at=firing.due_at, default_max_retries=default_max_retries
    )
    return scheduled_groups.create(
        conn,
        group=group,
        created_by=broken_schedules.ACTOR.name,
        schedule_id=schedule.id,
        due_at=firing.due_at,
        traceparent=traceparent_of(schedule),
        now=due.now,
    )


def _reason(error: StatementError | errors.CrawljobsError) -> str:
    if isinstance(error, InvalidPlan):
        return f"steps: {error.plan_errors[0].detail}"
    if isinstance(error, UnreadableSteps):
        return f"steps: {error}"
    if isinstance(error, StatementError) and failures.sqlstate(error) == _GONE:
        return "steps: the subreddit of a step is gone"
    return failures.describe(error)
