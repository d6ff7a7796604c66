"""Many writers at the same time: no caller sees a deadlock, and every result is correct."""

import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, cast

import psycopg
import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain import completion
from crawljobs.domain.aging import AgingPolicy
from crawljobs.domain.attempt import AttemptOutcome
from crawljobs.domain.enqueue_request import EnqueueRequest
from crawljobs.domain.job import EnqueueResult, ErrorKind, JobSource, JobStatus
from crawljobs.domain.operator_verbs import Verb
from crawljobs.domain.retry import RetryPolicy
from crawljobs.repository.content import stored_subreddits
from crawljobs.repository.queue import (
    job_claim,
    job_completion,
    job_enqueue,
    job_reads,
    leases,
    operator_changes,
    queue_sql,
)
from crawljobs.repository.queue.job_completion import WriteResult
from crawljobs.repository.queue.job_enqueue import EnqueueChange
from crawljobs.repository.queue.maintenance import job_aging, job_maintenance
from crawljobs.repository.queue.maintenance.job_maintenance import Rescued
from support import enqueueing, invariants, jobs, listed_jobs
from support.jobs import T0

NAMES = [f"sub_{n}" for n in range(100)]


@pytest.fixture
def wide(database_url: str) -> Iterator[Database]:
    """Yield a database whose pool has a connection for every thread."""
    opened = Database(database_url, pool_size=64)
    yield opened
    opened.close()


def together(count: int, work: Callable[[int], None]) -> None:
    """Run `work` in `count` threads that start at the same time. Raise an error of a thread."""
    start = threading.Barrier(count, timeout=20)
    failed: list[BaseException] = []

    def run(number: int) -> None:
        try:
            start.wait()
            work(number)
        except Exception as error:  # noqa: BLE001 - raised again below, in the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if failed:
        raise failed[0]
    assert not any(thread.is_alive() for thread in threads)


def test_sixty_four_enqueues_of_one_subreddit_make_one_job(wide: Database) -> None:
    results: Counter[EnqueueResult] = Counter()

    def ask(number: int) -> None:
        name = "python" if number % 2 else "PYTHON"
        enqueued = wide.run(
            lambda conn: enqueueing.enqueue(
                conn, subreddit=name, priority=number, source=JobSource.USER
            )
        )
        results[enqueued.result] += 1

    together(64, ask)
    with wide.begin() as conn:
        (job,) = listed_jobs.list_jobs(conn)
    assert results == {EnqueueResult.CREATED: 1, EnqueueResult.MERGED: 63}
    assert job.priority == 63


def test_simultaneous_merges_each_know_the_job_as_the_one_before_left_it(wide: Database) -> None:
    changes: list[EnqueueChange] = []

    def ask(number: int) -> None:
        request = EnqueueRequest(["python", "rust"], number, JobSource.USER)
        changes.extend(wide.run(lambda conn: job_enqueue.enqueue_with_jobs(conn, [request])))

    together(32, ask)
    for name in ("python", "rust"):
        of_name = [change for change in changes if change.enqueued.subreddit == name]
        befores = Counter(change.before for change in of_name)
        afters = Counter(change.after for change in of_name)
        (last,) = afters - befores
        assert befores - afters == Counter([None])
        assert last.priority == 31


def test_no_deadlock_reaches_a_caller(wide: Database) -> None:
    """16 threads enqueue the same names in random order. Others claim, end, extend and age jobs."""
    rng = random.Random(5)
    orders = [rng.sample(NAMES, len(NAMES)) for _ in range(16)]

    def enqueue(number: int) -> None:
        for _ in range(4):
            wide.run(
                lambda conn: enqueueing.enqueue_many(
                    conn,
                    subreddits_named=orders[number],
                    priority=number,
                    source=JobSource.USER,
                )
            )

    def crawl() -> None:
        for _ in range(15):
            claimed = wide.run(
                lambda conn: job_claim.claim_jobs(
                    conn, worker="w", claim_token=uuid.uuid4(), at_most=20, lease_seconds=30
                )
            )
            wide.run(
                lambda conn, held=claimed: leases.extend_claims(conn, claims=held, lease_seconds=30)
            )
            done = [completion.completed(claim, "crawled") for claim in claimed]
            wide.run(lambda conn, done=done: job_completion.complete_claims(conn, completions=done))

    def sweep() -> None:
        def all_sweeps(conn: Connection) -> None:
            job_maintenance.requeue_due_jobs(conn)
            job_aging.age_starved_jobs(
                conn, policy=AgingPolicy(after=timedelta(0), every=timedelta(microseconds=1))
            )
            job_maintenance.rescue_stuck_jobs(
                conn, lease_seconds=30, reset_after=timedelta(minutes=15), retry=RetryPolicy()
            )

        for _ in range(15):
            wide.run(all_sweeps)

    def work(number: int) -> None:
        if number < 16:
            enqueue(number)
        elif number < 20:
            crawl()
        else:
            sweep()

    together(22, work)
    with wide.begin() as conn:
        invariants.check(conn)


def rescue(conn: Connection) -> list[Rescued]:
    return job_maintenance.rescue_stuck_jobs(
        conn,
        lease_seconds=jobs.LEASE_SECONDS,
        reset_after=timedelta(minutes=15),
        retry=RetryPolicy(),
        now=T0 + timedelta(days=1),
    )


def test_a_rescue_leaves_a_job_whose_completion_is_under_way(database: Database) -> None:
    with database.begin() as conn:
        claim = jobs.crawling(conn)
    with database.begin() as completing:
        jobs.complete(completing, claim=claim, outcome="crawled", now=T0)
        assert database.run(rescue) == []  # if it waited for the locked row, it would never return
    with database.begin() as conn:
        assert rescue(conn) == []
        assert jobs.job(conn, claim.job_id).status is JobStatus.SUCCEEDED


def test_a_completion_during_a_rescue_waits_for_nobody_and_finds_its_claim_lost_afterwards(
    database: Database,
) -> None:
    with database.begin() as conn:
        rescued, other = (jobs.crawling(conn, name) for name in ("rescued", "other"))

    def complete_both(conn: Connection) -> list[WriteResult]:
        done = [completion.completed(claim, "crawled") for claim in (rescued, other)]
        return job_completion.complete_claims(conn, completions=done)

    with database.begin() as rescuing:
        operator_changes.lock_job(rescuing, job_id=rescued.job_id)
        assert database.run(complete_both) == [WriteResult.LOCKED, WriteResult.APPLIED]
        assert len(rescue(rescuing)) == 1
    assert database.run(complete_both) == [WriteResult.STALE, WriteResult.STALE]
    with database.begin() as conn:
        (attempt,) = job_reads.list_attempts(conn, job_id=rescued.job_id)
        assert attempt.outcome is AttemptOutcome.LEASE_EXPIRED
        assert jobs.job(conn, rescued.job_id).status is JobStatus.QUEUED
        assert len(job_reads.list_attempts(conn, job_id=other.job_id)) == 1


def test_a_thousand_names_are_enqueued_in_one_statement(database: Database) -> None:
    names = [f"sub_{n}" for n in range(1_000)]
    with database.begin() as conn:
        enqueueing.enqueue(conn, subreddit="sub_7", priority=1, source=JobSource.USER)
    statements: list[object] = []

    class Noting(psycopg.Cursor[Any]):
        def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
            statements.append(query)
            return super().execute(query, *arguments, **options)

    with database.begin() as conn:
        driver = cast("psycopg.Connection[Any]", conn.connection.driver_connection)
        driver.cursor_factory = Noting
        results = enqueueing.enqueue_many(
            conn, subreddits_named=names, priority=2, source=JobSource.USER
        )
        driver.cursor_factory = psycopg.Cursor
    assert [result.subreddit for result in results] == names
    assert Counter(result.result for result in results) == {
        EnqueueResult.CREATED: 999,
        EnqueueResult.MERGED: 1,
    }
    assert len(statements) == 1


def test_a_hint_is_sent_once_and_only_into_an_empty_queue(database: Database) -> None:
    heard: list[str] = []
    with database.begin() as listener:
        raw = listener.connection.driver_connection
        assert raw is not None
        listener.execute(text(f"LISTEN {queue_sql.CHANNEL}"))
        listener.commit()
        for names in (["sub_1", "sub_2"], ["sub_3"]):
            with database.begin() as conn:
                enqueueing.enqueue_many(
                    conn, subreddits_named=names, priority=1, source=JobSource.USER
                )
        heard = [note.channel for note in raw.notifies(timeout=0.2)]
    assert heard == [queue_sql.CHANNEL]


@pytest.mark.parametrize("how", jobs.EACH_END)
def test_workers_are_notified_of_a_job_that_is_given_back_alone(
    database: Database, how: str
) -> None:
    with database.begin() as conn:
        claim = jobs.crawling(conn)
    with database.begin() as listener:
        raw = listener.connection.driver_connection
        assert raw is not None
        listener.execute(text(f"LISTEN {queue_sql.CHANNEL}"))
        listener.commit()
        with database.begin() as conn:
            jobs.ENDS[how](conn, claim)
            conn.execute(text(f"NOTIFY {queue_sql.CHANNEL}, 'the last one'"))
        heard: list[str] = []
        for note in raw.notifies(timeout=5):
            heard.append(note.payload)
            if note.payload == "the last one":
                break
    assert heard == [*([""] if how == "release" else []), "the last one"]


@pytest.mark.parametrize("state", ["40P01", "40001", "55P03"])
def test_a_conflict_is_retried_in_one_place(database: Database, state: str) -> None:
    calls = []

    def work(conn: Connection) -> str:
        calls.append(1)
        if len(calls) < 3:
            conn.execute(text(f"DO $$ BEGIN RAISE 'conflict' USING ERRCODE = '{state}'; END $$"))
        return "done"

    assert database.run(work) == "done"
    assert len(calls) == 3


def test_many_jobs_are_retried_in_the_order_in_which_enqueues_lock_them(conn: Connection) -> None:
    """Jobs are locked in the order of their subreddits. Otherwise two statements may deadlock."""
    names = ["aa", "bb", "cc"]
    stored_subreddits.ensure(conn, names=names, discovered_from=None, depth=0)
    ids = {name: jobs.enqueue(conn, name) for name in ("cc", "aa", "bb")}
    for claim in jobs.claim_all(conn):
        jobs.fail(conn, claim=claim, kind=ErrorKind.PERMANENT, message="no")
    conn.exec_driver_sql("""
        CREATE TEMP TABLE changed (id bigint, place bigint GENERATED ALWAYS AS IDENTITY);
        CREATE FUNCTION pg_temp.note() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN INSERT INTO changed (id) VALUES (NEW.id); RETURN NULL; END';
        CREATE TRIGGER note AFTER UPDATE ON crawl_jobs
            FOR EACH ROW EXECUTE FUNCTION pg_temp.note()
        """)
    operator_changes.change_many(conn, verb=Verb.RETRY, job_ids=list(ids.values()))
    changed = conn.exec_driver_sql("SELECT id FROM changed ORDER BY place").scalars().all()
    assert changed == [ids[name] for name in names]
