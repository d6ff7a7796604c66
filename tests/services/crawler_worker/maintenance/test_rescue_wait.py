"""After an outage of the database, the rescue waits until each worker could extend its claims."""

import pytest
import structlog

from crawler_worker.maintenance import rescuing
from crawler_worker.maintenance.sweeps import Maintenance
from crawljobs import errors, settings
from crawljobs.db.database import Database
from crawljobs.domain.job import JobStatus
from crawljobs.repository.operations import frozen_sessions
from crawljobs.repository.queue.maintenance import job_maintenance
from support import jobs
from support.counted import counted
from support.manual_clock import ManualClock

LEASE = {"LEASE_SECONDS": "30"}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    made = ManualClock()
    monkeypatch.setattr(rescuing, "time", made)
    return made


@pytest.fixture
def abandoned(database: Database, monkeypatch: pytest.MonkeyPatch) -> int:
    """Store a job whose worker is gone. The rescue treats the server as started long ago."""
    rescue = job_maintenance.rescue_stuck_jobs
    monkeypatch.setattr(
        job_maintenance,
        "rescue_stuck_jobs",
        lambda conn, **options: rescue(conn, **{**options, "lease_seconds": 0.0}),
    )
    with database.begin() as conn:
        jobs.enqueue(conn, now=None)
        (claim,) = jobs.claim_all(conn, now=None)
        conn.exec_driver_sql("UPDATE crawl_jobs SET lease_expires_at = now() - interval '1 s'")
    return claim.job_id


def status(database: Database, job_id: int) -> JobStatus:
    with database.begin() as conn:
        return jobs.job(conn, job_id).status


def test_a_worker_that_starts_rescues_at_once_and_logs_and_counts_each_job(
    database: Database, clock: ManualClock, abandoned: int
) -> None:
    maintenance = Maintenance(database, settings.read_queue_settings(LEASE))
    with structlog.testing.capture_logs() as logged, counted() as grown:
        assert maintenance.rescue() == 1
    assert status(database, abandoned) is JobStatus.QUEUED
    (line,) = [one for one in logged if one["event"] == "job.rescued"]
    assert (line["job_id"], line["status"], line["log_level"]) == (abandoned, "queued", "warning")
    assert grown == {"job_attempts_total{lease_expired}": 1, "job_retries_total{}": 1}


def test_after_an_outage_the_rescue_waits_for_one_lease_and_only_asks_meanwhile(
    database: Database, clock: ManualClock, abandoned: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    maintenance = Maintenance(database, settings.read_queue_settings(LEASE))

    def down(*_: object, **__: object) -> None:
        raise errors.DatabaseUnavailable("down")

    with monkeypatch.context() as outage:
        outage.setattr(Database, "run", down)
        outage.setattr(Database, "check_reachable", down)
        with pytest.raises(errors.DatabaseUnavailable):
            maintenance.rescue()
        clock.now += 20
        with pytest.raises(errors.DatabaseUnavailable):  # the database is still down
            maintenance.rescue()
    clock.now += 29
    assert maintenance.rescue() == 0
    assert status(database, abandoned) is JobStatus.CRAWLING
    clock.now += 1
    assert maintenance.rescue() == 1
    assert status(database, abandoned) is JobStatus.QUEUED


def test_a_frozen_session_that_was_ended_is_logged(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frozen_sessions, "end_frozen_sessions", lambda _: ["worker-9"])
    with structlog.testing.capture_logs() as logged:
        Maintenance(database, settings.read_queue_settings({})).rescue()
    assert logged == [
        {
            "event": "session.ended",
            "log_level": "warning",
            "application": "worker-9",
            "reason": "silent in mid-statement",
        }
    ]


def test_a_rescue_takes_its_limits_from_the_settings(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, object]] = []

    def chunk(_: object, **options: object) -> list[object]:
        given.append(options)
        return []

    monkeypatch.setattr(job_maintenance, "rescue_stuck_jobs", chunk)
    chosen = settings.read_queue_settings({**LEASE, "RESET_CRAWLING_AFTER_MIN": "45"})
    Maintenance(database, chosen).rescue()
    (options,) = given
    assert (options["lease_seconds"], options["retry"]) == (30.0, chosen.retry)
    assert options["reset_after"] == chosen.reset_crawling_after
