"""A job that the rescue fails for good gets an audit row in the same transaction."""

import uuid
from datetime import timedelta

import structlog
from sqlalchemy import text

from crawler_worker.maintenance.sweeps import Maintenance
from crawljobs import settings
from crawljobs.db.database import Database
from crawljobs.domain.job import JobSource
from crawljobs.repository.operations import audit_log
from crawljobs.repository.queue import job_claim
from support import enqueueing
from support.waiting import wait_until

NAMES = ["with_a_retry", "last_attempt", "no_retries"]


def test_each_job_failed_by_the_rescue_is_audited_and_the_others_are_not(
    database: Database,
) -> None:
    with database.begin() as conn:
        made = {
            name: enqueueing.enqueue(
                conn,
                subreddit=name,
                priority=50,
                source=JobSource.USER,
                max_retries=3 if name == "with_a_retry" else 0,
            ).job_id
            for name in NAMES
        }
        claimed = job_claim.claim_jobs(
            conn, worker="dead", claim_token=uuid.uuid4(), at_most=10, lease_seconds=30
        )
        assert len(claimed) == len(NAMES)
        conn.execute(
            text("UPDATE crawl_jobs SET lease_expires_at = clock_timestamp() - :ago"),
            {"ago": timedelta(hours=1)},
        )
    maintenance = Maintenance(database, settings.read_queue_settings({"LEASE_SECONDS": "1"}))
    rescued = 0

    def all_rescued() -> bool:
        nonlocal rescued
        rescued += maintenance.rescue()
        return rescued >= len(NAMES)

    wait_until(all_rescued, timeout=20, describe="three rescued jobs")
    with database.begin() as conn:
        statuses = {
            row.id: row.status for row in conn.execute(text("SELECT id, status FROM crawl_jobs"))
        }
        rows = audit_log.list_entries(conn).entries
    failed = {made["last_attempt"], made["no_retries"]}
    assert {job_id for job_id, status in statuses.items() if status == "failed"} == failed
    assert sorted(row.resource_id or "" for row in rows) == sorted(map(str, failed))
    for row in rows:
        assert (row.actor, row.action, row.resource_type) == (
            "system:crawler-worker",
            "rescue",
            "crawl_job",
        )
        assert (row.before, row.after) == ({"status": "crawling"}, {"status": "failed"})


def test_a_rescue_that_cannot_be_audited_does_not_happen(database: Database) -> None:
    with database.begin() as conn:
        enqueueing.enqueue(
            conn, subreddit="last", priority=50, source=JobSource.USER, max_retries=0
        )
        job_claim.claim_jobs(
            conn, worker="dead", claim_token=uuid.uuid4(), at_most=1, lease_seconds=30
        )
        conn.execute(text("UPDATE crawl_jobs SET lease_expires_at = '2001-01-01'"))
        conn.execute(
            text("ALTER TABLE admin_audit_log ADD CONSTRAINT broken CHECK (actor = 'none')")
        )
    maintenance = Maintenance(database, settings.read_queue_settings({"LEASE_SECONDS": "1"}))

    def refused() -> bool:
        with structlog.testing.capture_logs() as lines:
            assert maintenance.rescue() == 0
        return any("broken" in line.get("reason", "") for line in lines)

    wait_until(refused, timeout=20, describe="the audit row to be refused")
    with database.begin() as conn:
        assert conn.execute(text("SELECT status FROM crawl_jobs")).scalar_one() == "crawling"
