"""A broken connection to Reddit is named in the job's error, in the log and in explanations."""

import json
from typing import Any

import pytest

from crawler_worker.claims import stopped_crawl
from crawler_worker.reddit import crawl_failures, endpoints
from crawler_worker.reddit.client import RedditClient
from crawljobs.db.database import Database
from crawljobs.domain.completion import Completion
from crawljobs.domain.retry import RetryPolicy
from crawljobs.domain.transitions import Transition
from crawljobs.repository.queue import job_reads
from crawljobs.repository.queue.explained import job_explain
from crawljobs.repository.reddit_api import reddit_outages
from crawljobs.settings import RedditSettings
from support import jobs, scripted_server
from support.requesters import requester_of
from support.scripted_server import Exchange

POLICY = RetryPolicy(base_seconds=60, max_hours=24, jitter=0.2)
CLOSED = "http://127.0.0.1:9"
UNKNOWN = "http://no-such-host.invalid"


def token(it: Exchange) -> None:
    it.send(200, json.dumps({"access_token": "t", "expires_in": 86400}).encode())


def ended(database: Database, settings: RedditSettings) -> tuple[Completion, int]:
    """Crawl over the broken connection. Return how the job ends, and its id."""
    client = RedditClient(settings, database=database, try_again_seconds=0.01)
    with database.begin() as conn:
        claim = jobs.crawling(conn)
    try:
        with pytest.raises(crawl_failures.Outage) as caught:
            endpoints.about(requester_of(client), name="python")
    finally:
        client.close()
    return stopped_crawl.completion_after(caught.value, claim, POLICY), claim.job_id


@pytest.mark.parametrize(
    ("broken", "cause"),
    [
        ({"auth_url": CLOSED}, "refused"),
        ({"auth_url": UNKNOWN}, "unknown host"),
        ({"auth_proxy": CLOSED}, "proxy"),
        ({"api_url": CLOSED}, "refused"),
        ({"api_url": UNKNOWN}, "unknown host"),
        ({"api_url": UNKNOWN, "api_proxy": CLOSED}, "proxy"),
    ],
)
def test_a_broken_way_out_is_named_in_the_error_of_a_job_that_waits(
    database: Database, broken: dict[str, Any], cause: str
) -> None:
    with scripted_server.serve(token) as url:
        ways = {"api_url": url, "auth_url": url, **broken}
        end, job_id = ended(database, RedditSettings("tests", "secret", "tests", **ways))
    assert end.verb is Transition.DEFER
    assert f"no connection to Reddit ({cause}): " in (end.error_message or "")
    if "auth" not in next(iter(broken)):
        return
    # The token request failed, so all workers pause. The explanation of a job names the cause.
    with database.begin() as conn:
        pause = reddit_outages.paused(conn, client_id="tests")
        assert pause is not None
        assert f"({cause})" in pause.detail
        job = job_reads.get_job(conn, job_id=job_id)
        assert job is not None
        assert f"({cause})" in job_explain.surroundings(conn, job=job).reddit_detail
