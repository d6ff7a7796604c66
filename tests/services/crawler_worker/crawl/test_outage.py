"""Reddit answers every request with 503 for an hour. Jobs wait, and none of them fails."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from crawler_worker.claims import stopped_crawl
from crawljobs.domain import completion
from crawljobs.domain.claim import Claim
from crawljobs.domain.job import JobStatus
from crawljobs.domain.retry import RetryPolicy
from crawljobs.repository.queue import job_completion
from support import jobs
from support.crawls import CLIENT_ID, Crawler
from support.reddit_sandbox import RunningSandbox

HOUR = timedelta(hours=1)
SHIFT_BUDGET = """
    UPDATE reddit_budgets SET outage_until = outage_until - :wait,
        paused_until = paused_until - :wait, next_slot_at = next_slot_at - :wait
    """


@pytest.fixture(autouse=True)
def _wide_budget(crawler: Crawler) -> None:
    """Store a large budget.

    Replies of an outage report none, and the default pace would be slow.
    """
    with crawler.database.begin() as conn:
        conn.execute(
            text(
                "INSERT INTO reddit_budgets (client_id, requests_per_window) "
                "VALUES (:client, 10000000)"
            ),
            {"client": CLIENT_ID},
        )


def work(crawler: Crawler, claim: Claim) -> None:
    """Crawl a job and end its claim as the worker does."""
    try:
        end = completion.completed(claim, crawler.run(claim))
    except Exception as error:  # noqa: BLE001 - the worker too catches every error
        end = stopped_crawl.completion_after(error, claim, RetryPolicy())
    crawler.database.run(lambda conn: job_completion.complete_claim(conn, end))


def pass_time_until_claimable(crawler: Crawler) -> timedelta:
    """Move the clock to the time when the first waiting job is due.

    Return how far the clock moved.
    """
    with crawler.database.begin() as conn:
        query = "SELECT greatest(min(visible_at) - now(), interval '0') FROM crawl_jobs "
        wait = conn.execute(text(query + "WHERE status = 'waiting'")).scalar_one()
        for change in (
            "UPDATE crawl_jobs SET visible_at = visible_at - :wait WHERE status = 'waiting'",
            SHIFT_BUDGET,
            "UPDATE reddit_tokens SET ask_again_at = ask_again_at - :wait",
        ):
            conn.execute(text(change), {"wait": wait})
        jobs.sweep(conn)
        return timedelta(seconds=wait.total_seconds())


@pytest.mark.parametrize("count", [1, 5])
def test_an_outage_of_an_hour_fails_nothing(
    crawler: Crawler, sandbox: RunningSandbox, count: int
) -> None:
    ids = [crawler.enqueue(f"empty_{number}_{count}") for number in range(count)]
    assert sandbox.http.post("/sandbox/outage", json={"status": 503}).status_code == 200
    passed, looks = timedelta(0), 0
    try:
        while passed < HOUR:
            while crawler.value("SELECT count(*) FROM crawl_jobs WHERE status = 'queued'"):
                work(crawler, crawler.claim())
                looks += 1
            passed += pass_time_until_claimable(crawler)
    finally:
        sandbox.http.post("/sandbox/outage", json={"status": 0})
    while crawler.value("SELECT count(*) FROM crawl_jobs WHERE finished_at IS NULL"):
        pass_time_until_claimable(crawler)
        while crawler.value("SELECT count(*) FROM crawl_jobs WHERE status = 'queued'"):
            work(crawler, crawler.claim())
    with crawler.database.begin() as conn:
        found = [jobs.job(conn, job_id) for job_id in ids]
    assert {job.status for job in found} == {JobStatus.SUCCEEDED}
    assert [job.retries for job in found] == [0] * count
    assert looks < 40 * count  # the workers make few requests during the outage


def test_a_subreddit_that_always_fails_alone_fails_in_the_end_and_stops_nobody(
    crawler: Crawler,
) -> None:
    """The circuit breaker stays closed, because the probe before its opening succeeds."""
    job_id = crawler.enqueue("down_town")
    for _ in range(30):
        if not crawler.value("SELECT count(*) FROM crawl_jobs WHERE finished_at IS NULL"):
            break
        work(crawler, crawler.claim())
        if crawler.value("SELECT count(*) FROM crawl_jobs WHERE finished_at IS NULL"):
            pass_time_until_claimable(crawler)
    with crawler.database.begin() as conn:
        job = jobs.job(conn, job_id)
    assert (job.status, job.retries) == (JobStatus.FAILED, 1)
    assert crawler.value("SELECT outage_until FROM reddit_budgets") is None
