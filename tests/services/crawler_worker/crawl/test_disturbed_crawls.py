"""Parts that fail at random in one crawl are fetched by the next crawl, so that nothing is lost."""

import contextlib
import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.exchange import transfer
from crawljobs.db.database import Database
from support import scripted_reddit
from support.crawls import DEFAULTS, Contents, Crawler, Transport
from support.databases import Databases
from support.reddit_sandbox import RunningSandbox
from support.scripted_reddit import Query, ScriptedReddit, always, server_error

NAME = "big_mill"
SETTINGS = replace(DEFAULTS, fetch_user_subreddits=False)
SHARE = 0.25  # the share of parts that fail, far more than at Reddit
REQUIRED = ("/about", "/new")
SEEDS = [1, *(pytest.param(seed, marks=pytest.mark.deep) for seed in range(2, 8))]


class Disturbed(Transport):
    """Decides by the seed whether a request fails. Equal requests always get the same result."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed
        self.failed = 0

    def send(self, request: transfer.Request) -> transfer.Exchange:
        reply = super().send(request)
        asked = f"{request.url.split('/', 3)[3]} {request.body!r}"
        is_required = request.path.endswith(REQUIRED) and "after=" not in asked
        chance = random.Random(f"{self._seed} {asked}")
        if is_required or "access_token" in asked or chance.random() >= SHARE:
            return reply
        self.failed += 1
        return replace(reply, status=400, content=b"<html>Bad request</html>")


@pytest.fixture(scope="module")
def undisturbed(sandbox: RunningSandbox, databases: Databases) -> Iterator[Contents]:
    with databases.clone() as url, contextlib.closing(Database(url)) as database:
        crawler = Crawler(database, sandbox.url, SETTINGS)
        crawler.crawl(NAME)
        yield crawler.contents()


@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_disturbed_crawl_missed_the_next_one_brings(
    crawler: Crawler, undisturbed: Contents, seed: int
) -> None:
    crawler.settings = SETTINGS
    disturbed = Disturbed(seed)
    assert crawler.crawl(NAME, transport=disturbed) == "crawled"
    assert disturbed.failed > 0
    assert crawler.value("SELECT missing_parts FROM subreddits WHERE last_crawled_at < now()") > 0
    assert crawler.crawl(NAME) == "crawled"
    found = crawler.contents()
    for kind in ("posts", "comments"):
        assert set(undisturbed[kind]) - set(found[kind]) == set()
    (row,) = crawler.rows("SELECT * FROM subreddits WHERE last_crawled_at IS NOT NULL")
    marks = {(each.high_water_post, each.high_water_comment) for each in undisturbed["subreddits"]}
    assert (row.high_water_post, row.high_water_comment) in marks
    assert row.missing_parts == 0


TOLD_TO_STOP = "the worker is told to stop"


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (always(401, {"message": "Unauthorized", "error": 401}), crawl_failures.CrawlFailure),
        (server_error, crawl_failures.NothingClear),
        (TOLD_TO_STOP, crawl_failures.Interrupted),
    ],
)
def test_what_stops_a_crawl_reaches_its_caller_and_its_requests_are_saved(
    database: Database, answer: Any, failure: type[Exception]
) -> None:
    """Requests without a result count for the job's limit and for the gap between requests."""
    reddit, stop = ScriptedReddit(), threading.Event()

    def fail_and_stop(query: Query) -> tuple[int, Any]:
        stop.set()
        return server_error(query)

    reddit.answers["/r/python/new"] = fail_and_stop if answer == TOLD_TO_STOP else answer
    with scripted_reddit.serve(reddit) as url:
        crawler = Crawler(database, url, SETTINGS)
        crawler.enqueue("python")
        with pytest.raises(failure):
            crawler.run(crawler.claim(), stop=stop)
    saved = crawler.checkpoint()
    asked = [path for path in reddit.asked if path.startswith("/r/python/")]
    assert len(asked) > 1
    assert saved["phase"] == "posts"
    assert saved["requests"] >= len(asked)
    assert saved["asked_at"] is not None
