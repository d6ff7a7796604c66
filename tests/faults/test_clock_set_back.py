"""F32: the database's clock is set back by two hours, as a failover can do."""

from datetime import timedelta

from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.domain.job import JobSource, JobStatus
from crawljobs.repository.operations import task_turns
from support import enqueueing, jobs
from support.crew import PRODUCTION, Crew
from support.reddit_sandbox import RunningSandbox
from support.watched_queue import WatchedQueue

SETBACK = timedelta(hours=2)
DEADLINE_SECONDS = 60
CLIENT = "tests"


def test_everything_goes_on_within_seconds(
    queue: WatchedQueue, crew: Crew, sandbox: RunningSandbox, database: Database
) -> None:
    """All stored times are two hours in the future: budget, pauses, leases, retries and turns."""
    crew.sandbox_url = sandbox.url
    held, retried, deferred = queue.enqueue("empty_1", "empty_2", "empty_3", max_retries=9)
    with database.begin() as conn:
        now = conn.execute(text("SELECT clock_timestamp()")).scalar_one() + SETBACK
        for job_id, how in ((held, None), (retried, "schedule_retry"), (deferred, "defer")):
            claim = jobs.claim_one(conn, now=now)
            assert claim.job_id == job_id
            if how is not None:
                jobs.end_at(conn, claim, how, now=now)
        conn.execute(
            text(
                "UPDATE crawl_jobs SET lease_expires_at = progress_at + interval '2 seconds' "
                "WHERE status = 'crawling'"
            )
        )
        queued = enqueueing.enqueue(
            conn, subreddit="empty_4", priority=50, source=JobSource.USER, now=now
        ).job_id
        conn.execute(
            text(
                "INSERT INTO reddit_budgets (client_id, next_slot_at, window_started_at, reserved, "
                "requests_per_window, paused_until, outage_until, recent_failures) VALUES "
                "(:client, :now, :now, 970, 1000, :now, :now, 1)"
            ),
            {"client": CLIENT, "now": now},
        )
        for task in ("prune", "revisit", "clock", "refresh"):
            assert task_turns.take_turn(conn, task=task, every=SETBACK, now=now)
    queue.accepted.append(queued)
    worker = crew.start(PRODUCTION)
    queue.wait_until_ended(timeout=DEADLINE_SECONDS, describe=crew.log)
    assert {queue.job(job_id).status for job_id in queue.accepted} == {JobStatus.SUCCEEDED}
    assert queue.outcomes(held) == ["lease_expired", "succeeded"]
    assert "clock.mended" in worker.log.read_text()
