"""A crawl continues after an interruption, a kill or the loss of its claim."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from crawler_worker.crawl.checkpoints.saved_checkpoint import UnreadableCheckpoint
from crawler_worker.reddit import crawl_failures
from crawljobs import errors
from crawljobs.db.database import Database
from support.crawls import DEFAULTS, Contents, Crawler, Transport
from support.databases import Databases
from support.reddit_sandbox import RunningSandbox

# The crawl has every phase, and is short enough to be interrupted at each page.
SMALL = replace(DEFAULTS, max_posts_per_sub=150)


class Killed(BaseException):
    """Stands for kill -9. No handler of the crawl catches it."""


def kill_at(number: int) -> Transport:
    def before(request: int) -> None:
        if request == number:
            raise Killed

    return Transport(before)


@pytest.fixture(scope="module")
def undisturbed(sandbox: RunningSandbox, databases: Databases) -> Iterator[tuple[Contents, int]]:
    """Yield the contents after a crawl without interruptions, and the number of its requests."""
    with databases.clone() as url, contextlib.closing(Database(url)) as database:
        crawler, transport = Crawler(database, sandbox.url, SMALL), Transport()
        crawler.crawl("python", transport=transport)
        yield crawler.contents(), len(transport.paths)


def test_a_crawl_killed_at_every_page_ends_as_if_nothing_had_happened(
    crawler: Crawler, undisturbed: tuple[Contents, int]
) -> None:
    crawler.settings = SMALL
    requests = kills = 0
    crawler.enqueue("python")
    while True:
        claim = crawler.claim()
        transport = kill_at(2)  # the crawl stores one page and dies at the next request
        try:
            crawler.run(claim, transport=transport)
            requests += len(transport.paths)
            break
        except Killed:
            requests += len(transport.paths)
            kills += 1
            crawler.release(claim)
    assert kills > 10
    contents, requests_undisturbed = undisturbed
    assert crawler.contents() == contents
    assert requests <= requests_undisturbed + kills


def test_a_crawl_told_to_stop_ends_at_the_page_and_goes_on_later(
    crawler: Crawler, undisturbed: tuple[Contents, int]
) -> None:
    crawler.settings = SMALL
    crawler.enqueue("python")
    pages = 0
    while True:
        claim, stop = crawler.claim(), threading.Event()
        # Each attempt is stopped at its first request.
        transport = Transport(lambda _number, stop=stop: stop.set())
        try:
            crawler.run(claim, transport=transport, stop=stop)
            break
        except crawl_failures.Interrupted:
            assert len(transport.paths) <= 1
            pages += 1
            crawler.release(claim)
        assert pages < 200
    assert pages > 10
    assert crawler.contents() == undisturbed[0]


def test_a_crawl_whose_claim_was_lost_writes_nothing_more(crawler: Crawler) -> None:
    crawler.enqueue("python")
    claim = crawler.claim()
    taken: list[object] = []

    def rob(number: int) -> None:
        if number == 3:  # the crawl has stored the description and a page of posts
            crawler.release(claim)
            taken.append(crawler.claim())

    with pytest.raises(errors.ClaimLost):
        crawler.run(claim, transport=Transport(rob))
    posts = crawler.value("SELECT count(*) FROM posts")
    assert posts == 100
    assert crawler.checkpoint()["page"] == 1
    assert len(taken) == 1


def test_a_finished_crawl_whose_end_was_not_written_is_not_crawled_again(
    crawler: Crawler,
) -> None:
    crawler.settings = SMALL
    crawler.enqueue("tiny_town")
    claim = crawler.claim()
    crawler.run(claim)
    crawler.release(claim)
    transport = Transport()
    again = crawler.claim()
    while again.subreddit != "tiny_town":
        again = crawler.claim()
    assert crawler.run(again, transport=transport) == "crawled"
    assert transport.paths == []


def interrupted_in_posts(crawler: Crawler) -> int:
    """Return the id of a job that stored two pages of posts and was released."""
    job_id = crawler.enqueue("big_town")
    claim = crawler.claim()
    with pytest.raises(Killed):
        crawler.run(claim, transport=kill_at(4))
    crawler.release(claim)
    return job_id


def test_a_fresh_cursor_is_gone_on_from(crawler: Crawler) -> None:
    interrupted_in_posts(crawler)
    claim = crawler.claim()
    transport = kill_at(2)
    with pytest.raises(Killed):
        crawler.run(claim, transport=transport)
    assert transport.paths[0] == "/r/big_town/new"
    assert (crawler.checkpoint()["page"], crawler.checkpoint()["posts"]) == (3, 300)


def test_an_old_cursor_restarts_the_listing_and_writes_what_is_known_no_second_time(
    crawler: Crawler,
) -> None:
    job_id = interrupted_in_posts(crawler)
    crawler.rows(
        "UPDATE crawl_jobs SET checkpoint = jsonb_set(checkpoint, '{cursor_at}', "
        "to_jsonb(now() - interval '16 minutes')) RETURNING id"
    )
    versions = "SELECT id, xmin::text FROM posts ORDER BY id"
    before = crawler.rows(versions)
    assert len(before) == 200
    with pytest.raises(Killed):
        crawler.run(crawler.claim(), transport=kill_at(2))
    checkpoint = crawler.checkpoint(job_id)
    assert (checkpoint["page"], checkpoint["posts"]) == (1, 100)
    assert crawler.rows(versions) == before


@pytest.mark.parametrize(
    "damaged",
    [
        '{"v": 99, "phase": "posts"}',
        '{"phase": "posts"}',
        '{"v": 1, "phase": "nonsense"}',
        '{"v": 1, "phase": "posts", "page": "many"}',
        '{"v": 1, "phase": "posts", "newest_post": "../x"}',
        '{"v": 1, "phase": "trees", "tree": {"post": "a"}}',
        '{"v": 1, "phase": "trees", "busiest": [7]}',
        '{"v": 1, "phase": "posts", "cursor": "t3_a", "cursor_at": "yesterday"}',
    ],
)
def test_a_checkpoint_that_cannot_be_read_fails_the_job_for_good(
    crawler: Crawler, damaged: str
) -> None:
    crawler.enqueue("python")
    crawler.rows("UPDATE crawl_jobs SET checkpoint = CAST(:c AS jsonb) RETURNING id", c=damaged)
    transport = Transport()
    with pytest.raises(UnreadableCheckpoint) as caught:
        crawler.run(crawler.claim(), transport=transport)
    assert caught.value.kind == "permanent"
    assert transport.paths == []


def test_fields_of_a_newer_release_of_the_same_version_are_ignored(crawler: Crawler) -> None:
    crawler.enqueue("tiny_town")
    crawler.rows(
        "UPDATE crawl_jobs SET checkpoint = CAST(:c AS jsonb) RETURNING id",
        c='{"v": 1, "phase": "comments", "posts": 5, "something_new": [1]}',
    )
    assert crawler.run(crawler.claim()) == "crawled"
    assert crawler.checkpoint()["posts"] == 5


def test_the_database_is_not_held_while_reddit_is_asked(crawler: Crawler) -> None:
    held: list[int] = []

    def look(_number: int) -> None:
        with crawler.database.begin() as conn:
            query = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
            )
            held.append(conn.execute(text(query)).scalar_one())

    crawler.crawl("tiny_town", transport=Transport(look))
    assert set(held) == {0}


def test_the_age_of_a_cursor_is_told_by_the_clock_of_the_database(crawler: Crawler) -> None:
    job_id = interrupted_in_posts(crawler)
    claimed_at = crawler.value("SELECT now()")
    saved = crawler.value(
        "SELECT (checkpoint->>'cursor_at')::timestamptz FROM crawl_jobs WHERE id = :id", id=job_id
    )
    assert abs(claimed_at - saved) < timedelta(minutes=1)
