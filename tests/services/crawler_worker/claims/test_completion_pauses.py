"""When the completion writer tries a completion again, and when it wakes the worker."""

import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import prometheus_client
import pytest
from sqlalchemy import event

from crawler_worker.claims import completion_batch, completion_writer
from crawler_worker.claims.completion_writer import CompletionWriter
from crawler_worker.claims.held_claim import HeldClaim
from crawler_worker.claims.pending_completion import PendingCompletion
from crawljobs.db.database import Database
from crawljobs.domain import completion
from crawljobs.domain.job import JobStatus
from crawljobs.repository.queue import operator_changes
from support import job_verbs, jobs
from support.claims import CLAIM
from support.counted import counted
from support.waiting import wait_until

NOW = 1_000.0


@pytest.fixture
def writer(database: Database, monkeypatch: pytest.MonkeyPatch) -> CompletionWriter:
    """A writer whose thread does not run. Its clock stands still, and its pauses are not random."""
    monkeypatch.setattr(completion_writer, "time", SimpleNamespace(monotonic=lambda: NOW))
    monkeypatch.setattr("crawljobs.runtime.jitter.uniform", lambda low, high: (low + high) / 2)
    return CompletionWriter(database, on_written=lambda: None)


def pending(**options: Any) -> PendingCompletion:
    held = HeldClaim(CLAIM, requested_at=0, lease_seconds=1e9)
    done = completion.completed(CLAIM, "crawled")
    return PendingCompletion(held, done, lambda *_: None, **options)


def test_the_pauses_between_tries_double_up_to_a_second(writer: CompletionWriter) -> None:
    one, pauses = pending(), []
    for _ in range(7):
        writer._postpone([one])
        pauses.append(one.due - NOW)
    exact = [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert pauses == pytest.approx([0.75 * pause for pause in exact])
    assert writer._retries == [one] * 7


def test_completions_of_one_batch_are_tried_again_together_after_the_longest_pause(
    writer: CompletionWriter,
) -> None:
    often, first = pending(failures=3), pending()
    writer._postpone([often, first])
    assert [one.due - NOW for one in (often, first)] == pytest.approx([0.75 * 0.4] * 2)
    assert [one.failures for one in (often, first)] == [4, 1]


@pytest.mark.parametrize(
    ("closes_in", "due_in", "seconds"),
    [
        (None, [], None),
        (None, [3.0, 5.0], 3.0),
        (None, [-1.0, 5.0], 0.0),
        (2.0, [], 0.0),  # all completions are written, so the thread ends
        (2.0, [3.0], 2.0),
        (2.0, [1.0, 5.0], 1.0),
        (-1.0, [1.0], 0.0),
    ],
)
def test_the_writer_waits_until_a_try_is_due_or_the_time_is_over(
    writer: CompletionWriter, closes_in: float | None, due_in: list[float], seconds: float | None
) -> None:
    if closes_in is not None:
        writer._give_up_at = NOW + closes_in
    writer._retries = [pending(due=NOW + due) for due in due_in]
    assert writer._seconds_to_wait() == seconds


def test_a_try_that_is_due_now_is_made_once(writer: CompletionWriter) -> None:
    due, later = pending(due=NOW), pending(due=NOW + 1)
    writer._retries = [later, due]
    assert writer._next_batch() == [due]
    assert writer._retries == [later]


def test_the_writer_gives_up_at_the_time_of_its_close(writer: CompletionWriter) -> None:
    results: list[bool] = []
    waiting = [pending(due=NOW + 5) for _ in range(2)]
    for one in waiting:
        one.on_result = lambda _, is_written: results.append(is_written)
    writer._retries, writer._unwritten = waiting, 2
    writer.close(0)
    assert writer._next_batch() == []
    assert results == [False, False]
    assert writer.backlog() == 0


def test_a_closed_writer_waits_for_tries_within_its_time(writer: CompletionWriter) -> None:
    later = pending(due=NOW + 1)
    writer._retries = [later]
    writer.close(7)
    assert writer._take_submitted() == []
    assert writer._seconds_to_wait() == 1.0
    assert writer._retries == [later]


@pytest.fixture
def running(database: Database) -> Iterator[tuple[CompletionWriter, "threading.Semaphore"]]:
    """A writer with its thread, and a semaphore that it releases after each batch."""
    woken = threading.Semaphore(0)
    writer = CompletionWriter(database, on_written=woken.release)
    writer.start()
    yield writer, woken
    writer.close(5)
    writer.join()


def test_each_batch_wakes_the_worker_and_a_wait_for_an_empty_queue(
    database: Database, running: tuple[CompletionWriter, "threading.Semaphore"]
) -> None:
    writer, woken = running
    with database.begin() as conn:
        claim = jobs.crawling(conn)
    go_on, results = threading.Event(), list[bool]()
    event.listen(database._engine, "commit", lambda _: go_on.wait(10))
    held = HeldClaim(claim, requested_at=0, lease_seconds=1e9)
    writer.submit(held, completion.completed(claim, "crawled"), lambda *_: None)
    waiting = threading.Thread(target=lambda: results.append(writer.wait_until_empty(60)))
    waiting.start()
    assert not writer.wait_until_empty(0)
    go_on.set()
    waiting.join(10)
    assert results == [True]
    assert woken.acquire(timeout=10)


def test_a_completion_counts_as_unwritten_until_its_row_is_free(
    database: Database, running: tuple[CompletionWriter, "threading.Semaphore"]
) -> None:
    writer, _ = running
    with database.begin() as conn:
        claims = [jobs.crawling(conn, name) for name in ("locked", "free")]
    with database.begin() as operator:
        operator_changes.lock_job(operator, job_id=claims[0].job_id)
        for claim in claims:
            held = HeldClaim(claim, requested_at=0, lease_seconds=1e9)
            writer.submit(held, completion.completed(claim, "crawled"), lambda *_: None)
        wait_until(lambda: writer.backlog() == 1, timeout=10, describe=writer.backlog)
        assert not writer.wait_until_empty(0)
    assert writer.wait_until_empty(10)
    assert writer.backlog() == 0


Written = list[tuple[int, bool]]


def batch_of(claims: list[Any], results: Written) -> list[PendingCompletion]:
    return [
        PendingCompletion(
            HeldClaim(claim, requested_at=0, lease_seconds=1e9),
            completion.completed(claim, "crawled"),
            lambda done, is_written: results.append((done.claim.job_id, is_written)),
        )
        for claim in claims
    ]


def test_a_completion_whose_reply_was_lost_counts_as_written_at_the_next_try(
    database: Database,
) -> None:
    with database.begin() as conn:
        claim, cancelled = (jobs.crawling(conn, name) for name in ("python", "rust"))
        job_verbs.cancel(conn, job_id=cancelled.job_id)
    results: Written = []
    batch = batch_of([claim, cancelled], results)
    assert completion_batch.write(database, batch[:1], on_watched=lambda: None) == []
    assert completion_batch.write(database, batch, on_watched=lambda: None) == []
    assert results == [(claim.job_id, True), (claim.job_id, True), (cancelled.job_id, False)]
    assert [one.held.is_lost() for one in batch] == [False, True]


def test_a_lost_claim_is_not_completed(database: Database) -> None:
    with database.begin() as conn:
        claims = [jobs.crawling(conn, name) for name in ("lost", "valid")]
    results: Written = []
    batch = batch_of(claims, results)
    batch[0].held.mark_lost()
    with counted() as grown:
        assert completion_batch.write(database, batch, on_watched=lambda: None) == []
    assert results == [(claims[0].job_id, False), (claims[1].job_id, True)]
    assert grown["jobs_finished_total{succeeded}"] == 1
    with database.begin() as conn:
        found = [jobs.job(conn, claim.job_id).status for claim in claims]
    assert found == [JobStatus.CRAWLING, JobStatus.SUCCEEDED]


def test_the_duration_of_an_attempt_counts_from_its_claim(database: Database) -> None:
    def measured() -> float:
        value = prometheus_client.REGISTRY.get_sample_value("crawl_job_duration_seconds_sum")
        return value or 0.0

    with database.begin() as conn:
        claim = jobs.crawling(conn)
    (one,) = batch_of([claim], [])
    one.held.requested_at = time.monotonic() - 3
    before = measured()
    completion_batch.write(database, [one], on_watched=lambda: None)
    assert 3 <= measured() - before < 60
