"""The worker's maintenance keeps bounded what nobody else removes."""

from datetime import timedelta

from sqlalchemy import text

from crawler_worker.maintenance import Maintenance
from crawljobs import settings
from crawljobs.db.database import Database
from support import schedule_rows as rows

OLD, NEW = 2_500, 3  # more than two chunks


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
    for _ in range(2):  # the second time it is not its turn, and nothing is left
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
