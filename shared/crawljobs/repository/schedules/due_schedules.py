"""The scheduler's statements: lock, advance and disable schedules, and write the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, text

from crawljobs.db import after_commit
from crawljobs.domain.schedule import RunOutcome, Schedule, Ticks
from crawljobs.repository.queue.queue_sql import NOW
from crawljobs.repository.schedules import schedule_reads
from crawljobs.runtime import metrics

CHANNEL = "scheduled_jobs"  # channel of NOTIFY: a schedule may be due earlier than before

# The condition `enabled` and the order are the same as in scheduled_jobs_due_idx: without a due
# schedule the statement reads one index entry.
_LOCK_DUE = text(f"""
    SELECT {schedule_reads.COLUMNS}, {NOW} AS now
    FROM scheduled_jobs AS schedule
    LEFT JOIN subreddits AS subreddit ON subreddit.id = schedule.subreddit_id
    WHERE schedule.enabled AND schedule.next_run_at <= {NOW}
        AND schedule.id <> ALL (CAST(:passed_over AS bigint[]))
    ORDER BY schedule.next_run_at
    LIMIT :at_most
    FOR UPDATE OF schedule SKIP LOCKED
    """)

_RECORD_RUNS = text(f"""
    INSERT INTO scheduled_job_runs
        (scheduled_job_id, due_at, due_until, ticks, outcome, fired_at)
    SELECT run.scheduled_job_id, run.due_at, run.due_until, run.ticks, run.outcome, {NOW}
    FROM unnest(
        CAST(:schedule_ids AS bigint[]), CAST(:due_ats AS timestamptz[]),
        CAST(:due_untils AS timestamptz[]), CAST(:ticks AS bigint[]), CAST(:outcomes AS text[])
    ) AS run (scheduled_job_id, due_at, due_until, ticks, outcome)
    ORDER BY run.scheduled_job_id, run.due_at
    ON CONFLICT (scheduled_job_id, due_at) DO NOTHING
    RETURNING scheduled_job_id, due_at
    """)

_SETTLE_RUNS = text("""
    UPDATE scheduled_job_runs AS run SET outcome = settled.outcome, job_id = settled.job_id
    FROM unnest(
        CAST(:schedule_ids AS bigint[]), CAST(:due_ats AS timestamptz[]),
        CAST(:outcomes AS text[]), CAST(:job_ids AS bigint[])
    ) AS settled (scheduled_job_id, due_at, outcome, job_id)
    WHERE run.scheduled_job_id = settled.scheduled_job_id AND run.due_at = settled.due_at
    """)

_ADVANCE = text("""
    UPDATE scheduled_jobs AS schedule SET
        next_run_at = advance.next_run_at,
        last_run_at = coalesce(advance.fired_at, schedule.last_run_at)
    FROM unnest(
        CAST(:ids AS bigint[]), CAST(:next_run_ats AS timestamptz[]),
        CAST(:fired_ats AS timestamptz[])
    ) AS advance (id, next_run_at, fired_at)
    WHERE schedule.id = advance.id
    """)

_DISABLE = text(f"""
    UPDATE scheduled_jobs
    SET enabled = false, next_run_at = NULL, disabled_reason = :reason,
        version = version + 1, updated_at = {NOW}
    WHERE id = :id AND enabled
    """)

# Limited to one day: before PostgreSQL 17, a difference with an infinite time is an error.
_SECONDS_UNTIL_NEXT_DUE = text(f"""
    SELECT CAST(extract(epoch FROM
        least(greatest(next.next_run_at, clock.now), clock.now + INTERVAL '1 day') - clock.now
    ) AS double precision)
    FROM {NOW} AS clock (now), (
        SELECT next_run_at FROM scheduled_jobs
        WHERE enabled AND id <> ALL (CAST(:passed_over AS bigint[]))
        ORDER BY next_run_at LIMIT 1
    ) AS next
    """)

REASON_MAX = 500  # characters of a disabled_reason, which may quote text of any length


@dataclass(frozen=True)
class DueSchedule:
    """A due schedule, locked, and the database's time when it was read."""

    schedule: Schedule
    now: datetime


@dataclass(frozen=True)
class Run:
    """A row of the ledger: one due time, or `ticks` due times up to `due_until`."""

    schedule_id: int
    due_at: datetime
    outcome: RunOutcome
    due_until: datetime | None = None
    ticks: int = 1


def missed_run(schedule_id: int, ticks: Ticks) -> Run:
    """Return the ledger row for missed due times."""
    until = ticks.last if ticks.count > 1 else None
    return Run(schedule_id, ticks.first, RunOutcome.MISSED, due_until=until, ticks=ticks.count)


@dataclass(frozen=True)
class SettledRun:
    """The outcome and the job of a fired due time."""

    schedule_id: int
    due_at: datetime
    outcome: RunOutcome
    job_id: int


@dataclass(frozen=True)
class Advance:
    """The next due time of a schedule; `fired_at` is None if it did not fire."""

    schedule_id: int
    next_run_at: datetime
    fired_at: datetime | None


def lock_due_schedules(
    conn: Connection,
    *,
    at_most: int,
    passed_over: Sequence[int] = (),
    now: datetime | None = None,
) -> list[DueSchedule]:
    """Lock the schedules that have been due longest, and return them.

    The locks last until the transaction ends. Schedules that another transaction has locked, and
    schedules whose ids are in `passed_over`, are skipped.
    """
    values = {"at_most": at_most, "passed_over": list(passed_over), "now": now}
    rows = conn.execute(_LOCK_DUE, values)
    return [DueSchedule(schedule=schedule_reads.schedule_of(row), now=row.now) for row in rows]


def record_runs(
    conn: Connection, *, runs: Sequence[Run], now: datetime | None = None
) -> set[tuple[int, datetime]]:
    """Write runs to the ledger. Returns (schedule id, due time) of each run that was new in it."""
    rows = conn.execute(
        _RECORD_RUNS,
        {
            "schedule_ids": [run.schedule_id for run in runs],
            "due_ats": [run.due_at for run in runs],
            "due_untils": [run.due_until for run in runs],
            "ticks": [run.ticks for run in runs],
            "outcomes": [run.outcome.value for run in runs],
            "now": now,
        },
    )
    return {(row.scheduled_job_id, row.due_at) for row in rows}


def missed_ticks(runs: Sequence[Run], recorded: set[tuple[int, datetime]]) -> int:
    """Return the number of missed due times in `runs` that record_runs wrote as new."""
    return sum(
        run.ticks
        for run in runs
        if run.outcome is RunOutcome.MISSED and (run.schedule_id, run.due_at) in recorded
    )


def give_up(conn: Connection, *, schedule_id: int, ticks: Sequence[Ticks], now: datetime) -> None:
    """Record due times that will never fire as missed.

    The metric of missed runs counts them after the commit.
    """
    if not ticks:
        return
    runs = [missed_run(schedule_id, one) for one in ticks]
    missed = missed_ticks(runs, record_runs(conn, runs=runs, now=now))
    after_commit.register(conn, partial(metrics.count_missed, missed))


def settle_runs(conn: Connection, *, runs: Sequence[SettledRun]) -> None:
    """Set the outcome and the job of runs that are already in the ledger."""
    conn.execute(
        _SETTLE_RUNS,
        {
            "schedule_ids": [run.schedule_id for run in runs],
            "due_ats": [run.due_at for run in runs],
            "outcomes": [run.outcome.value for run in runs],
            "job_ids": [run.job_id for run in runs],
        },
    )


def advance_schedules(conn: Connection, *, advances: Sequence[Advance]) -> None:
    """Set the next due times. Firing is not an edit: version and updated_at do not change."""
    conn.execute(
        _ADVANCE,
        {
            "ids": [advance.schedule_id for advance in advances],
            "next_run_ats": [advance.next_run_at for advance in advances],
            "fired_ats": [advance.fired_at for advance in advances],
        },
    )


def disable_schedule(
    conn: Connection, *, schedule_id: int, reason: str, now: datetime | None = None
) -> bool:
    """Disable a schedule that cannot fire. Returns false if it was already disabled."""
    disabled = conn.execute(
        _DISABLE, {"id": schedule_id, "reason": reason[:REASON_MAX], "now": now}
    )
    return disabled.rowcount == 1


def seconds_until_next_due(
    conn: Connection, *, passed_over: Sequence[int] = (), now: datetime | None = None
) -> float | None:
    """Return the seconds until the next schedule is due, by the database's clock.

    The result is 0 if a schedule is due, and at most one day; None if no schedule is enabled.
    """
    values = {"passed_over": list(passed_over), "now": now}
    seconds: float | None = conn.execute(_SECONDS_UNTIL_NEXT_DUE, values).scalar()
    return seconds
