"""A long sweep, or a row that a sweep cannot change, does not stop the other sweeps."""

from datetime import timedelta

import pytest
import structlog
from sqlalchemy import text

from crawler_worker.maintenance import requeueing, rescuing
from crawler_worker.maintenance.sweeps import Maintenance
from crawljobs import settings
from crawljobs.db.database import Connection, Database
from crawljobs.domain.job import JobStatus
from crawljobs.repository.queue import queue_pauses
from crawljobs.repository.queue.maintenance import clock_setbacks, job_maintenance
from crawljobs.repository.queue.maintenance.row_isolation import TRANSACTIONS_MAX
from support import jobs

REFUSE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'never'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON crawl_jobs FOR EACH ROW
    WHEN (NEW.wait_reason = 'paused') EXECUTE FUNCTION refuse()
    """


def test_a_job_that_cannot_be_parked_stops_no_other_from_being_requeued(
    database: Database,
) -> None:
    with database.begin() as conn:
        stuck = jobs.enqueue(conn, "stuck")
        due = jobs.enqueue(conn, "due", visible_at=jobs.T0 + timedelta(hours=1))
        conn.execute(
            text("UPDATE crawl_jobs SET visible_at = now() - interval '1 s' WHERE id = :id"),
            {"id": due},
        )
        scope = jobs.job(conn, stuck).subreddit_id
        queue_pauses.pause(conn, scope=scope, reason="x", paused_by="y")
        conn.execute(text("UPDATE crawl_jobs SET status = 'queued', wait_reason = NULL"
                          " WHERE id = :id"), {"id": stuck})  # fmt: skip
        conn.execute(text(REFUSE))
    with structlog.testing.capture_logs() as told:
        assert Maintenance(database, settings.read_queue_settings({})).requeue() == 1
    failed = [line["task"] for line in told if line["event"] == "maintenance.row_passed_over"]
    assert failed == ["job.parked"]
    with database.begin() as conn:
        assert jobs.job(conn, due).status is JobStatus.QUEUED


@pytest.mark.parametrize("sweep", ["requeue", "rescue"])
def test_a_backlog_without_end_is_left_for_the_next_turn(
    database: Database, monkeypatch: pytest.MonkeyPatch, sweep: str
) -> None:
    """Both sweeps take turns in one thread. A sweep without end would stop the other."""
    chunks = []

    def endless(_conn: Connection, **_options: object) -> object:
        chunks.append(1)
        return job_maintenance.CHUNK if sweep == "requeue" else [rescued] * job_maintenance.CHUNK

    rescued = job_maintenance.Rescued(1, JobStatus.QUEUED)
    name = {"requeue": "requeue_due_jobs", "rescue": "rescue_stuck_jobs"}[sweep]
    monkeypatch.setattr(job_maintenance, name, endless)
    monkeypatch.setattr(requeueing, "SWEEP_SECONDS", 0.0)
    monkeypatch.setattr(rescuing, "RESCUE_SECONDS", 0.0)
    getattr(Maintenance(database, settings.read_queue_settings({})), sweep)()
    assert 0 < len(chunks) < TRANSACTIONS_MAX


@pytest.mark.parametrize(("is_stopping", "rescued"), [(False, 1), (True, 0)])
def test_a_rescue_continues_after_a_full_chunk_unless_the_worker_stops(
    database: Database, monkeypatch: pytest.MonkeyPatch, is_stopping: bool, rescued: int
) -> None:
    one = job_maintenance.Rescued(1, JobStatus.QUEUED)
    chunks = [[one] * job_maintenance.CHUNK, [one]]
    monkeypatch.setattr(job_maintenance, "rescue_stuck_jobs", lambda *_, **__: chunks.pop(0))
    maintenance = Maintenance(database, settings.read_queue_settings({}))
    if is_stopping:
        maintenance._stopping.set()
    assert maintenance.rescue() == job_maintenance.CHUNK + rescued


def test_all_wrong_times_of_a_kind_are_corrected_in_chunks(database: Database) -> None:
    count = clock_setbacks.CHUNK + 1
    with database.begin() as conn:
        conn.execute(
            text("INSERT INTO service_instances (name, role, version, details, seen_at) "
                 "SELECT 'w' || n, 'scheduler', '1', '{}', now() + interval '400 days' "
                 "FROM generate_series(1, :count) AS n"),
            {"count": count},
        )  # fmt: skip
    assert Maintenance(database, settings.read_queue_settings({})).mend() == count
