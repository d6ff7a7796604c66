"""The worker's sweeps: each runs at once, none stops another, and all end when told to stop."""

import math

import pytest
import structlog
from sqlalchemy import text

from crawler_worker.maintenance import Maintenance
from crawljobs import errors, settings
from crawljobs.db.database import Database
from crawljobs.domain.job import JobStatus
from crawljobs.repository import job_maintenance
from support import jobs
from support.waiting import wait_until

SECONDS = 10
# One job that waits and is due, one whose worker is gone, one that is starved, one that is old.
READY = """
    UPDATE crawl_jobs SET visible_at = now() - interval '1 s' WHERE id = :waiting;
    UPDATE crawl_jobs SET lease_expires_at = now() - interval '1 s' WHERE id = :crawling;
    UPDATE crawl_jobs SET queued_at = now() - interval '2 h' WHERE id = :queued;
    UPDATE crawl_jobs SET finished_at = now() - interval '90 days' WHERE id = :old;
"""


def swept(database: Database) -> dict[str, int]:
    with database.begin() as conn:
        in_status = [JobStatus.WAITING, JobStatus.CRAWLING, JobStatus.QUEUED]
        made = {str(status): jobs.in_status(conn, status, f"is_{status}") for status in in_status}
        made["old"] = jobs.in_status(conn, JobStatus.CANCELLED, "is_old")
        for statement in READY.strip().splitlines():
            name = statement.strip().rstrip(";").rpartition(":")[2]
            conn.execute(text(statement), {name: made[name]})
    return made


def state(database: Database) -> dict[int, tuple[str, int]]:
    with database.begin() as conn:
        rows = conn.execute(text("SELECT id, status, priority FROM crawl_jobs")).all()
    return {row.id: (row.status, row.priority) for row in rows}


def test_every_sweep_runs_at_once_and_none_after_the_stop(database: Database) -> None:
    made = swept(database)
    maintenance = Maintenance(database, settings.read_queue_settings({"LEASE_SECONDS": "1"}))
    assert maintenance.seconds_since_beat() == math.inf
    maintenance.start()

    def is_swept() -> bool:
        now = state(database)
        return (
            now[made["waiting"]][0] == "queued"
            and now[made["crawling"]][0] == "queued"
            and now[made["queued"]][1] > 50
            and made["old"] not in now
        )

    try:
        wait_until(is_swept, timeout=SECONDS, describe=lambda: state(database))
        assert maintenance.seconds_since_beat() == 0.0
    finally:
        maintenance.stop()
    wait_until(
        lambda: maintenance.seconds_since_beat() == math.inf,
        timeout=SECONDS,
        describe="the thread of the sweeps to end",
    )


@pytest.mark.parametrize(
    ("error", "event", "task"),
    [
        (errors.DatabaseUnavailable("down"), "maintenance.postponed", "requeue"),
        # A fault of one sweep is logged by the sweep, so that the others of the task run.
        (ZeroDivisionError("a mistake"), "maintenance.failed", "job.requeued"),
    ],
)
def test_a_sweep_that_fails_is_logged_and_runs_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, error: Exception, event: str, task: str
) -> None:
    tried: list[int] = []

    def fail(*_: object, **__: object) -> int:
        tried.append(1)
        raise error

    monkeypatch.setattr(job_maintenance, "requeue_due_jobs", fail)
    chosen = settings.read_queue_settings({"REQUEUE_SECONDS": "0.1"})
    maintenance = Maintenance(database, chosen)
    with structlog.testing.capture_logs() as logged:
        maintenance.start()
        try:
            wait_until(lambda: len(tried) >= 2, timeout=SECONDS, describe="another try")
        finally:
            maintenance.stop()
    assert {line["task"] for line in logged if line["event"] == event} == {task}


def test_a_sweep_goes_on_until_a_chunk_is_not_full_and_logs_the_sum(database: Database) -> None:
    chunks = iter([job_maintenance.CHUNK, job_maintenance.CHUNK, 1, 0])
    committed: list[int] = []
    maintenance = Maintenance(database, settings.read_queue_settings({}))
    with structlog.testing.capture_logs() as logged:
        total = maintenance._sweep(
            "job.swept", lambda _: next(chunks), then=lambda: committed.append(1)
        )
    assert total == 2 * job_maintenance.CHUNK + 1
    assert len(committed) == 3
    assert [(line["event"], line["count"]) for line in logged] == [("job.swept", total)]
