"""A firing writes ledger, job and next due time together. A broken row stops no other schedule."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from crawljobs.db.database import Connection
from crawljobs.domain.job import JobSource, JobStatus
from crawljobs.domain.schedule import LISTED_ONE_BY_ONE, ON_TIME, MisfirePolicy, RunOutcome
from crawljobs.repository.operations import audit_log
from crawljobs.repository.queue import job_reads
from crawljobs.repository.schedules import due_schedules
from scheduler import schedule_firing
from scheduler.firing_results import Disabled, Fired
from support import enqueueing
from support import schedule_rows as rows

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def fire(conn: Connection, now: datetime, at_most: int = 100) -> list[Fired | Disabled]:
    return schedule_firing.fire_due_schedules(conn, at_most=at_most, now=now)


def test_a_due_schedule_becomes_a_job_a_ledger_row_and_moves_on(conn: Connection) -> None:
    made = rows.make(conn, now=NOON, priority=25, max_retries=7)
    (fired,) = fire(conn, NOON + HOUR)
    assert isinstance(fired, Fired)
    assert fired.job_id is not None
    job = job_reads.get_job(conn, job_id=fired.job_id)
    assert job is not None
    assert (job.subreddit, job.status, job.source) == (
        "python",
        JobStatus.QUEUED,
        JobSource.SCHEDULE,
    )
    assert (job.priority, job.max_retries, job.scheduled_job_id) == (25, 7, made.id)
    (run,) = rows.ledger(conn)
    assert run == {
        "scheduled_job_id": made.id,
        "due_at": NOON + HOUR,
        "due_until": None,
        "ticks": 1,
        "outcome": "enqueued",
        "job_id": job.id,
    }
    moved = rows.reload(conn, made)
    assert (moved.next_run_at, moved.last_run_at) == (NOON + 2 * HOUR, NOON + HOUR)
    assert (moved.version, moved.updated_at) == (made.version, made.updated_at)


def test_does_nothing_on_an_empty_table(conn: Connection) -> None:
    assert fire(conn, NOON) == []


def test_fires_nothing_twice(conn: Connection) -> None:
    rows.make(conn, now=NOON)
    assert len(fire(conn, NOON + HOUR)) == 1
    assert fire(conn, NOON + HOUR) == []
    assert len(rows.ledger(conn)) == 1


def test_leaves_what_is_not_due_or_disabled(conn: Connection) -> None:
    rows.make(conn, "later", now=NOON)
    rows.make(conn, "off", now=NOON, enabled=False)
    assert fire(conn, NOON + HOUR - timedelta(microseconds=1)) == []


def test_takes_the_longest_due_first_and_no_more_than_asked(conn: Connection) -> None:
    for hour in (3, 1, 2):
        rows.make(conn, f"s{hour}", subreddit=f"sub{hour}", now=NOON + hour * HOUR)
    fired = fire(conn, NOON + 9 * HOUR, at_most=2)
    assert {result.schedule.name for result in fired} == {"s1", "s2"}


def test_a_subreddit_with_a_live_job_is_merged_into_it(conn: Connection) -> None:
    asked = enqueueing.enqueue(conn, subreddit="Python", priority=60, source=JobSource.USER)
    rows.make(conn, "one", now=NOON)
    rows.make(conn, "two", now=NOON)
    fire(conn, NOON + HOUR)
    ledger = rows.ledger(conn)
    assert [(run["outcome"], run["job_id"]) for run in ledger] == [("merged", asked.job_id)] * 2
    assert rows.count(conn, "crawl_jobs") == 1


def test_two_schedules_of_one_subreddit_make_one_job(conn: Connection) -> None:
    for name in ("one", "two"):
        rows.make(conn, name, now=NOON)
    fire(conn, NOON + HOUR)
    assert [run["outcome"] for run in rows.ledger(conn)] == ["enqueued", "merged"]
    assert rows.count(conn, "crawl_jobs") == 1


def test_after_an_outage_the_latest_tick_fires_and_the_missed_are_told(conn: Connection) -> None:
    made = rows.make(conn, now=NOON)
    fire(conn, NOON + 4.5 * HOUR)
    outcomes = [(run["due_at"], run["outcome"]) for run in rows.ledger(conn)]
    assert outcomes == [
        (NOON + HOUR, "missed"),
        (NOON + 2 * HOUR, "missed"),
        (NOON + 3 * HOUR, "missed"),
        (NOON + 4 * HOUR, "enqueued"),
    ]
    assert rows.count(conn, "crawl_jobs") == 1
    assert rows.reload(conn, made).next_run_at == NOON + 5 * HOUR


def test_a_year_of_missed_minutes_is_one_row_with_its_count_and_range(conn: Connection) -> None:
    made = rows.make(conn, cron="@every 60s", now=NOON)
    now = NOON + timedelta(days=365, seconds=5)
    fire(conn, now)
    missed, fired = rows.ledger(conn)
    year = 365 * 24 * 60
    assert (missed["outcome"], missed["ticks"]) == ("missed", year - 1)
    assert missed["due_at"] == NOON + timedelta(minutes=1)
    assert missed["due_until"] == NOON + timedelta(minutes=year - 1)
    assert (fired["outcome"], fired["due_at"]) == ("enqueued", NOON + timedelta(days=365))
    next_run_at = rows.reload(conn, made).next_run_at
    assert next_run_at is not None
    assert next_run_at > now


@pytest.mark.parametrize(("late", "outcome"), [(ON_TIME, "enqueued"), (HOUR / 2, "skipped")])
def test_the_policy_skip_fires_on_time_or_not_at_all(
    conn: Connection, late: timedelta, outcome: str
) -> None:
    made = rows.make(conn, now=NOON, misfire_policy="skip")
    fire(conn, NOON + HOUR + late)
    (run,) = rows.ledger(conn)
    assert run["outcome"] == outcome
    assert (run["job_id"] is None) == (outcome == "skipped")
    assert rows.count(conn, "crawl_jobs") == (outcome == "enqueued")
    moved = rows.reload(conn, made)
    assert moved.next_run_at == NOON + 2 * HOUR
    assert (moved.last_run_at is None) == (outcome == "skipped")


def test_a_due_time_already_in_the_ledger_is_not_fired_again(conn: Connection) -> None:
    made = rows.make(conn, now=NOON)
    for hours in (1, 2):
        fire(conn, NOON + hours * HOUR)
    conn.execute(text("UPDATE crawl_jobs SET status = 'succeeded', finished_at = now()"))
    conn.execute(text("UPDATE scheduled_jobs SET next_run_at = :due_at"), {"due_at": NOON + HOUR})
    (again,) = fire(conn, NOON + 2 * HOUR)
    assert isinstance(again, Fired)
    assert (len(again.firing.missed), again.outcome, again.missed) == (1, None, 0)
    assert len(rows.ledger(conn)) == 2
    assert rows.count(conn, "crawl_jobs") == 1
    assert rows.reload(conn, made).next_run_at == NOON + 3 * HOUR


BROKEN = [
    ({"cron_expression": "every now and then"}, "cron_expression: expected five fields"),
    ({"cron_expression": "*" * 1_000_000}, "cron_expression: too long"),
    ({"cron_expression": "0 0 30 2 *"}, "never comes"),
    ({"timezone": "Mars/Olympus"}, "timezone: unknown time zone 'Mars/Olympus'"),
    ({"timezone": "../../etc/passwd"}, "timezone: unknown"),
]


@pytest.mark.parametrize(("columns", "reason"), BROKEN)
def test_a_broken_row_is_disabled_with_its_reason_and_the_others_fire(
    conn: Connection, columns: dict[str, str], reason: str
) -> None:
    rows.make(conn, "before", subreddit="aaa", now=NOON)
    broken = rows.make(conn, "broken", subreddit="bbb", now=NOON, **columns)
    rows.make(conn, "after", subreddit="ccc", now=NOON)
    results = fire(conn, NOON + HOUR)
    assert sorted(one.schedule.name for one in results if isinstance(one, Fired)) == [
        "after",
        "before",
    ]
    now_off = rows.reload(conn, broken)
    assert not now_off.enabled
    assert now_off.next_run_at is None
    assert now_off.version == broken.version + 1
    assert now_off.disabled_reason is not None
    assert reason in now_off.disabled_reason
    assert len(now_off.disabled_reason) <= due_schedules.REASON_MAX
    of_it = audit_log.AuditFilter(resource_type="scheduled_job", resource_id=str(broken.id))
    (entry,) = audit_log.list_entries(conn, filters=of_it).entries
    assert (entry.actor, entry.action) == ("system:scheduler", "disable")
    assert entry.after is not None
    assert entry.after["disabled_reason"] == now_off.disabled_reason
    (run,) = rows.ledger(conn, broken)
    assert (run["due_at"], run["outcome"], run["job_id"]) == (NOON + HOUR, "missed", None)


def test_a_row_that_the_database_refuses_spoils_only_itself(conn: Connection) -> None:
    for name in ("aaa", "bbb", "ccc"):
        rows.make(conn, name, subreddit=name, now=NOON)
    conn.execute(
        text("""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF (SELECT name FROM subreddits WHERE id = NEW.subreddit_id) = 'bbb' THEN
                    RAISE EXCEPTION 'no crawl of bbb';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON crawl_jobs
            FOR EACH ROW EXECUTE FUNCTION refuse()
            """)
    )
    results = fire(conn, NOON + 2 * HOUR)
    (broken,) = (one for one in results if isinstance(one, Disabled))
    assert (broken.schedule.name, broken.reason) == ("bbb", "no crawl of bbb")
    assert rows.reload(conn, broken.schedule).disabled_reason == "no crawl of bbb"
    assert rows.count(conn, "crawl_jobs") == 2
    assert [(run["due_at"], run["outcome"]) for run in rows.ledger(conn, broken.schedule)] == [
        (NOON + HOUR, "missed"),
        (NOON + 2 * HOUR, "missed"),
    ]
    assert broken.missed == 2
    assert fire(conn, NOON + 2 * HOUR) == []


REFUSE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{state}'; END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()
    """


@pytest.mark.parametrize("table", ["crawl_jobs", "scheduled_job_runs"])
@pytest.mark.parametrize(
    "state",
    ["42501", "42P01", "42703", "42883", "0A000", "25006", "28000", "53100", "57014", "XX000"],
)
def test_an_error_that_is_no_row_s_own_fault_disables_nothing(
    conn: Connection, state: str, table: str
) -> None:
    """An error that is no row's fault, such as a full disk, must not disable every schedule."""
    made = [rows.make(conn, name, subreddit=name, now=NOON) for name in ("aaa", "bbb")]
    conn.execute(text(REFUSE.format(state=state, table=table)))
    with pytest.raises(DBAPIError, match="refused"), conn.begin_nested():
        fire(conn, NOON + HOUR)
    assert all(rows.reload(conn, one) == one and one.enabled for one in made)
    assert rows.ledger(conn) == []


@pytest.mark.parametrize("state", ["22012", "22P02", "23514", "23505", "P0001"])
def test_an_error_that_is_the_row_s_own_fault_disables_it(conn: Connection, state: str) -> None:
    rows.make(conn, now=NOON)
    conn.execute(text(REFUSE.format(state=state, table="crawl_jobs")))
    (result,) = fire(conn, NOON + HOUR)
    assert isinstance(result, Disabled)


def test_a_tick_that_is_skipped_leaves_when_it_last_ran(conn: Connection) -> None:
    made = rows.create(conn, now=NOON, misfire_policy=MisfirePolicy.SKIP)
    fire(conn, NOON + HOUR)
    assert rows.reload(conn, made).last_run_at == NOON + HOUR
    (skipped,) = fire(conn, NOON + 2 * HOUR + timedelta(minutes=6))
    assert isinstance(skipped, Fired)
    assert skipped.outcome is RunOutcome.SKIPPED
    assert rows.reload(conn, made).last_run_at == NOON + HOUR
    fire(conn, NOON + 3 * HOUR)
    assert rows.reload(conn, made).last_run_at == NOON + 3 * HOUR


def test_a_row_that_the_ledger_refuses_is_disabled_too(conn: Connection) -> None:
    rows.make(conn, "good", subreddit="aaa", now=NOON)
    odd = rows.make(conn, "odd", subreddit="bbb", now=NOON)
    refused = f"scheduled_job_id <> {odd.id}"
    conn.execute(text(f"ALTER TABLE scheduled_job_runs ADD CHECK ({refused})"))
    results = fire(conn, NOON + HOUR)
    (broken,) = (one for one in results if isinstance(one, Disabled))
    assert (broken.schedule.name, broken.missed) == ("odd", 0)
    assert len(rows.ledger(conn)) == 1


def test_a_subreddit_that_cannot_be_crawled_disables_its_schedule_only(conn: Connection) -> None:
    rows.make(conn, "good", subreddit="aaa", now=NOON)
    rows.make(conn, "bad", subreddit="bbb", now=NOON)
    conn.execute(text("UPDATE subreddits SET name = 'b.b:b' WHERE name = 'bbb'"))
    results = fire(conn, NOON + HOUR)
    assert {type(one): one.schedule.name for one in results} == {Fired: "good", Disabled: "bad"}


@pytest.mark.parametrize("column", ["next_run_at", "anchor_at"])
def test_infinite_times_written_by_hand_stop_nobody(conn: Connection, column: str) -> None:
    odd = rows.make(conn, "odd", cron="@every 1h", now=NOON)
    rows.make(conn, "good", subreddit="rust", now=NOON)
    conn.execute(
        text(f"UPDATE scheduled_jobs SET {column} = '-infinity' WHERE id = :id"), {"id": odd.id}
    )
    assert due_schedules.seconds_until_next_due(conn, now=NOON + HOUR) == 0
    assert len(fire(conn, NOON + HOUR)) == 2
    next_run_at = conn.execute(
        text("SELECT next_run_at FROM scheduled_jobs WHERE id = :id"), {"id": odd.id}
    ).scalar_one()
    assert NOON + HOUR < next_run_at <= NOON + 2 * HOUR


def test_a_short_run_of_missed_ticks_is_one_row_each(conn: Connection) -> None:
    rows.make(conn, now=NOON)
    fire(conn, NOON + (LISTED_ONE_BY_ONE + 1) * HOUR)
    assert rows.count(conn, "scheduled_job_runs", "outcome = 'missed' AND ticks = 1") == 10


def test_the_next_due_time_is_told_in_seconds(conn: Connection) -> None:
    assert due_schedules.seconds_until_next_due(conn) is None
    rows.make(conn, "daily", cron="@daily", now=NOON, next_run_at=NOON + 40 * HOUR)
    assert due_schedules.seconds_until_next_due(conn, now=NOON) == 86_400
    rows.make(conn, "hourly", now=NOON)
    assert due_schedules.seconds_until_next_due(conn, now=NOON) == 3600
    assert due_schedules.seconds_until_next_due(conn, now=NOON + 2 * HOUR) == 0
    conn.execute(text("UPDATE scheduled_jobs SET next_run_at = 'infinity'"))
    assert due_schedules.seconds_until_next_due(conn) == 86_400


def test_a_batch_takes_a_few_statements_however_many_are_due(conn: Connection) -> None:
    due_at = "TIMESTAMPTZ '2024-05-01 12:00+00'"
    rows.make_many(conn, 100, due_at=due_at)
    sent: list[str] = []

    def count(_: object, __: object, statement: str, *___: object) -> None:
        sent.append(statement)

    event.listen(conn, "before_cursor_execute", count)
    try:
        assert len(fire(conn, NOON)) == 100
    finally:
        event.remove(conn, "before_cursor_execute", count)
    # Five statements (select, record, enqueue, settle, advance), a savepoint and its release.
    assert len(sent) <= 7
    assert rows.count(conn, "scheduled_job_runs", "outcome = 'enqueued'") == 100


def test_a_deadline_of_its_own_decides_how_late_a_schedule_fires(conn: Connection) -> None:
    made = rows.create(conn, now=NOON, misfire_deadline_seconds=600)
    fire(conn, NOON + HOUR + timedelta(minutes=10))
    fire(conn, NOON + 2 * HOUR + timedelta(minutes=11))
    assert [run["outcome"] for run in rows.ledger(conn)] == ["enqueued", "skipped"]
    assert rows.reload(conn, made).next_run_at == NOON + 3 * HOUR


def test_spread_schedules_fire_one_after_the_other_each_at_its_place(conn: Connection) -> None:
    made = [rows.create(conn, f"s{n}", subreddit=f"sub{n}", now=NOON) for n in range(20)]
    conn.execute(text("UPDATE scheduled_jobs SET spread_seconds = 1200"))
    for schedule in made:
        moved = rows.reload(conn, schedule)
        next_run_at = moved.due_times().next_after(NOON + HOUR)
        conn.execute(
            text("UPDATE scheduled_jobs SET next_run_at = :next_run_at WHERE id = :id"),
            {"id": schedule.id, "next_run_at": next_run_at},
        )
    per_minute = [len(fire(conn, NOON + HOUR + timedelta(minutes=m))) for m in range(1, 21)]
    assert sum(per_minute) == 20
    assert max(per_minute) <= 3
