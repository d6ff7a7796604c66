"""Disable a schedule whose own data stop it from firing, and record its due times as missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from crawljobs import errors
from crawljobs.db import failures
from crawljobs.db.database import Connection
from crawljobs.db.failures import StatementError
from crawljobs.domain.actor import Actor
from crawljobs.domain.schedule import RunOutcome
from crawljobs.repository.operations import audit_log
from crawljobs.repository.schedules import due_schedules, schedule_ledger
from crawljobs.repository.schedules.due_schedules import DueSchedule
from crawljobs.repository.schedules.schedule_ledger import Run
from scheduler.firing_results import Disabled, Stuck

ACTOR = Actor(name="system:scheduler")

# Classes of SQLSTATE error codes: invalid data, violated constraints, exceptions of triggers. The
# row of one schedule causes these errors, so only this schedule is disabled. Other errors, such as
# a missing right or column, affect every schedule. They disable no schedule.
_ROWS_OWN_CLASSES = ("22", "23", "P0")


def due_run(due: DueSchedule) -> list[Run]:
    """Return a missed run for the stored due time, the only due time that is known.

    The broken schedule's later due times cannot be computed.
    """
    return [Run(due.schedule.id, due.schedule.due_at(), RunOutcome.MISSED)]


def disable(
    conn: Connection, due: DueSchedule, runs: Sequence[Run], reason: str
) -> Disabled | Stuck:
    """Disable the schedule, and record its due times as missed.

    Returns Stuck if the database refuses to change the schedule's row.
    """
    try:
        with conn.begin_nested():
            return _disable_row(conn, due, runs, reason)
    except StatementError as error:
        if not is_rows_own_fault(error):
            raise
        return Stuck(due.schedule, failures.describe(error))


def _disable_row(conn: Connection, due: DueSchedule, runs: Sequence[Run], reason: str) -> Disabled:
    schedule = due.schedule
    missed = [replace(run, outcome=RunOutcome.MISSED) for run in runs]
    recorded: set[tuple[int, datetime]] = set()
    try:
        with conn.begin_nested():
            recorded = schedule_ledger.record_runs(conn, runs=missed, now=due.now)
    except StatementError as error:
        # The schedule's own data may also make the insert into the ledger fail. Then the schedule
        # is disabled, but its due times are not recorded.
        if not is_rows_own_fault(error):
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
    return Disabled(schedule, reason, schedule_ledger.missed_ticks(missed, recorded))


def is_rows_own_fault(error: StatementError | errors.CrawljobsError) -> bool:
    if isinstance(error, errors.CrawljobsError):
        return not isinstance(error, errors.DatabaseUnavailable)
    return (failures.sqlstate(error) or "").startswith(_ROWS_OWN_CLASSES)
