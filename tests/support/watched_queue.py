"""A queue for tests of failures. The database records every change of the queue.

Triggers record each change of a job's status and each wrong write of crawled data. So tests find
errors that later rows do not show: a finished job that came back, or a page stored without claim.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import text

from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.domain.attempt import Attempt
from crawljobs.domain.job import FINAL, Job, JobSource, JobStatus
from crawljobs.domain.transitions import TRANSITIONS
from crawljobs.repository.queue import job_reads
from support import enqueueing, invariants, job_verbs, listed_jobs
from support.waiting import wait_until

T = TypeVar("T")
DEADLINE_SECONDS = 30  # on an overloaded machine

# A transaction that stores a page also writes the checkpoint of the claim. So when it ends, the
# job's row has the id of the transaction (xmin).
_RECORD = """
    CREATE TABLE recorded_changes (
        id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz DEFAULT clock_timestamp(),
        job_id bigint, was text, is_now text
    );
    CREATE TABLE recorded_offences (
        at timestamptz DEFAULT clock_timestamp(), what text, job_id bigint, details text
    );
    CREATE FUNCTION record_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF TG_OP = 'INSERT' OR OLD.status <> NEW.status THEN
            INSERT INTO recorded_changes (job_id, was, is_now)
            VALUES (NEW.id, CASE WHEN TG_OP = 'UPDATE' THEN OLD.status END, NEW.status);
        ELSIF NEW.status = 'crawling' AND NEW.claim_token <> OLD.claim_token THEN
            INSERT INTO recorded_offences (what, job_id) VALUES ('claim taken', NEW.id);
        ELSIF NEW.status = 'crawling' AND NEW.checkpoint->>'by' <> NEW.claim_token::text
                AND NEW.checkpoint IS DISTINCT FROM OLD.checkpoint THEN
            INSERT INTO recorded_offences (what, job_id, details)
            VALUES ('checkpoint of another claim', NEW.id, NEW.checkpoint::text);
        ELSIF (NEW.checkpoint->>'by') IS NOT NULL
                AND (NEW.checkpoint->>'page')::int NOT IN (
                    coalesce((OLD.checkpoint->>'page')::int, 0),
                    coalesce((OLD.checkpoint->>'page')::int, 0) + 1) THEN
            INSERT INTO recorded_offences (what, job_id, details)
            VALUES ('page lost or stored twice', NEW.id, NEW.checkpoint::text);
        END IF;
        RETURN NULL;
    END $$;
    CREATE FUNCTION record_page() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF NOT EXISTS (
            SELECT FROM crawl_jobs
            WHERE status = 'crawling' AND xmin = pg_current_xact_id()::xid
        ) THEN
            INSERT INTO recorded_offences (what, details)
            VALUES ('crawled data without a claim', TG_TABLE_NAME);
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER record_change AFTER INSERT OR UPDATE ON crawl_jobs
        FOR EACH ROW EXECUTE FUNCTION record_change();
    CREATE CONSTRAINT TRIGGER record_page AFTER INSERT OR UPDATE ON posts
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION record_page();
    CREATE CONSTRAINT TRIGGER record_page AFTER INSERT OR UPDATE ON comments
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION record_page();
"""

_ALLOWED = {
    (was, now) for sources, targets in TRANSITIONS.values() for was in sources for now in targets
}
_BORN = {JobStatus.QUEUED, JobStatus.WAITING}


class WatchedQueue:
    """Enqueues jobs, and checks their states and the recorded changes."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.accepted: list[int] = []
        with database.begin() as conn:
            conn.execute(text(_RECORD))

    def enqueue(self, *names: str, **options: Any) -> list[int]:
        """Enqueue subreddits, and return the job ids in the order of the names after the commit."""
        asked = {"priority": 50, "source": JobSource.USER, **options}
        with self.database.begin() as conn:
            enqueued = enqueueing.enqueue_many(conn, subreddits_named=names, **asked)
        self.accepted += [one.job_id for one in enqueued]
        return [one.job_id for one in enqueued]

    def job(self, job_id: int) -> Job:
        with self.database.begin() as conn:
            found = job_reads.get_job(conn, job_id=job_id)
        assert found is not None, f"job {job_id} is lost"
        return found

    def attempts(self, job_id: int) -> list[Attempt]:
        """Return the attempts of a job, the oldest first."""
        with self.database.begin() as conn:
            return job_reads.list_attempts(conn, job_id=job_id)[::-1]

    def outcomes(self, job_id: int) -> list[str]:
        return [attempt.outcome.value for attempt in self.attempts(job_id)]

    def rows(self, query: str, **values: Any) -> list[Any]:
        with self.database.begin() as conn:
            return list(conn.execute(text(query), values))

    def value(self, query: str, **values: Any) -> Any:
        ((value,),) = self.rows(query, **values)
        return value

    def claimed(self, by: str | None = None) -> list[Job]:
        """Return the crawling jobs, or only those that the worker `by` crawls."""
        with self.database.begin() as conn:
            jobs = listed_jobs.list_jobs(conn, statuses=[JobStatus.CRAWLING], limit=500)
        return [job for job in jobs if by is None or job.claimed_by == by]

    def wait_for(self, job_id: int, *statuses: JobStatus, timeout: float = DEADLINE_SECONDS) -> Job:
        return wait_until(
            lambda: (job := self.job(job_id)).status in statuses and job,
            timeout=timeout,
            describe=lambda: f"job {job_id} to be {statuses}: {self.job(job_id)}",
        ) or self.job(job_id)

    def wait_until_ended(
        self,
        *,
        timeout: float = DEADLINE_SECONDS,
        meanwhile: Callable[[], object] = lambda: None,
        describe: Callable[[], object] = lambda: "",
    ) -> None:
        """Wait until every job is in a final state (invariant I4: after faults, all jobs end).

        To save time, jobs that wait for the end of an outage are woken.
        """

        def all_ended() -> bool:
            meanwhile()
            self.wake()
            return not self.live()

        wait_until(all_ended, timeout=timeout, describe=lambda: f"{self.live()}\n{describe()}")

    def lease(self, job_id: int) -> datetime:
        """Return the end of the job's lease, or the earliest possible time if it has no lease."""
        return self.job(job_id).lease_expires_at or datetime.min.replace(tzinfo=UTC)

    def wait_until_extended(self, job_id: int, beyond: datetime) -> None:
        wait_until(
            lambda: self.lease(job_id) > beyond,
            timeout=DEADLINE_SECONDS,
            describe=lambda: self.job(job_id),
        )

    def pages_stored(self) -> int:
        return int(self.value("SELECT count(*) FROM posts"))

    def wait_until_stored(self, pages: int) -> None:
        """Wait until this number of pages is stored, or until no job is live."""
        wait_until(
            lambda: self.pages_stored() >= pages or not self.live(),
            timeout=2 * DEADLINE_SECONDS,
            describe=lambda: f"{pages} pages: {self.pages_stored()} {self.live()}",
        )

    def wait_until_requested(self, requests: int, *, describe: Callable[[], object]) -> None:
        """Wait until the checkpoints show at least this number of requests to Reddit."""
        made = "SELECT coalesce(sum((checkpoint->>'requests')::int), 0) FROM crawl_jobs"
        wait_until(
            lambda: self.value(made) >= requests, timeout=DEADLINE_SECONDS, describe=describe
        )

    def live(self) -> list[Any]:
        return self.rows(
            "SELECT id, status, wait_reason, claimed_by, retries, error_message FROM crawl_jobs "
            "WHERE status NOT IN ('succeeded', 'failed', 'cancelled')"
        )

    def wake(self) -> None:
        """Wake all jobs that wait for the end of an outage."""
        waiting = self.rows(
            "SELECT id FROM crawl_jobs WHERE status = 'waiting' AND wait_reason = 'outage'"
        )
        for row in waiting:
            try:
                with self.database.begin() as conn:
                    job_verbs.wake(conn, job_id=row.id)
            except errors.IllegalTransition:
                continue  # the job has stopped waiting meanwhile

    def check(self) -> None:
        """Check the invariants in the present rows and in the recorded changes."""
        with self.database.begin() as conn:
            invariants.check(conn, accepted=self.accepted)
            _check_recorded(conn)

    def check_ended(self, *, charged: dict[int, int] | None = None) -> None:
        """Check that all jobs succeeded, and that only the jobs in `charged` used retries."""
        self.check()
        wanted = dict.fromkeys(self.accepted, 0) | (charged or {})
        found = {job_id: self.job(job_id) for job_id in wanted}
        assert {job.status for job in found.values()} <= {JobStatus.SUCCEEDED}, found
        assert {job_id: job.retries for job_id, job in found.items()} == wanted, {
            job_id: self.attempts(job_id) for job_id in wanted
        }

    def check_pages(self, pages: int) -> None:
        """Check that each scripted crawl stored all its pages and wrote the last checkpoint."""
        jobs = self.rows(
            "SELECT job.id, (job.checkpoint->>'page')::int AS page, "
            "(SELECT count(*) FROM posts WHERE id LIKE job.id || 'p%') AS posts "
            "FROM crawl_jobs AS job JOIN subreddits ON subreddits.id = subreddit_id "
            "WHERE name LIKE 'pages%' AND status = 'succeeded'"
        )
        assert jobs
        assert [job for job in jobs if (job.page, job.posts) != (pages, pages)] == []

    def when_reachable(self, ask: Callable[[], T], timeout: float = DEADLINE_SECONDS) -> T:
        """Call `ask`, and return its result. Call it again while the database is unavailable."""
        answer: list[T] = []

        def try_once() -> bool:
            try:
                answer.append(ask())
            except errors.DatabaseUnavailable:
                return False
            return True

        wait_until(try_once, timeout=timeout, describe="the database to be there")
        return answer[0]

    def backends(self, application: str = "crawljobs worker%") -> list[int]:
        """Return the pids of the server's sessions for workers in this database."""
        return [
            row.pid
            for row in self.rows(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                "AND application_name LIKE :application",
                application=application,
            )
        ]

    def wait_until_left(self, timeout: float = DEADLINE_SECONDS) -> None:
        """Wait until all workers' connections have ended (invariant I10)."""
        wait_until(lambda: not self.backends(), timeout=timeout, describe=lambda: self.backends())


def _check_recorded(conn: Connection) -> None:
    offences = conn.execute(text("SELECT what, job_id, details FROM recorded_offences")).all()
    assert offences == []
    changes = conn.execute(
        text("SELECT job_id, was, is_now FROM recorded_changes ORDER BY id")
    ).all()
    assert [change for change in changes if not _is_legal(change.was, change.is_now)] == []
    came_back = [change for change in changes if change.was in {str(state) for state in FINAL}]
    assert came_back == [], "no operator asked for that"


def _is_legal(was: str | None, is_now: str) -> bool:
    if was is None:
        return is_now in _BORN
    return (JobStatus(was), JobStatus(is_now)) in _ALLOWED
