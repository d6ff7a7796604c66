"""A dump that is restored elsewhere, as in the runbook, is the same system and continues."""

import subprocess
import uuid

import psycopg

from crawljobs.db import schema
from crawljobs.db.administration import drift
from crawljobs.db.database import Database
from crawljobs.domain.job import JobSource
from crawljobs.repository.queue import job_claim
from onebox.postgres import binaries
from support import enqueueing, jobs

DEADLINE_SECONDS = 40


def copy(source: str, target: str) -> None:
    """Copy a database with pg_dump and psql, which work with every supported server version."""
    tools = binaries.embedded_bindir()
    dumped = subprocess.run(
        [tools / "pg_dump", "--no-owner", "--dbname", source],
        capture_output=True,
        timeout=DEADLINE_SECONDS,
        check=True,
    )
    subprocess.run(
        # Without ON_ERROR_STOP, because an older server does not know every setting in the dump.
        [tools / "psql", "--no-psqlrc", "--quiet", "--dbname", target],
        input=dumped.stdout,
        capture_output=True,
        timeout=DEADLINE_SECONDS,
        check=True,
    )


def counted(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as conn:
        return conn.execute(
            "SELECT status, claimed_by, count(*) FROM crawl_jobs GROUP BY 1, 2 "
            "UNION ALL SELECT status, 'counted', jobs FROM crawl_job_counts ORDER BY 1, 2"
        ).fetchall()


def test_a_restored_dump_has_no_drift_the_same_jobs_and_takes_new_ones(
    database: Database, database_url: str, empty_database_url: str
) -> None:
    with database.begin() as conn:
        for number, status in enumerate(jobs.JobStatus):
            jobs.in_status(conn, status, f"sub_{number}")
    copy(database_url, empty_database_url)
    assert counted(empty_database_url) == counted(database_url)
    restored = Database(empty_database_url)
    try:
        assert drift.find(restored) == []
        with restored.begin() as conn:
            schema.check_schema(conn)
            made = enqueueing.enqueue(conn, subreddit="after", priority=99, source=JobSource.USER)
            (claim, *_) = job_claim.claim_jobs(
                conn, worker="w", claim_token=uuid.uuid4(), at_most=1, lease_seconds=30
            )
        assert claim.job_id == made.job_id
    finally:
        restored.close()
