"""Write and list the ledger: the table of the schedules' due times with their outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, and_, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db import after_commit
from crawljobs.db.tables import scheduled_job_runs
from crawljobs.db.tables.columns import Timestamp
from crawljobs.domain.schedule import RunOutcome, Ticks
from crawljobs.domain.webhook import EventType
from crawljobs.repository.schedules.schedule_reads import bounded
from crawljobs.repository.sql import NOW, ids, inline, inline_time, texts, times, unnested
from crawljobs.repository.webhooks.events import schedule_events
from crawljobs.repository.webhooks.events.event_interest import wanted
from crawljobs.runtime import metrics

_run = scheduled_job_runs.c

# Rows are ordered by due time, which is unique within a schedule. `before` is a due time that
# list_runs returned. For each due time before 1970, list_runs returns 1970. So _LIST compares
# `before` with the stored time and with the returned time. With only the stored time, the page
# after a row before 1970 would start with the same row.
_before = func.coalesce(bindparam("before", type_=Timestamp), inline_time("infinity"))
_LIST = (
    select(
        _run.id,
        bounded(_run.due_at).label("due_at"),
        bounded(_run.due_until).label("due_until"),
        _run.ticks,
        bounded(_run.fired_at).label("fired_at"),
        _run.outcome,
        _run.job_id,
        _run.group_id,
        _run.manual,
    )
    .where(
        _run.scheduled_job_id == bindparam("schedule_id"),
        _run.due_at < _before,
        bounded(_run.due_at) < _before,
    )
    .order_by(_run.due_at.desc())
    .limit(bindparam("at_most"))
)

_new = unnested(
    "run",
    scheduled_job_id=ids("schedule_ids"),
    due_at=times("due_ats"),
    due_until=times("due_untils"),
    ticks=ids("ticks"),
    outcome=texts("outcomes"),
)
_RECORD_RUNS = (
    insert(scheduled_job_runs)
    .from_select(
        ["scheduled_job_id", "due_at", "due_until", "ticks", "outcome", "fired_at"],
        select(*_new.c, NOW.label("fired_at")).order_by(_new.c.scheduled_job_id, _new.c.due_at),
    )
    .on_conflict_do_nothing(index_elements=[_run.scheduled_job_id, _run.due_at])
    .returning(
        _run.id,
        _run.scheduled_job_id,
        _run.due_at,
        and_(_run.outcome == inline(RunOutcome.MISSED), wanted(EventType.SCHEDULE_MISSED)).label(
            "has_event"
        ),
    )
)

_settled = unnested(
    "settled",
    scheduled_job_id=ids("schedule_ids"),
    due_at=times("due_ats"),
    outcome=texts("outcomes"),
    job_id=ids("job_ids"),
    group_id=ids("group_ids"),
)
_SETTLE_RUNS = (
    update(scheduled_job_runs)
    .where(_run.scheduled_job_id == _settled.c.scheduled_job_id, _run.due_at == _settled.c.due_at)
    .values(outcome=_settled.c.outcome, job_id=_settled.c.job_id, group_id=_settled.c.group_id)
)


@dataclass(frozen=True)
class Run:
    """A new ledger row: one due time, or `ticks` due times from `due_at` to `due_until`."""

    schedule_id: int
    due_at: datetime
    outcome: RunOutcome
    due_until: datetime | None = None
    ticks: int = 1


def missed_run(schedule_id: int, ticks: Ticks) -> Run:
    """Return one ledger row for all these missed due times."""
    until = ticks.last if ticks.count > 1 else None
    return Run(schedule_id, ticks.first, RunOutcome.MISSED, due_until=until, ticks=ticks.count)


@dataclass(frozen=True)
class SettledRun:
    """The outcome of a due time that fired, with its job or its group."""

    schedule_id: int
    due_at: datetime
    outcome: RunOutcome
    job_id: int | None = None
    group_id: int | None = None


@dataclass(frozen=True)
class LedgerRow:
    """A stored ledger row: one due time, or `ticks` missed due times up to `due_until`."""

    id: int
    due_at: datetime
    due_until: datetime | None
    ticks: int
    fired_at: datetime
    outcome: RunOutcome
    job_id: int | None
    group_id: int | None
    manual: bool


def record_runs(
    conn: Connection, *, runs: Sequence[Run], now: datetime | None = None
) -> set[tuple[int, datetime]]:
    """Write runs to the ledger, and write the webhook events of missed due times.

    Returns the schedule ids and due times of the new rows.
    """
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
    ).all()
    missed = [row.id for row in rows if row.has_event]
    if missed:
        schedule_events.record_missed(conn, run_ids=missed, now=now)
    return {(row.scheduled_job_id, row.due_at) for row in rows}


def missed_ticks(runs: Sequence[Run], recorded: set[tuple[int, datetime]]) -> int:
    """Return the number of missed due times in those `runs` that record_runs has newly recorded."""
    return sum(
        run.ticks
        for run in runs
        if run.outcome is RunOutcome.MISSED and (run.schedule_id, run.due_at) in recorded
    )


def give_up(conn: Connection, *, schedule_id: int, ticks: Sequence[Ticks], now: datetime) -> None:
    """Record these due times as missed, because they will never fire.

    After the commit, their number is added to the metric of missed runs.
    """
    if not ticks:
        return
    runs = [missed_run(schedule_id, one) for one in ticks]
    missed = missed_ticks(runs, record_runs(conn, runs=runs, now=now))
    after_commit.register(conn, partial(metrics.count_missed, missed))


def settle_runs(conn: Connection, *, runs: Sequence[SettledRun]) -> None:
    """Write the outcome of each run, and its job or group, into the run's existing row."""
    conn.execute(
        _SETTLE_RUNS,
        {
            "schedule_ids": [run.schedule_id for run in runs],
            "due_ats": [run.due_at for run in runs],
            "outcomes": [run.outcome.value for run in runs],
            "job_ids": [run.job_id for run in runs],
            "group_ids": [run.group_id for run in runs],
        },
    )


def list_runs(
    conn: Connection, *, schedule_id: int, before: datetime | None = None, limit: int = 100
) -> list[LedgerRow]:
    """Return at most `limit` ledger rows of the schedule, the latest due time first."""
    rows = conn.execute(
        _LIST, {"schedule_id": schedule_id, "before": before, "at_most": limit}
    ).all()
    return [LedgerRow(**{**row._mapping, "outcome": RunOutcome(row.outcome)}) for row in rows]
