"""F6: the reply to a COMMIT is lost. The transaction must have its effect exactly once."""

import contextlib
import itertools
import signal

import pytest

from crawljobs import errors
from crawljobs.db.database import Database
from crawljobs.domain.job import EnqueueResult, JobSource, JobStatus
from support import enqueueing
from support.crew import Crew
from support.seeds import rng, seeded
from support.tcp_proxy import LoseReply, Message, TcpProxy, Verdict
from support.waiting import wait_until
from support.watched_queue import WatchedQueue

# Each constant is a part of a statement's text that no other statement has.
CLAIM = "SET\n        status = 'crawling'"
PAGE = "SET checkpoint"
COMPLETE = "status = 'succeeded'"
RELEASE = "'released'"
EXTEND = "FOR UPDATE OF held"
FIND_AGAIN = "AND job.claim_token = CAST"

# The lease is so long that no job is rescued during a test.
BACKGROUND_TIMEOUTS = {"LEASE_SECONDS": "60"}
SOON_SECONDS = 20


def test_a_claim_whose_reply_is_lost_is_found_again_by_its_token(
    queue: WatchedQueue, crew: Crew, proxy: TcpProxy
) -> None:
    jobs = queue.enqueue("pages_1", "pages_2", "pages_3")
    lost = proxy.rule = LoseReply(CLAIM, autocommit=True)
    worker = crew.started(database_url=proxy.url, **BACKGROUND_TIMEOUTS)
    queue.wait_until_ended(timeout=SOON_SECONDS, describe=crew.log)
    assert lost.is_lost
    assert worker.logged("claim.recovered")
    assert [queue.outcomes(job_id) for job_id in jobs] == [["succeeded"]] * 3
    queue.check_ended()
    queue.check_pages(3)


def test_a_claim_whose_reply_is_lost_is_given_back_when_the_worker_is_told_to_stop(
    queue: WatchedQueue, crew: Crew, proxy: TcpProxy
) -> None:
    lost = LoseReply(CLAIM, autocommit=True)

    def lose_and_fall_silent(message: Message) -> Verdict:
        verdict = lost(message)
        if lost.is_lost:
            proxy.stall()
        return verdict

    (job_id,) = queue.enqueue("pages_1")
    proxy.rule = lose_and_fall_silent
    worker = crew.started(database_url=proxy.url, **BACKGROUND_TIMEOUTS)
    wait_until(lambda: lost.is_lost, timeout=SOON_SECONDS, describe=crew.log)
    worker.signal(signal.SIGTERM)
    proxy.heal()
    assert worker.wait() == 0
    assert queue.job(job_id).status is JobStatus.QUEUED
    assert queue.outcomes(job_id) == ["released"]
    queue.check()


def test_a_claim_that_is_committed_after_the_worker_gave_up_on_it_is_found_too(
    queue: WatchedQueue, crew: Crew, proxy: TcpProxy
) -> None:
    held_up: list[Message] = []
    asked_in_vain: list[Message] = []

    def stall_at_claim(message: Message) -> Verdict:
        is_sent = message.from_client and message.kind == b"B"
        if is_sent and not held_up and CLAIM in message.link.transaction[-1]:
            held_up.append(message)
            proxy.stall_links(message.link)
        if message.tells_of_commit() and _holds(message, FIND_AGAIN) and not asked_in_vain:
            # Delay this reply. Otherwise the worker would claim the job again at once.
            proxy.stall_links(held_up[0].link, message.link)
            asked_in_vain.append(message)
        return Verdict.PASS

    (job_id,) = queue.enqueue("pages_1")
    proxy.rule = stall_at_claim
    # No rescue runs, so the worker can find its claim by the claim token only.
    worker = crew.started(database_url=proxy.url, LEASE_SECONDS="2", RESCUE_SECONDS="600")
    wait_until(lambda: asked_in_vain, timeout=SOON_SECONDS, describe=crew.log)
    assert queue.job(job_id).status is JobStatus.QUEUED
    proxy.stall_links(asked_in_vain[0].link)
    queue.wait_for(job_id, JobStatus.CRAWLING)
    proxy.heal()
    queue.wait_for(job_id, JobStatus.SUCCEEDED)
    assert queue.outcomes(job_id) == ["succeeded"]
    assert worker.logged("claim.recovered")
    queue.check_ended()


def _holds(message: Message, statement: str) -> bool:
    return any(statement in executed for executed in message.link.transaction)


def test_a_page_whose_reply_is_lost_is_stored_once(
    queue: WatchedQueue, crew: Crew, proxy: TcpProxy
) -> None:
    crew.started(database_url=proxy.url, **BACKGROUND_TIMEOUTS)
    lost = proxy.rule = LoseReply(PAGE)
    (job_id,) = queue.enqueue("pages_1")
    queue.wait_until_ended(timeout=SOON_SECONDS, describe=crew.log)
    assert lost.is_lost
    assert queue.outcomes(job_id) == ["deferred", "succeeded"]
    queue.check_ended()
    queue.check_pages(3)


def test_a_completion_whose_reply_is_lost_completes_once_with_one_follow_up(
    queue: WatchedQueue, crew: Crew, proxy: TcpProxy
) -> None:
    worker = crew.started(database_url=proxy.url, **BACKGROUND_TIMEOUTS)
    (job_id,) = queue.enqueue("gate_1")
    worker.wait_for("crawl.at_gate")
    queue.enqueue("gate_1")  # requests a rerun
    lost = proxy.rule = LoseReply(COMPLETE, autocommit=True)
    crew.open_gate("gate_1")
    queue.wait_until_ended(timeout=SOON_SECONDS, describe=crew.log)
    assert lost.is_lost
    assert queue.outcomes(job_id) == ["succeeded"]
    assert queue.value("SELECT count(*) FROM crawl_jobs") == 2
    worker.wait_for("job.completed", job_id=job_id)  # logged when the worker knows of the commit
    assert len(worker.logged("job.completed", job_id=job_id)) == 1
    assert not worker.logged("claim.lost")
    queue.check_ended()


def test_a_release_whose_reply_is_lost_releases_once(
    queue: WatchedQueue, crew: Crew, proxy: TcpProxy
) -> None:
    worker = crew.started(database_url=proxy.url, **BACKGROUND_TIMEOUTS)
    (job_id,) = queue.enqueue("hold_1")
    worker.wait_for("crawl.began")
    lost = proxy.rule = LoseReply(RELEASE, autocommit=True)
    code, _ = worker.terminate()
    assert code == 0
    assert lost.is_lost
    assert queue.outcomes(job_id) == ["released"]
    assert len(worker.logged("job.released")) == 1
    assert not worker.logged("claim.lost")
    queue.check()


def test_an_extension_whose_reply_is_lost_costs_nothing(
    queue: WatchedQueue, crew: Crew, proxy: TcpProxy
) -> None:
    worker = crew.started(database_url=proxy.url)
    (job_id,) = queue.enqueue("hold_1")
    worker.wait_for("crawl.began")
    lost = proxy.rule = LoseReply(EXTEND, autocommit=True)
    worker.wait_for("keeper.disconnected")
    assert lost.is_lost
    queue.wait_until_extended(job_id, queue.lease(job_id))
    crew.open_gate("hold_1")
    queue.wait_until_ended(describe=crew.log)
    assert queue.outcomes(job_id) == ["succeeded"]
    queue.check_ended()


def test_an_enqueue_whose_reply_is_lost_may_be_repeated(
    queue: WatchedQueue, proxy: TcpProxy
) -> None:
    proxy.rule = LoseReply("INSERT INTO crawl_jobs")
    with contextlib.closing(Database(proxy.url)) as database:
        with pytest.raises(errors.DatabaseUnavailable), database.begin() as conn:
            enqueueing.enqueue(conn, subreddit="python", priority=50, source=JobSource.USER)
        with database.begin() as conn:
            again = enqueueing.enqueue(conn, subreddit="python", priority=50, source=JobSource.USER)
    assert again.result is EnqueueResult.MERGED
    assert queue.value("SELECT count(*) FROM crawl_jobs") == 1
    queue.check()


@seeded(1)
def test_whichever_replies_are_lost_each_effect_happens_once(
    queue: WatchedQueue, crew: Crew, proxy: TcpProxy, seed: int
) -> None:
    dice = rng(seed, "lost replies")
    commits = itertools.count(1)
    lost = {number for number in range(1, 60) if dice.random() < 0.15}

    def lose_some(message: Message) -> Verdict:
        if message.tells_of_commit() and next(commits) in lost:
            return Verdict.CUT
        return Verdict.PASS

    proxy.rule = lose_some
    jobs = queue.enqueue(*(f"pages_{number}" for number in range(10)))
    for _ in range(2):
        crew.started(database_url=proxy.url, **BACKGROUND_TIMEOUTS)
    queue.wait_until_ended(timeout=60, describe=crew.log)
    assert next(commits) > min(lost)
    for job_id in jobs:
        *before, last = queue.outcomes(job_id)
        assert (set(before) <= {"deferred", "released"}, last) == (True, "succeeded")
    queue.check_ended()
    queue.check_pages(3)
