"""Maintenance deletes old rows, so that tables stay bounded."""

from datetime import timedelta

import pytest
import structlog
from sqlalchemy import text

from crawler_worker.maintenance.sweeps import Maintenance
from crawljobs import settings
from crawljobs.db.database import Database
from crawljobs.domain.job import JobStatus
from crawljobs.repository.schedules import schedule_deletion
from crawljobs.runtime import metrics
from support import history_rows, jobs
from support import schedule_rows as rows

OLD, NEW = 2_500, 3  # numbers of rows; OLD is more than two chunks


def test_prunes_old_runs_of_schedules_whatever_their_number(database: Database) -> None:
    chosen = settings.read_queue_settings({"LEDGER_RETENTION_DAYS": "7"})
    assert chosen.ledger_retention == timedelta(days=7)
    with database.begin() as conn:
        made = rows.create(conn)
        conn.execute(
            text("""
                INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, fired_at, outcome)
                SELECT :id, at, at, 'missed' FROM (
                    SELECT now() - make_interval(days => 8, mins => n)
                        + CASE WHEN n <= :new THEN INTERVAL '2 days' ELSE INTERVAL '0' END
                    FROM generate_series(1, :new + :old) AS n
                ) AS run (at)
                """),
            {"id": made.id, "old": OLD, "new": NEW},
        )
    maintenance = Maintenance(database, chosen)
    # The second prune is not due yet and deletes nothing.
    for _ in range(2):
        maintenance.prune()
        with database.begin() as conn:
            assert len(rows.ledger(conn)) == NEW


def test_prunes_answers_kept_for_repetitions_and_instances_that_are_gone(
    database: Database,
) -> None:
    with database.begin() as conn:
        conn.exec_driver_sql("""
            INSERT INTO idempotency_keys (scope, key, request_hash, status, headers, created_at)
            SELECT 'jobs', n::text, decode(repeat('00', 32), 'hex'), 200, '{}',
                now() - n * interval '10 hours' FROM generate_series(1, 5) AS n;
            INSERT INTO service_instances (name, role, version, details, seen_at)
            SELECT 'w' || n, 'crawler-worker', '1', '{}', now() - n * interval '10 hours'
            FROM generate_series(1, 5) AS n
            """)
    Maintenance(database, settings.read_queue_settings({})).prune()
    with database.begin() as conn:
        kept = conn.exec_driver_sql(
            "SELECT key FROM idempotency_keys UNION ALL SELECT name FROM service_instances"
        )
        assert sorted(kept.scalars()) == ["1", "2", "w1", "w2"]


@pytest.mark.parametrize(
    ("variables", "scores", "counts"),
    [
        ({}, 4, 2),
        ({"SCORE_HISTORY_DAYS": "2"}, 2, 2),
        ({"SCORE_HISTORY_DAYS": "3", "SUBREDDIT_COUNT_DAYS": "0"}, 3, 4),
    ],
)
def test_prunes_former_numbers_for_as_long_as_their_settings_say(
    database: Database, variables: dict[str, str], scores: int, counts: int
) -> None:
    with database.begin() as conn:
        conn.exec_driver_sql("""
            INSERT INTO subreddits (name) VALUES ('python');
            INSERT INTO post_scores (post_id, seen_at)
            SELECT 'p1', now() - n * interval '22 hours' FROM generate_series(1, 4) AS n;
            INSERT INTO subreddit_counts (subreddit_id, seen_at)
            SELECT id, now() - n * interval '180 days' FROM subreddits, generate_series(1, 4) AS n
            """)
    Maintenance(database, settings.read_queue_settings(variables)).prune()
    with database.begin() as conn:
        kept = "SELECT (SELECT count(*) FROM post_scores), (SELECT count(*) FROM subreddit_counts)"
        assert tuple(conn.exec_driver_sql(kept).one()) == (scores, counts)


def test_the_history_keeps_minutes_for_14_days_and_hours_for_366_days(database: Database) -> None:
    with database.begin() as conn:
        now = conn.execute(text("SELECT date_bin('1 hour', now(), 'epoch')")).scalar_one()
        for age in (13, 15):
            history_rows.fill(conn, minutes=1, until=now - timedelta(days=age))
        for age in (365, 367):
            history_rows.fill(conn, minutes=0, hours=1, until=now - timedelta(days=age))
    Maintenance(database, settings.read_queue_settings({})).prune()
    with database.begin() as conn:
        for table in ("queue_history", "budget_history", "webhook_history"):
            kept = text(
                f"SELECT step_minutes, extract(day FROM now() - at) FROM {table} ORDER BY 1"
            )
            assert [(step, int(days)) for step, days in conn.execute(kept)] == [(1, 13), (60, 365)]


def test_a_turn_comes_back_a_little_before_its_interval(database: Database) -> None:
    """Runs vary by a tenth of their interval.

    A run that comes a little early must not be skipped.
    """
    maintenance = Maintenance(database, settings.read_queue_settings({}))
    every = settings.read_queue_settings({}).maintenance_every
    for passed, pruned in ((0.0, 1), (0.5, 0), (0.79, 0), (0.85, 1), (1.0, 1)):
        with database.begin() as conn:
            conn.execute(
                text("UPDATE maintenance_runs SET last_run_at = now() - CAST(:ago AS interval)"),
                {"ago": passed * every},
            )
            jobs.in_status(conn, JobStatus.SUCCEEDED)
            conn.execute(text("UPDATE crawl_jobs SET finished_at = now() - interval '99 days',"
                              " created_at = now() - interval '99 days'"))  # fmt: skip
        assert maintenance.prune() == pruned, passed
        with database.begin() as conn:
            conn.execute(text("DELETE FROM crawl_jobs"))


@pytest.mark.parametrize(
    "table",
    ["crawl_jobs", "job_groups", "scheduled_job_runs", "idempotency_keys", "service_instances"],
)
def test_one_kind_that_cannot_be_deleted_stops_no_other(database: Database, table: str) -> None:
    with database.begin() as conn:
        made = rows.create(conn)
        conn.execute(
            text("""
            INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, fired_at, outcome)
            VALUES (:id, now() - interval '999 days', now() - interval '999 days', 'missed')
            """),
            {"id": made.id},
        )
        jobs.in_status(conn, JobStatus.SUCCEEDED)
        conn.exec_driver_sql(f"""
            UPDATE crawl_jobs SET finished_at = now() - interval '99 days',
                created_at = now() - interval '99 days';
            INSERT INTO idempotency_keys (scope, key, request_hash, status, headers, created_at)
            VALUES ('jobs', '1', decode(repeat('00', 32), 'hex'), 200, '{{}}',
                now() - interval '9 days');
            INSERT INTO service_instances (name, role, version, details, seen_at)
            VALUES ('w', 'crawler-worker', '1', '{{}}', now() - interval '9 days');
            INSERT INTO job_groups (created_by, sealed_at, finished_at, outcome)
            VALUES ('ada', now(), now() - interval '99 days', 'succeeded');
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'never'; END $$;
            CREATE TRIGGER refuse BEFORE DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse()
            """)
    with structlog.testing.capture_logs() as told:
        Maintenance(database, settings.read_queue_settings({})).prune()
    assert [line["event"] for line in told if line["log_level"] == "error"] == [
        "maintenance.row_passed_over"
    ]
    with database.begin() as conn:
        left = {
            name: rows.count(conn, name)
            for name in (
                "crawl_jobs", "job_groups", "scheduled_job_runs", "idempotency_keys",
                "service_instances",
            )
        }  # fmt: skip
    assert left == dict.fromkeys(left, 0) | {table: 1}


@pytest.mark.parametrize(
    ("table", "actions"),
    [
        ("idempotency_keys", ["idempotency_key.pruned"]),
        ("service_instances", ["instance.pruned"]),
        ("scheduled_job_runs", ["schedule_run.pruned", "schedule_run.orphans_pruned"]),
    ],
)
def test_a_kind_that_fails_as_a_whole_is_logged_with_its_error(
    database: Database, table: str, actions: list[str]
) -> None:
    """No single row causes the error, so the sweep logs it once.

    Rows of other kinds are deleted.
    """
    with database.begin() as conn:
        jobs.in_status(conn, JobStatus.SUCCEEDED)
        conn.exec_driver_sql(f"""
            UPDATE crawl_jobs SET finished_at = now() - interval '99 days',
                created_at = now() - interval '99 days';
            ALTER TABLE {table} RENAME TO away
            """)
    with structlog.testing.capture_logs() as told:
        assert Maintenance(database, settings.read_queue_settings({})).prune() == 1
    failed = [line for line in told if line["event"] == "prune.failed"]
    assert [line["action"] for line in failed] == actions
    assert all(line["log_level"] == "error" and line["exc_info"] for line in failed)


def test_the_ledger_of_a_deleted_schedule_goes_in_pieces(database: Database) -> None:
    with database.begin() as conn:
        kept, gone = rows.create(conn, "kept"), rows.create(conn, "gone")
        for schedule in (kept, gone):
            conn.execute(
                text("""
                INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, outcome)
                SELECT :id, now() - n * interval '1 minute', 'missed'
                FROM generate_series(1, :count) AS n
                """),
                {"id": schedule.id, "count": OLD},
            )
        schedule_deletion.delete_schedule(conn, schedule_id=gone.id)
    Maintenance(database, settings.read_queue_settings({})).prune()
    with database.begin() as conn:
        assert {run["scheduled_job_id"] for run in rows.ledger(conn)} == {kept.id}
        assert rows.count(conn, "scheduled_job_runs") == OLD


def test_prunes_old_events_of_webhooks_and_counts_undelivered_ones(database: Database) -> None:
    """A held delivery is dropped with its event, and its attempts are deleted too."""
    chosen = settings.read_queue_settings({"WEBHOOK_RETENTION_DAYS": "7"})
    with database.begin() as conn:
        conn.execute(
            text("""
                INSERT INTO webhook_events (type, data, created_at, expanded_at)
                SELECT 'job.failed', '{}', now() - interval '8 days'
                    + CASE WHEN n <= :new THEN interval '2 days' ELSE interval '0' END,
                    CASE WHEN n % 2 = 0 THEN now() END -- without a master key, none is expanded
                FROM generate_series(1, :new + :old) AS n
            """),
            {"old": OLD, "new": NEW},
        )
        conn.execute(
            text("""
                INSERT INTO webhook_deliveries (event_id, endpoint_id, state, ended_at)
                SELECT id, endpoint, state, CASE WHEN state = 'delivered' THEN now() END
                FROM webhook_events, (VALUES (1, 'held'), (2, 'delivered')) AS d (endpoint, state)
            """)
        )
        conn.execute(
            text("""
                INSERT INTO webhook_attempts (delivery_id, number, started_at, duration_ms, result)
                SELECT id, 1, now(), 1, 'timeout' FROM webhook_deliveries
            """)
        )
    before = metrics.webhook_deliveries_dropped._value.get()
    Maintenance(database, chosen).prune()
    with database.begin() as conn:
        left = {
            table: conn.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in ("webhook_events", "webhook_deliveries", "webhook_attempts")
        }
    assert left == {
        "webhook_events": NEW,
        "webhook_deliveries": 2 * NEW,
        "webhook_attempts": 2 * NEW,
    }
    assert metrics.webhook_deliveries_dropped._value.get() - before == OLD
