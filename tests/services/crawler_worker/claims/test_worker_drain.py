"""What a worker waits for when it stops: its crawls, their completions, and free rows."""

import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import event

from crawler_worker.claims.held_claim import HeldClaim
from crawler_worker.claims.worker import Worker
from crawljobs import settings
from crawljobs.db.database import Database
from crawljobs.domain.job import JobStatus
from crawljobs.repository.queue import operator_changes
from support.waiting import wait_until
from support.worker_thread import QUICK, Crawl, Gate, Start, enqueue, job_of, wait_for


def worker_with(database: Database, database_url: str, crawl: Crawl, *, drain: str) -> Worker:
    return Worker(
        name="w",
        database=database,
        direct_url=database_url,
        settings=settings.read_queue_settings({**QUICK, "DRAIN_SECONDS": drain}),
        crawl=crawl,
    )


def test_a_stop_interrupts_crawls_at_once(database: Database, start: Start) -> None:
    gate = Gate()
    (job_id,) = enqueue(database, "python")
    running = start(gate, DRAIN_SECONDS="60")
    assert gate.begun.wait(10)
    running.stop()
    wait_for(database, job_id, JobStatus.QUEUED)
    assert gate.stopped == [job_id]


class Ending:
    """A crawl that ends by itself soon after the worker has interrupted it."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.interrupted = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, held: HeldClaim) -> str:
        self.begun.set()
        held.wait(20)
        self.interrupted.set()
        self.go_on.wait(20)
        return "crawled"


@pytest.fixture
def held_commits(database: Database) -> Iterator[threading.Event]:
    """Commits of completions wait for this event, if a test clears it."""
    go_on = threading.Event()
    go_on.set()

    def hold(_: object) -> None:
        if threading.current_thread().name == "completion-writer":
            go_on.wait(20)

    event.listen(database._engine, "commit", hold)
    yield go_on
    go_on.set()
    event.remove(database._engine, "commit", hold)


def test_a_stop_waits_for_the_last_page_of_a_crawl_and_for_its_completion(
    database: Database, database_url: str, held_commits: threading.Event
) -> None:
    crawl = Ending()
    (job_id,) = enqueue(database, "python")
    worker = worker_with(database, database_url, crawl, drain="60")
    loop = threading.Thread(target=worker.run)
    loop.start()
    assert crawl.begun.wait(10)
    held_commits.clear()
    worker.stop()
    assert crawl.interrupted.wait(10)
    crawl.go_on.set()
    wait_until(lambda: worker._writer.backlog() == 1, timeout=10, describe="a completion")
    assert loop.is_alive()
    held_commits.set()
    loop.join(10)
    worker.keeper.join(10)
    assert (loop.is_alive(), worker.keeper.is_alive()) == (False, False)
    assert job_of(database, job_id).status is JobStatus.SUCCEEDED
    assert worker.keeper.all_held() == []


def test_a_stop_waits_for_the_release_of_a_crawl_that_goes_on(
    database: Database, database_url: str, held_commits: threading.Event
) -> None:
    crawl = Ending()
    (job_id,) = enqueue(database, "python")
    worker = worker_with(database, database_url, crawl, drain="0.2")
    loop = threading.Thread(target=worker.run)
    loop.start()
    assert crawl.begun.wait(10)
    held_commits.clear()
    worker.stop()
    wait_until(lambda: worker._writer.backlog() == 1, timeout=10, describe="a release")
    loop.join(0.3)
    assert loop.is_alive()
    held_commits.set()
    loop.join(10)
    assert not loop.is_alive()
    assert job_of(database, job_id).status is JobStatus.QUEUED
    crawl.go_on.set()


@pytest.mark.parametrize(("drain", "is_freed"), [("60", True), ("0.2", False)])
def test_a_stop_waits_for_a_locked_row_until_the_drain_time_is_over(
    database: Database,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    drain: str,
    *,
    is_freed: bool,
) -> None:
    monkeypatch.setattr("crawler_worker.claims.worker.RELEASE_SECONDS", 0.0)
    gate = Gate()
    (job_id,) = enqueue(database, "python")
    worker = worker_with(database, database_url, gate, drain=drain)
    loop = threading.Thread(target=worker.run)
    loop.start()
    assert gate.begun.wait(10)
    with database.begin() as conn:
        operator_changes.lock_job(conn, job_id=job_id)
        gate.open.set()
        wait_until(lambda: worker._writer.backlog() == 1, timeout=10, describe="a completion")
        worker.stop()
        loop.join(0.3 if is_freed else 10)
        assert loop.is_alive() is is_freed
    loop.join(10)
    assert not loop.is_alive()
    status = JobStatus.SUCCEEDED if is_freed else JobStatus.CRAWLING
    assert job_of(database, job_id).status is status


def test_a_stop_releases_claims_whose_reply_was_lost_if_there_is_time(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = worker_with(database, database_url, lambda held: "crawled", drain="60")
    released: list[bool] = []
    monkeypatch.setattr(worker._claiming, "release_unanswered", lambda: released.append(True))
    worker._release_unanswered(time.monotonic() - 1)
    assert released == []
    worker.stop()
    assert worker.run()
    assert released == [True]
