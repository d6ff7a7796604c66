"""Rows of the ledger are written, listed, counted and deleted at exact limits."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain.schedule import RunOutcome, Ticks
from crawljobs.repository.schedules import (
    ledger_pruning,
    manual_run,
    schedule_ledger,
)
from crawljobs.repository.schedules.schedule_ledger import Run
from support import jobs
from support import schedule_rows as rows
from support.counted import counted

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("ticks", "run"),
    [
        (Ticks(NOON, NOON, 1), Run(7, NOON, RunOutcome.MISSED, None, 1)),
        (Ticks(NOON, NOON + HOUR, 2), Run(7, NOON, RunOutcome.MISSED, NOON + HOUR, 2)),
    ],
)
def test_missed_due_times_are_one_row_with_their_number_and_range(ticks: Ticks, run: Run) -> None:
    assert schedule_ledger.missed_run(7, ticks) == run


def test_rows_are_written_in_one_order_and_only_new_ones_are_returned(conn: Connection) -> None:
    runs = [
        Run(schedule_id, NOON + hours * HOUR, RunOutcome.ENQUEUED)
        for schedule_id, hours in ((9, 1), (8, 2), (9, 0), (8, 3))
    ]
    assert schedule_ledger.record_runs(conn, runs=runs[:1], now=NOON) == {(9, NOON + HOUR)}
    written = schedule_ledger.record_runs(conn, runs=runs, now=NOON)
    assert written == {(8, NOON + 2 * HOUR), (9, NOON), (8, NOON + 3 * HOUR)}
    found = conn.execute(
        text("SELECT scheduled_job_id, due_at, ticks FROM scheduled_job_runs ORDER BY id")
    )
    assert [tuple(row) for row in found] == [
        (9, NOON + HOUR, 1),
        (8, NOON + 2 * HOUR, 1),
        (8, NOON + 3 * HOUR, 1),
        (9, NOON, 1),
    ]


def test_only_missed_due_times_of_new_rows_are_counted() -> None:
    runs = [
        Run(1, NOON, RunOutcome.MISSED, NOON + HOUR, 5),
        Run(1, NOON + 2 * HOUR, RunOutcome.ENQUEUED),
        Run(2, NOON, RunOutcome.MISSED, None, 1),
    ]
    recorded = {(1, NOON), (1, NOON + 2 * HOUR)}
    assert schedule_ledger.missed_ticks(runs, recorded) == 5


def test_given_up_due_times_are_counted_after_the_commit(database: Database) -> None:
    ticks = [Ticks(NOON, NOON + HOUR, 2), Ticks(NOON + 2 * HOUR, NOON + 2 * HOUR, 1)]

    def give_up(conn: Connection) -> None:
        schedule_ledger.give_up(conn, schedule_id=7, ticks=ticks, now=NOON)

    for expected in ({"schedule_ticks_total{missed}": 3, "schedule_missed_total{}": 3}, {}):
        with counted() as grown:
            database.run(give_up)
        assert {name: n for name, n in grown.items() if "schedule" in name} == expected


def test_a_page_of_the_ledger_has_a_hundred_rows_before_its_start(conn: Connection) -> None:
    conn.execute(
        text(
            "INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, outcome, job_id, manual) "
            "SELECT 7, CAST(:noon AS timestamptz) - n * interval '1 minute', 'enqueued', n, n = 1 "
            "FROM generate_series(0, 101) n"
        ),
        {"noon": NOON},
    )
    page = schedule_ledger.list_runs(conn, schedule_id=7)
    assert [run.due_at for run in page] == [NOON - n * MINUTE for n in range(100)]
    assert [(run.job_id, run.manual) for run in page[:3]] == [(0, False), (1, True), (2, False)]
    rest = schedule_ledger.list_runs(conn, schedule_id=7, before=page[-1].due_at)
    assert [run.due_at for run in rest] == [NOON - 100 * MINUTE, NOON - 101 * MINUTE]


def test_a_page_before_1970_is_not_shown_again(conn: Connection) -> None:
    conn.execute(
        text(
            "INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, outcome) "
            "VALUES (7, '1900-01-01 00:00+00', 'missed'), (7, '1971-01-01 00:00+00', 'missed')"
        )
    )
    page = schedule_ledger.list_runs(conn, schedule_id=7)
    assert [run.due_at.year for run in page] == [1971, 1970]
    assert schedule_ledger.list_runs(conn, schedule_id=7, before=page[-1].due_at) == []


def run_ids(conn: Connection) -> list[int]:
    found = conn.execute(text("SELECT scheduled_job_id FROM scheduled_job_runs ORDER BY 1"))
    return list(found.scalars())


def orphans(conn: Connection, *schedule_ids: int) -> None:
    """Insert two ledger rows for each of these schedule ids. Schedules may not exist."""
    for schedule_id in schedule_ids:
        runs = [Run(schedule_id, NOON + n * HOUR, RunOutcome.MISSED) for n in range(2)]
        schedule_ledger.record_runs(conn, runs=runs, now=NOON)


def test_the_rows_of_each_deleted_schedule_are_deleted_from_the_smallest_id(
    conn: Connection,
) -> None:
    orphans(conn, 1, 2, 3, 4)
    first = ledger_pruning.prune_runs_of_deleted(conn, scan_limit=3)
    assert (first.deleted, first.beyond) == (6, 3)
    assert run_ids(conn) == [4, 4]
    last = ledger_pruning.prune_runs_of_deleted(conn, beyond=3, scan_limit=2)
    assert (last.deleted, last.beyond) == (2, 4)
    end = ledger_pruning.prune_runs_of_deleted(conn, beyond=4, scan_limit=2)
    assert (end.deleted, end.beyond) == (0, None)


def test_a_call_goes_on_after_the_last_schedule_of_the_call_before(conn: Connection) -> None:
    kept = rows.create(conn, now=NOON).id
    orphans(conn, kept, kept + 5)
    first = ledger_pruning.prune_runs_of_deleted(conn, beyond=kept - 1, scan_limit=1)
    assert (first.deleted, first.beyond) == (0, kept)
    second = ledger_pruning.prune_runs_of_deleted(conn, beyond=kept, scan_limit=1)
    assert (second.deleted, second.beyond) == (2, kept + 5)
    assert run_ids(conn) == [kept, kept]


def test_a_call_that_deleted_as_many_rows_as_it_may_is_repeated(conn: Connection) -> None:
    orphans(conn, 4, 5)
    first = ledger_pruning.prune_runs_of_deleted(conn, beyond=3, at_most=2)
    assert (first.deleted, first.beyond) == (2, 3)
    again = ledger_pruning.prune_runs_of_deleted(conn, beyond=3, at_most=3)
    assert again.deleted == 2
    assert again.beyond in (4, 5)


def test_rows_that_another_transaction_holds_stay_for_the_next_call(database: Database) -> None:
    with database.begin() as conn:
        orphans(conn, 4, 5)
    with database.begin() as holder, database.begin() as conn:
        holder.execute(text("SELECT FROM scheduled_job_runs WHERE scheduled_job_id = 4 FOR UPDATE"))
        conn.execute(text("SET LOCAL lock_timeout = '2s'"))
        assert ledger_pruning.prune_runs_of_deleted(conn).deleted == 2
        assert run_ids(conn) == [4, 4]


def test_a_run_by_hand_has_three_retries_unless_asked_otherwise(conn: Connection) -> None:
    made = rows.create(conn, now=NOON)
    other = rows.create(conn, "other", now=NOON)
    enqueued = manual_run.run_now(conn, schedule=made, now=NOON)
    assert jobs.job(conn, enqueued.job_id).max_retries == 3
    assert rows.reload(conn, made).last_run_at == NOON
    assert rows.reload(conn, other) == other
