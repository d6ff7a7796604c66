"""F20: SIGTERM once, repeatedly, with jobs that outlast DRAIN_SECONDS, and in rolling restarts."""

import os
import signal
import time
from datetime import timedelta

from crawljobs.domain.job import JobStatus
from support.crew import PRODUCTION, Crew
from support.reddit_sandbox import RunningSandbox
from support.seeds import rng, seeded
from support.waiting import wait_until
from support.watched_queue import WatchedQueue

CLAIMS_STOP_WITHIN = timedelta(seconds=1)


def test_sigterm_finishes_the_page_releases_without_an_attempt_and_exits_with_success(
    queue: WatchedQueue, crew: Crew, sandbox: RunningSandbox
) -> None:
    crew.sandbox_url = sandbox.url
    (first, *_) = queue.enqueue(*(f"big_{number}" for number in range(9)))
    worker = crew.start(PRODUCTION)
    wait_until(
        lambda: (queue.job(first).checkpoint or {}).get("posts", 0) > 0,
        timeout=30,
        describe=crew.log,
    )
    told_at = queue.value("SELECT clock_timestamp()")
    code, seconds = worker.terminate()
    assert code == 0
    assert seconds < 5, crew.log()
    assert queue.claimed() == []
    late = queue.rows(
        "SELECT job_id FROM crawl_job_attempts WHERE started_at > :limit",
        limit=told_at + CLAIMS_STOP_WITHIN,
    )
    assert late == []
    assert queue.job(first).status is JobStatus.QUEUED
    assert queue.outcomes(first) == ["released"]
    queue.check()
    kept = queue.job(first).checkpoint
    assert kept is not None
    assert kept["posts"] > 0
    queue.wait_until_left()


def test_a_storm_of_sigterms_is_one_sigterm(queue: WatchedQueue, crew: Crew) -> None:
    jobs = queue.enqueue(*(f"pages_{number}" for number in range(3)))
    worker = crew.started(PAGES="1000")
    wait_until(lambda: len(queue.claimed()) == 3, timeout=20, describe=crew.log)
    deadline = time.monotonic() + 30
    while worker.is_alive() and time.monotonic() < deadline:
        os.kill(worker.pid, signal.SIGTERM)
    assert worker.wait(20) == 0
    assert [queue.outcomes(job_id) for job_id in jobs] == [["released"]] * 3
    queue.check()


def test_what_outlasts_the_grace_is_released_and_cannot_write_any_more(
    queue: WatchedQueue, crew: Crew
) -> None:
    deaf, busy = queue.enqueue("gate_deaf", "loop_busy")
    worker = crew.started(DRAIN_SECONDS="0.5")
    wait_until(lambda: len(queue.claimed()) == 2, timeout=20, describe=crew.log)
    code, seconds = worker.terminate()
    assert code == 0
    assert 0.5 < seconds < 5
    for job_id in (deaf, busy):
        assert queue.outcomes(job_id) == ["released"]
        assert queue.job(job_id).status is JobStatus.QUEUED
    queue.check()


@seeded(1)
def test_rolling_restarts_lose_nothing_and_charge_nobody(
    queue: WatchedQueue, crew: Crew, seed: int
) -> None:
    dice = rng(seed, "rolling")
    queue.enqueue(*(f"pages_{number}" for number in range(24)))
    settings = {"PAGES": "12", "PAGE_SECONDS": "0.05", "LEASE_SECONDS": "30"}
    for _ in range(2):
        crew.start(**settings)
    for _ in range(3):
        for worker in crew.alive():
            worker.wait_for("worker.started")
        wait_until(
            lambda: not queue.live() or all(w.logged("crawl.began") for w in crew.alive()),
            timeout=30,
            describe=crew.log,
        )
        leaving = dice.choice(crew.alive())
        crew.start(**settings)
        code, _ = leaving.terminate()
        assert code == 0
    queue.wait_until_ended(describe=crew.log)
    queue.check_ended()
    queue.check_pages(12)


def test_sigterm_ends_a_worker_that_still_waits_for_its_database(crew: Crew) -> None:
    worker = crew.start(database_url="postgresql://nobody@127.0.0.1:1/none")
    worker.wait_for("database.waiting_for_schema")
    code, seconds = worker.terminate()
    assert code == 0
    assert seconds < 3
