"""How many jobs the claim loop claims, and when it ends by itself."""

import time
from typing import Any

import pytest

from crawler_worker.claims.held_claim import HeldClaim
from crawler_worker.claims.worker import Worker
from crawljobs import settings
from crawljobs.db.database import Database
from crawljobs.domain.job import JobStatus
from support.claims import CLAIM
from support.waiting import wait_until
from support.worker_thread import QUICK, Start, enqueue, job_of, wait_for

SLOTS = 3


@pytest.fixture
def worker(database: Database, database_url: str) -> Worker:
    """A worker whose loop does not run."""
    return Worker(
        name="w",
        database=database,
        direct_url=database_url,
        settings=settings.read_queue_settings({**QUICK, "WORKER_CONCURRENCY": str(SLOTS)}),
        crawl=lambda held: "crawled",
    )


def held(*, is_lost: bool) -> HeldClaim:
    one = HeldClaim(CLAIM, requested_at=time.monotonic(), lease_seconds=60)
    if is_lost:
        one.mark_lost()
    return one


def crawling(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, *, valid: int, lost: int, unwritten: int = 0
) -> None:
    """Let the worker have these crawls, and this number of unwritten completions."""
    crawls = [held(is_lost=number < lost) for number in range(valid + lost)]
    monkeypatch.setattr(worker._threads, "all", lambda: crawls)
    monkeypatch.setattr(worker._writer, "backlog", lambda: unwritten)
    monkeypatch.setattr(worker.keeper, "can_extend", lambda: True)


@pytest.mark.parametrize(
    ("valid", "lost", "unwritten", "asked_for"),
    [
        (0, 0, 0, 3),
        (1, 0, 0, 2),
        (2, 0, 0, 1),
        (3, 0, 0, None),
        (0, 4, 0, 3),  # crawls that lost their claims use no slot
        (2, 4, 0, 1),
        (0, 0, 6, 3),  # at most nine crawls and unwritten completions
        (0, 0, 7, 2),
        (0, 0, 8, 1),
        (0, 0, 9, None),
        (0, 0, 12, None),
        (1, 0, 6, 2),
        (1, 0, 7, 1),
        (1, 0, 8, None),
        (2, 0, 6, 1),
        (2, 0, 7, None),
    ],
)
def test_jobs_are_claimed_for_free_slots_while_completions_are_written(
    worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
    valid: int,
    lost: int,
    unwritten: int,
    asked_for: int | None,
) -> None:
    crawling(worker, monkeypatch, valid=valid, lost=lost, unwritten=unwritten)
    asked: list[int] = []

    def claim(at_most: int) -> tuple[float, list[Any]]:
        asked.append(at_most)
        return 0.0, []

    monkeypatch.setattr(worker._claiming, "claim", claim)
    assert worker.run_once() == 0
    assert asked == ([] if asked_for is None else [asked_for])


@pytest.mark.parametrize(("valid", "unwritten"), [(3, 0), (0, 9), (3, 7)])
def test_a_worker_without_a_free_slot_still_looks_for_jobs_of_a_lost_reply(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, valid: int, unwritten: int
) -> None:
    crawling(worker, monkeypatch, valid=valid, lost=0, unwritten=unwritten)
    asked: list[int] = []

    def claim(at_most: int) -> tuple[float, list[Any]]:
        asked.append(at_most)
        return 0.0, []

    monkeypatch.setattr(worker._claiming, "claim", claim)
    worker._claiming._unanswered[CLAIM.claim_token] = 0.0
    assert worker.run_once() == 0
    assert asked == [0]


def test_nothing_is_claimed_without_a_keeper_or_while_claims_wait_for_a_thread(
    worker: Worker, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job_id,) = enqueue(database, "python")
    assert worker.run_once() == 0  # the keeper has never reached the database
    crawling(worker, monkeypatch, valid=0, lost=0)
    monkeypatch.setattr(worker._threads, "has_waiting", lambda: True)
    assert worker.run_once() == 0
    assert job_of(database, job_id).status is JobStatus.QUEUED


@pytest.mark.parametrize(("lost", "can_run"), [(0, True), (5, True), (6, False), (7, False)])
def test_a_worker_ends_when_two_crawls_hang_for_each_slot(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, lost: int, *, can_run: bool
) -> None:
    crawling(worker, monkeypatch, valid=3, lost=lost)
    assert worker._can_run() is can_run


def test_each_turn_of_the_loop_is_a_beat(worker: Worker, start: Start) -> None:
    assert 0 <= worker.seconds_since_beat() < 60
    running = start(lambda held: "crawled")
    running._last_beat_at = time.monotonic() - 1_000
    wait_until(lambda: running.seconds_since_beat() < 60, timeout=10, describe="a turn")


def test_claims_of_ended_crawls_are_no_longer_extended(database: Database, start: Start) -> None:
    running = start(lambda held: "crawled")
    for job_id in enqueue(database, "python", "rust"):
        wait_for(database, job_id, JobStatus.SUCCEEDED)
    wait_until(lambda: not running.keeper.all_held(), timeout=10, describe="no claim")
