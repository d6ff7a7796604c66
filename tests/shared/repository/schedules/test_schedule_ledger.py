"""The ledger of due times is read page by page, gets manual runs and is pruned."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from crawljobs import errors
from crawljobs.db.database import Connection
from crawljobs.domain.job import EnqueueResult, JobSource
from crawljobs.domain.schedule import RunOutcome
from crawljobs.repository.schedules import ledger_pruning, manual_run, schedule_ledger
from scheduler import schedule_firing
from support import jobs
from support import schedule_rows as rows

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def fire(conn: Connection, now: datetime) -> None:
    schedule_firing.fire_due_schedules(conn, at_most=100, now=now)


def test_lists_the_latest_due_times_first_page_by_page(conn: Connection) -> None:
    made = rows.create(conn, now=NOON)
    rows.create(conn, "other", subreddit="rust", now=NOON)
    for hour in range(1, 6):
        fire(conn, NOON + hour * HOUR)
    first = schedule_ledger.list_runs(conn, schedule_id=made.id, limit=2)
    rest = schedule_ledger.list_runs(conn, schedule_id=made.id, before=first[-1].due_at)
    assert [run.due_at for run in first + rest] == [NOON + h * HOUR for h in (5, 4, 3, 2, 1)]
    assert [run.outcome for run in first + rest] == [RunOutcome.MERGED] * 4 + [RunOutcome.ENQUEUED]
    assert {run.job_id for run in first + rest} == {first[0].job_id}
    assert schedule_ledger.list_runs(conn, schedule_id=2**62) == []


def test_a_long_run_of_missed_ones_is_one_row_with_its_range(conn: Connection) -> None:
    made = rows.create(conn, cron_expression="@every 60s", now=NOON)
    fire(conn, NOON + 365 * DAY)
    latest, missed = schedule_ledger.list_runs(conn, schedule_id=made.id)
    assert latest.ticks == 1
    assert (missed.outcome, missed.ticks) == (RunOutcome.MISSED, 365 * 24 * 60 - 1)
    assert missed.due_until == latest.due_at - timedelta(minutes=1)


def test_an_infinite_due_time_written_by_hand_can_be_listed(conn: Connection) -> None:
    made = rows.create(conn, now=NOON)
    for due_at in ("-infinity", "0044-03-15 BC", "9999-12-31"):
        conn.execute(
            text(
                "INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, outcome)"
                " VALUES (:id, CAST(:due_at AS timestamptz), 'missed')"
            ),
            {"id": made.id, "due_at": due_at},
        )
    assert [run.due_at.year for run in schedule_ledger.list_runs(conn, schedule_id=made.id)] == [
        9000,
        1970,
        1970,
    ]


@pytest.mark.parametrize("enabled", [True, False])
def test_a_run_by_hand_is_in_the_ledger_and_leaves_the_timetable(
    conn: Connection, enabled: bool
) -> None:
    made = rows.create(conn, now=NOON, enabled=enabled, priority=33)
    now = NOON + HOUR / 2
    enqueued = manual_run.run_now(conn, schedule=made, default_max_retries=7, now=now)
    job = jobs.job(conn, enqueued.job_id)
    assert (job.source, job.priority, job.max_retries) == (JobSource.SCHEDULE, 33, 7)
    assert job.scheduled_job_id == made.id
    (run,) = schedule_ledger.list_runs(conn, schedule_id=made.id)
    assert (run.manual, run.outcome, run.job_id) == (True, RunOutcome.ENQUEUED, job.id)
    assert run.due_at == run.fired_at == now
    after = rows.reload(conn, made)
    assert (after.next_run_at, after.last_run_at, after.version) == (made.next_run_at, now, 1)


def test_a_run_by_hand_merges_into_the_live_job(conn: Connection) -> None:
    asked = jobs.enqueue(conn, priority=70)
    made = rows.create(conn, now=NOON)
    enqueued = manual_run.run_now(conn, schedule=made, now=NOON)
    assert (enqueued.result, enqueued.job_id) == (EnqueueResult.MERGED, asked)
    (run,) = schedule_ledger.list_runs(conn, schedule_id=made.id)
    assert run.outcome is RunOutcome.MERGED


def test_a_run_by_hand_at_a_due_time_is_that_due_time(conn: Connection) -> None:
    made = rows.create(conn, now=NOON)
    manual_run.run_now(conn, schedule=made, now=NOON + HOUR)
    fire(conn, NOON + HOUR)
    (run,) = schedule_ledger.list_runs(conn, schedule_id=made.id)
    assert run.manual
    assert rows.count(conn, "crawl_jobs") == 1
    assert rows.reload(conn, made).next_run_at == NOON + 2 * HOUR


def lose_subreddits(conn: Connection) -> None:
    conn.execute(
        text("ALTER TABLE scheduled_jobs DROP CONSTRAINT scheduled_jobs_subreddit_id_fkey")
    )
    conn.execute(text("DELETE FROM subreddits"))


def test_a_schedule_whose_subreddit_is_gone_is_disabled_and_cannot_be_run(
    conn: Connection,
) -> None:
    made = rows.create(conn, now=NOON)
    lose_subreddits(conn)
    with pytest.raises(errors.InvalidSubredditName):
        manual_run.run_now(conn, schedule=rows.reload(conn, made), now=NOON)
    rows.create(conn, "good", subreddit="rust", now=NOON)
    fire(conn, NOON + HOUR)
    off = rows.reload(conn, made)
    assert (off.enabled, off.subreddit) == (False, "")
    assert off.disabled_reason == "subreddit: the subreddit is gone"
    assert rows.count(conn, "crawl_jobs") == 1


def test_prunes_what_was_written_down_long_ago_in_chunks(conn: Connection) -> None:
    made = rows.create(conn, cron_expression="@daily", now=NOON)
    for day in range(1, 8):
        fire(conn, NOON + day * DAY)
    now = NOON + 97 * DAY  # five runs are then older than 90 days
    retention = 90 * DAY

    def prune() -> int:
        return ledger_pruning.prune_runs(conn, retention=retention, at_most=3, now=now)

    assert [prune() for _ in range(4)] == [3, 3, 0, 0]
    (left,) = schedule_ledger.list_runs(conn, schedule_id=made.id)
    assert left.fired_at == NOON + 7 * DAY


def test_prunes_nothing_from_an_empty_ledger(conn: Connection) -> None:
    assert ledger_pruning.prune_runs(conn, retention=DAY) == 0
