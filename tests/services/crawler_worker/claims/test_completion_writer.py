"""The completion writer writes the ends of claims, and reports each end once it has committed."""

import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import event, text
from structlog.testing import capture_logs

from crawler_worker.claims.completion_writer import (
    PAUSE_MAX_SECONDS,
    PAUSE_SECONDS,
    CompletionWriter,
)
from crawler_worker.claims.held_claim import HeldClaim
from crawler_worker.claims.pending_completion import PendingCompletion
from crawljobs.db.database import Connection, Database
from crawljobs.domain import completion
from crawljobs.domain.claim import Claim
from crawljobs.domain.completion import Completion
from crawljobs.domain.job import JobStatus
from crawljobs.repository.queue import job_reads, operator_changes
from support import job_verbs, jobs
from support.waiting import wait_until


class Told:
    """Records for each end whether the writer reported it as written."""

    def __init__(self) -> None:
        self.of: dict[int, list[bool]] = {}

    def __call__(self, end: Completion, is_written: bool) -> None:
        self.of.setdefault(end.claim.job_id, []).append(is_written)

    def wait_for(self, *claims: Claim) -> list[bool]:
        """Wait until the writer has reported the end of each claim, once.

        Return whether each was written.
        """
        wait_until(
            lambda: all(claim.job_id in self.of for claim in claims),
            timeout=10,
            describe=lambda: self.of,
        )
        told = [self.of[claim.job_id] for claim in claims]
        assert all(len(once) == 1 for once in told), told
        return [once[0] for once in told]


@pytest.fixture
def writer(database: Database) -> Iterator[CompletionWriter]:
    started = CompletionWriter(database, on_written=lambda: None)
    started.start()
    yield started
    started.close(5)
    started.join()


def crawling(conn: Connection, *names: str) -> list[Claim]:
    return [jobs.crawling(conn, name) for name in names]


def complete(writer: CompletionWriter, told: Told, *claims: Claim) -> list[HeldClaim]:
    held = [HeldClaim(claim, requested_at=0, lease_seconds=1e9) for claim in claims]
    for one in held:
        writer.submit(one, completion.completed(one.claim, "crawled"), told)
    return held


def test_an_end_is_told_once_and_only_when_it_has_committed(
    database: Database, writer: CompletionWriter
) -> None:
    with database.begin() as conn:
        (claim,) = crawling(conn, "python")
        # The first three COMMITs fail with a conflict. A rollback does not reset the sequence.
        conn.execute(
            text("""
            CREATE SEQUENCE commits;
            CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF nextval('commits') <= 3 THEN RAISE SQLSTATE '40001'; END IF; RETURN NULL;
            END $$;
            CREATE CONSTRAINT TRIGGER conflict AFTER UPDATE ON crawl_jobs
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION conflict()
            """)
        )
    told = Told()
    complete(writer, told, claim)
    assert told.wait_for(claim) == [True]
    with database.begin() as conn:
        assert conn.execute(text("SELECT last_value FROM commits")).scalar_one() == 4


def test_an_end_and_its_event_for_webhooks_commit_together(
    database: Database, writer: CompletionWriter
) -> None:
    with database.begin() as conn:
        first, second = crawling(conn, "python", "rust")
    told = Told()
    complete(writer, told, first)  # no endpoint wants the event yet
    assert told.wait_for(first) == [True]
    with database.begin() as conn:
        # The next event fails once with a conflict. A rollback does not reset the sequence.
        conn.execute(
            text("""
            INSERT INTO webhook_endpoints (url, events, created_by)
            VALUES ('https://x', '{job.succeeded}', 'ada');
            CREATE SEQUENCE events;
            CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF nextval('events') = 1 THEN RAISE SQLSTATE '40001'; END IF; RETURN NEW;
            END $$;
            CREATE TRIGGER conflict BEFORE INSERT ON webhook_events
                FOR EACH ROW EXECUTE FUNCTION conflict()
            """)
        )
    complete(writer, told, second)
    assert told.wait_for(second) == [True]
    with database.begin() as conn:
        found = conn.execute(text("SELECT job_id FROM webhook_events ORDER BY version")).scalars()
        assert [*found] == [second.job_id]
        assert conn.execute(text("SELECT last_value FROM events")).scalar_one() == 2


def test_the_end_of_a_job_with_dependent_steps_wakes_the_resolver(database: Database) -> None:
    with database.begin() as conn:
        watched, other = crawling(conn, "python", "rust")
        conn.execute(
            text("UPDATE crawl_jobs SET watched = true WHERE id = :id"), {"id": watched.job_id}
        )
    woken: list[int] = []
    writer = CompletionWriter(
        database, on_written=lambda: None, on_watched=lambda: woken.append(ended_jobs(database))
    )
    writer.start()
    told = Told()
    complete(writer, told, other)
    assert told.wait_for(other) == [True]
    assert woken == []
    complete(writer, told, watched)
    assert told.wait_for(watched) == [True]
    writer.close(5)
    writer.join()
    assert woken == [2], "the writer wakes the resolver once, after the commit"


def ended_jobs(database: Database) -> int:
    with database.read() as conn:
        query = "SELECT count(*) FROM crawl_jobs WHERE status = 'succeeded'"
        return int(conn.execute(text(query)).scalar_one())


def test_the_first_end_of_a_claim_counts(database: Database, writer: CompletionWriter) -> None:
    with database.begin() as conn:
        (claim,) = crawling(conn, "python")
    told = Told()
    (held,) = complete(writer, told, claim)
    writer.submit(held, completion.released(claim), told)
    assert told.wait_for(claim) == [True]
    assert writer.wait_until_empty(10)
    with database.begin() as conn:
        assert jobs.job(conn, claim.job_id).status is JobStatus.SUCCEEDED


def hold_first_commit(database: Database, go_on: threading.Event) -> list[int]:
    """Make the first commit wait for `go_on`. Return a list that gets an item for each commit."""
    commits: list[int] = []

    def hold(_conn: Connection) -> None:
        commits.append(1)
        if len(commits) == 1:
            go_on.wait(10)

    event.listen(database._engine, "commit", hold)
    return commits


def test_ends_that_gather_during_a_write_are_written_by_one_transaction(
    database: Database, writer: CompletionWriter
) -> None:
    go_on = threading.Event()
    with database.begin() as conn:
        claims = crawling(conn, *(f"sub_{n}" for n in range(20)))
    told = Told()
    commits = hold_first_commit(database, go_on)
    complete(writer, told, claims[0])
    wait_until(lambda: len(commits) == 1, timeout=10, describe="a transaction")
    complete(writer, told, *claims[1:])
    assert writer.backlog() == 20
    go_on.set()
    assert all(told.wait_for(*claims))
    assert len(commits) == 2
    assert writer.wait_until_empty(10)
    with database.begin() as conn:
        for claim in claims:
            assert len(job_reads.list_attempts(conn, job_id=claim.job_id)) == 1


def test_an_end_is_told_as_written_although_what_came_after_it_failed(
    database: Database,
) -> None:
    failures = [psycopg.errors.LockNotAvailable("somebody locks the table")]

    # Fails the statement that checks which claims are not written yet.
    def fail_once(*arguments: object) -> None:
        if failures and "WITH ORDINALITY" in str(arguments[2]):
            raise failures.pop()

    with database.begin() as conn:
        busy, free = crawling(conn, "busy", "free")
    told = Told()
    writer = CompletionWriter(database, on_written=lambda: None)
    # Submitted before the writer starts, so that one statement writes both ends.
    held = complete(writer, told, busy, free)
    with database.begin() as operator:
        operator_changes.lock_job(operator, job_id=busy.job_id)
        event.listen(database._engine, "before_cursor_execute", fail_once)
        writer.start()
        assert told.wait_for(free) == [True]
        event.remove(database._engine, "before_cursor_execute", fail_once)
    assert told.wait_for(busy) == [True]
    assert not failures
    assert [one.is_lost() for one in held] == [False, False]
    writer.close(5)
    writer.join()


def test_a_row_that_somebody_holds_and_a_claim_that_is_lost_keep_no_other_end(
    database: Database, writer: CompletionWriter
) -> None:
    with database.begin() as conn:
        busy, gone, free = crawling(conn, "busy", "gone", "free")
        job_verbs.cancel(conn, job_id=gone.job_id)
    told = Told()
    with capture_logs() as logged:
        with database.begin() as operator:
            operator_changes.lock_job(operator, job_id=busy.job_id)
            held = complete(writer, told, busy, gone, free)
            assert told.wait_for(gone, free) == [False, True]
            assert busy.job_id not in told.of
        assert told.wait_for(busy) == [True]
    assert logged == [{"event": "claim.lost", "log_level": "warning", "job_id": gone.job_id}]
    assert [one.is_lost() for one in held] == [False, True, False]


def test_an_end_that_the_database_refuses_keeps_no_other_end(
    database: Database, writer: CompletionWriter
) -> None:
    with database.begin() as conn:
        bad, good = crawling(conn, "bad", "good")
    told = Told()
    held = [HeldClaim(claim, requested_at=0, lease_seconds=1e9) for claim in (bad, good)]
    with capture_logs() as logged:
        # The lock holds up both ends, so that one transaction writes them.
        with database.begin() as operator:
            for claim in (bad, good):
                operator_changes.lock_job(operator, job_id=claim.job_id)
            writer.submit(held[0], completion.completed(bad, "a NUL: \0"), told)
            writer.submit(held[1], completion.completed(good, "crawled"), told)
        assert told.wait_for(bad, good) == [False, True]
    assert [(one["event"], one["job_id"], one["log_level"]) for one in logged] == [
        ("completion.failed", bad.job_id, "error")
    ]
    assert not writer.has_stopped


def test_what_cannot_be_written_in_time_is_given_up(database: Database) -> None:
    with database.begin() as conn:
        (claim,) = crawling(conn, "python")
    told = Told()
    writer = CompletionWriter(database, on_written=lambda: None)
    writer.start()
    with database.begin() as operator, capture_logs() as logged:
        operator_changes.lock_job(operator, job_id=claim.job_id)
        complete(writer, told, claim)
        writer.close(0.2)
        writer.join()
    assert told.wait_for(claim) == [False]
    assert logged == [
        {"event": "completion.abandoned", "log_level": "warning", "job_id": claim.job_id}
    ]
    with database.begin() as conn:
        assert jobs.job(conn, claim.job_id).status is JobStatus.CRAWLING


def test_the_pause_before_an_end_is_tried_again_never_passes_its_maximum(
    database: Database,
) -> None:
    with database.begin() as conn:
        claims = crawling(conn, "one", "other")
    # The writer is not started, because the test calls its methods itself.
    writer = CompletionWriter(database, on_written=lambda: None)
    held = [HeldClaim(claim, requested_at=0, lease_seconds=1e9) for claim in claims]
    batch = [
        PendingCompletion(one, completion.completed(one.claim, "crawled"), Told()) for one in held
    ]
    pauses = []
    for _ in range(12):
        before = time.monotonic()
        writer._postpone(batch)
        assert {one.due for one in batch} == {batch[0].due}
        pauses.append(batch[0].due - before)
    slack = 0.5  # seconds of delay that a busy machine may add
    assert PAUSE_SECONDS / 2 <= pauses[0] <= PAUSE_SECONDS + slack
    assert all(pause <= PAUSE_MAX_SECONDS + slack for pause in pauses)
    assert all(pause >= PAUSE_MAX_SECONDS / 2 for pause in pauses[5:])
