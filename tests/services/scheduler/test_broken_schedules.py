"""An error of a schedule's own data disables the schedule. Any other error is raised."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, DBAPIError, OperationalError

from crawljobs import errors
from crawljobs.db.database import Connection
from crawljobs.domain.job import JobSource
from crawljobs.domain.schedule import Schedule
from crawljobs.repository.operations import audit_log
from crawljobs.repository.queue import job_enqueue
from scheduler import broken_schedules, schedule_firing
from scheduler.firing_results import Disabled, Fired, Stuck
from support import schedule_rows as rows

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

REFUSE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF '{only}' IN ('', (SELECT name FROM subreddits WHERE id = NEW.subreddit_id)) THEN
            RAISE EXCEPTION 'refused' USING ERRCODE = '{state}';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()
    """


def refuse(conn: Connection, table: str, state: str, only: str = "") -> None:
    statement = REFUSE.format(table=table, state=state, only=only)
    if table == "scheduled_job_runs":  # it has no column of the subreddit
        statement = statement.replace("(SELECT name FROM subreddits WHERE id = NEW.subreddit_id)",
                                      "'none'")  # fmt: skip
    conn.execute(text(statement))


def fire(conn: Connection, now: datetime = NOON + HOUR) -> list[Fired | Disabled | Stuck]:
    return schedule_firing.fire_due_schedules(conn, at_most=100, now=now)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.InvalidSubredditName("no name"), True),
        (errors.DatabaseUnavailable("away"), False),
        (DataError("SELECT", {}, psycopg.errors.InvalidTextRepresentation()), True),
        (OperationalError("SELECT", {}, psycopg.errors.InsufficientPrivilege()), False),
        (OperationalError("SELECT", {}, psycopg.OperationalError("connection lost")), False),
    ],
)
def test_only_the_error_of_a_row_is_the_fault_of_its_schedule(
    error: DBAPIError | errors.CrawljobsError, expected: bool
) -> None:
    assert broken_schedules.is_rows_own_fault(error) is expected


@pytest.mark.parametrize("table", ["scheduled_jobs", "scheduled_job_runs"])
def test_a_missing_right_is_raised_while_a_broken_schedule_is_disabled(
    conn: Connection, table: str
) -> None:
    made = rows.make(conn, now=NOON, cron_expression="no cron")
    refuse(conn, table, "42501")
    with pytest.raises(DBAPIError, match="refused"), conn.begin_nested():
        fire(conn)
    assert rows.reload(conn, made).enabled


def test_a_missing_right_is_raised_after_the_error_of_another_row(conn: Connection) -> None:
    rows.make(conn, "aaa", subreddit="aaa", now=NOON)
    rows.make(conn, "bbb", subreddit="bbb", now=NOON)
    conn.execute(
        text("""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF (SELECT name FROM subreddits WHERE id = NEW.subreddit_id) = 'aaa' THEN
                    RAISE EXCEPTION 'a bad row';
                END IF;
                RAISE EXCEPTION 'no right' USING ERRCODE = '42501';
            END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON crawl_jobs
            FOR EACH ROW EXECUTE FUNCTION refuse()
            """)
    )
    with pytest.raises(DBAPIError, match="no right"), conn.begin_nested():
        fire(conn)
    assert rows.count(conn, "scheduled_jobs", "NOT enabled") == 0


def test_a_conflict_with_other_transactions_disables_no_schedule(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object, **__: object) -> None:
        raise errors.DatabaseUnavailable("other transactions change python all the time")

    made = rows.make(conn, now=NOON)
    monkeypatch.setattr(job_enqueue, "enqueue_stored", busy)
    with pytest.raises(errors.DatabaseUnavailable), conn.begin_nested():
        fire(conn)
    assert rows.reload(conn, made).enabled


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE subreddits SET name = 'b.b:b'", "subreddit: "),
        ("DELETE FROM subreddits", "subreddit: the subreddit is gone"),
    ],
)
def test_the_reason_names_what_is_wrong_with_the_subreddit(
    conn: Connection, change: str, reason: str
) -> None:
    made = rows.make(conn, now=NOON)
    conn.exec_driver_sql("SET LOCAL session_replication_role = replica")
    conn.exec_driver_sql(change)
    (result,) = fire(conn)
    assert isinstance(result, Disabled)
    assert result.reason.startswith(reason)
    assert ("b.b:b" in result.reason) is ("UPDATE" in change)
    assert result.missed == 1
    assert not rows.reload(conn, made).enabled


def test_a_schedule_whose_times_are_beyond_the_calendar_is_disabled_and_the_others_fire(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = rows.make(conn, "bad", subreddit="aaa", now=NOON)
    rows.make(conn, "good", subreddit="bbb", now=NOON)
    due_times = Schedule.due_times

    def failing(schedule: Schedule) -> object:
        if schedule.id == bad.id:
            raise OverflowError("date value out of range")
        return due_times(schedule)

    monkeypatch.setattr(Schedule, "due_times", failing)
    disabled, fired = fire(conn)
    assert isinstance(disabled, Disabled)
    assert (disabled.schedule.name, disabled.reason) == ("bad", "OverflowError")
    assert isinstance(fired, Fired)
    assert not rows.reload(conn, bad).enabled


def test_the_audit_log_shows_what_the_scheduler_disabled(conn: Connection) -> None:
    made = rows.make(conn, now=NOON, cron_expression="no cron", disabled_reason="an old reason")
    fire(conn)
    of_it = audit_log.AuditFilter(resource_type="scheduled_job", resource_id=str(made.id))
    (entry,) = audit_log.list_entries(conn, filters=of_it).entries
    assert entry.before == {"enabled": True, "disabled_reason": "an old reason"}
    assert entry.after == {
        "enabled": False,
        "disabled_reason": rows.reload(conn, made).disabled_reason,
    }


def test_a_job_of_a_schedule_has_three_retries_unless_the_setting_differs(
    conn: Connection,
) -> None:
    rows.make(conn, now=NOON)
    fire(conn)
    found = conn.exec_driver_sql("SELECT max_retries, source FROM crawl_jobs").one()
    assert tuple(found) == (3, JobSource.SCHEDULE)
