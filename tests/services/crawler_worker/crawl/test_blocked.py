"""A blocked client charges no job an attempt and changes no subreddit's access."""

from collections.abc import Iterator
from typing import Any

import pytest

from crawler_worker.claims import stopped_crawl
from crawler_worker.reddit import crawl_failures
from crawljobs.db.database import Database
from crawljobs.domain.retry import RetryPolicy
from crawljobs.repository.queue import job_completion, parked_jobs
from support import scripted_reddit
from support.crawls import Crawler
from support.scripted_reddit import HTML, ScriptedReddit, always

POLICY = RetryPolicy(base_seconds=60, max_hours=24, jitter=0.2)
EVERYTHING = ("/r/", "/comments/", "/user/", "/api/")


@pytest.fixture
def reddit() -> ScriptedReddit:
    return ScriptedReddit()


@pytest.fixture
def crawler(reddit: ScriptedReddit, database: Database) -> Iterator[Crawler]:
    with scripted_reddit.serve(reddit) as url:
        yield Crawler(database, url)


def end(crawler: Crawler) -> None:
    """Claim a job, crawl it, and end the claim as the worker does."""
    claim = crawler.claim()
    with pytest.raises(crawl_failures.CrawlFailure) as caught:
        crawler.run(claim)
    with crawler.database.begin() as conn:
        job_completion.complete_claim(
            conn, stopped_crawl.completion_after(caught.value, claim, POLICY)
        )


def live(crawler: Crawler) -> list[Any]:
    return crawler.rows(
        "SELECT status, wait_reason, retry_count, visible_at - now() AS left FROM crawl_jobs "
        "WHERE status <> 'succeeded' ORDER BY id"
    )


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, HTML),
        (400, {"message": "Bad Request", "error": 400}),
        (418, {"message": "I'm a teapot", "error": 418}),
    ],
)
def test_a_blocked_client_ends_no_job(
    crawler: Crawler, reddit: ScriptedReddit, status: int, body: Any
) -> None:
    crawler.crawl("python")
    before = crawler.contents()
    for path in EVERYTHING:
        reddit.answers[path] = always(status, body)
    names = ["python", *(f"other_{n}" for n in range(5))]
    for name in names:
        crawler.enqueue(name)
    for _ in names:
        end(crawler)
    assert [(job.status, job.wait_reason, job.retry_count) for job in live(crawler)] == [
        ("waiting", "outage", 0)
    ] * len(names)
    # All jobs together made three tries and one probe.
    assert reddit.count("/api/info?") + reddit.asked[-4:].count("/api/info") == 1
    assert crawler.value("SELECT access FROM subreddits WHERE name = 'python'") == "public"
    with crawler.database.begin() as conn:
        assert parked_jobs.waiting_without_cause(conn) == []
    for path in EVERYTHING:
        del reddit.answers[path]
    crawler.rows("UPDATE reddit_budgets SET outage_until = now() RETURNING client_id")
    crawler.rows(
        "UPDATE crawl_jobs SET status = 'queued', wait_reason = NULL, visible_at = now() "
        "WHERE status = 'waiting' RETURNING id"
    )
    assert crawler.run(crawler.claim()) == "crawled"
    assert crawler.contents()["posts"] == before["posts"]


def test_one_unclear_community_waits_by_itself_without_an_attempt(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers["/r/python/about"] = always(403, HTML)
    crawler.enqueue("python")
    for minutes in (1, 2, 4, 8):
        end(crawler)
        ((status, reason, charged, left),) = live(crawler)
        assert (status, reason, charged) == ("waiting", "retry", 0)
        assert round(left.total_seconds() / 60) == minutes
        with crawler.database.begin() as conn:
            assert parked_jobs.waiting_without_cause(conn) == []
        crawler.rows(
            "UPDATE crawl_jobs SET status = 'queued', wait_reason = NULL, visible_at = now() "
            "RETURNING id"
        )
    del reddit.answers["/r/python/about"]
    assert crawler.run(crawler.claim()) == "crawled"
