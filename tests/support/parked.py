"""Create pauses, crawl gaps and deferrals for a test, and read the jobs that they park."""

from datetime import datetime, timedelta

from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain import completion
from crawljobs.domain.claim import Claim
from crawljobs.domain.job import PARKED_MAX_SECONDS, JobStatus, WaitReason
from crawljobs.repository.content import crawl_history, politeness_gaps, stored_subreddits
from crawljobs.repository.content.crawl_history import Marks
from crawljobs.repository.queue import job_completion, parked_jobs, queue_pauses
from support import jobs
from support.jobs import T0

SECOND = timedelta(seconds=1)

MINUTE = timedelta(minutes=1)

HOUR = timedelta(hours=1)

DAY = timedelta(days=1)

PARKED_MAX = timedelta(seconds=PARKED_MAX_SECONDS)


def scope_of(conn: Connection, name: str = "python") -> int:
    return stored_subreddits.ensure(conn, names=[name], discovered_from=None, depth=0)[name]


def pause(conn: Connection, until: datetime | None = None, now: datetime = T0) -> None:
    queue_pauses.pause(
        conn, scope=scope_of(conn), reason="ours", paused_by="ops", until=until, now=now
    )


def resume(conn: Connection, now: datetime = T0) -> None:
    assert queue_pauses.resume(conn, scope=scope_of(conn), now=now)


def crawl_gap(conn: Connection, gap: timedelta | None, now: datetime = T0) -> None:
    politeness_gaps.set_politeness(
        conn,
        subreddit_id=scope_of(conn),
        request_gap=None,
        crawl_gap=None if gap is None else gap.total_seconds(),
        now=now,
    )


def crawled(conn: Connection, at: datetime = T0) -> None:
    crawl_history.finish_crawl(conn, subreddit_id=scope_of(conn), marks=Marks(), now=at)


def status(conn: Connection, job_id: int) -> JobStatus:
    return jobs.job(conn, job_id).status


def without_cause(conn: Connection, now: datetime = T0) -> list[int]:
    found = parked_jobs.waiting_without_cause(conn, grace=timedelta(0), now=now)
    return [one.job_id for one in found]


def deferred(
    conn: Connection, reason: WaitReason, delay: timedelta, *, claim: Claim | None = None
) -> int:
    """Defer a crawling job at T0 for this reason, and return the job's id."""
    claim = claim or jobs.crawling(conn)
    end = completion.deferred(claim, delay=delay, reason=reason, message="not now")
    job_completion.complete_claim(conn, end, now=T0)
    return claim.job_id


def follow_up(conn: Connection, of: int) -> int:
    query = text("SELECT id FROM crawl_jobs WHERE id > :of ORDER BY id LIMIT 1")
    return int(conn.execute(query, {"of": of}).scalar_one())
