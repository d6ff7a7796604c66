"""Parts that stay missing are logged, and requested again at growing intervals."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from crawler_worker.reddit import crawl_failures
from crawljobs.domain import missing_part
from crawljobs.repository.content import missing_parts as repository
from support import scripted_reddit
from support.crawls import Crawler
from support.missing_parts import (
    FAILURES,
    LISTED,
    missing,
    subreddit,
)
from support.scripted_reddit import ScriptedReddit, comment, html_page, post
from support.scripted_reddit import server_error as broken


def test_an_operator_is_told_of_each_part_and_item_that_is_left_out(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers["/comments/9999"] = FAILURES["400"]
    reddit.posts = [
        *reddit.posts[:40],
        {"kind": "t3", "data": {"id": "?"}},
        {"kind": "t9", "data": {"id": "1"}},
    ]
    reddit.comments = reddit.comments[:40]
    with capture_logs() as told:
        crawler.crawl("python")
    job_id = crawler.value("SELECT id FROM crawl_jobs WHERE source = 'user'")
    left_out = [line for line in told if line["log_level"] == "warning"]
    assert {line["job_id"] for line in left_out} == {job_id}
    (page,) = [line for line in left_out if line["event"] == "items.dropped"]
    assert (page["phase"], page["dropped"], page["unknown"]) == ("comments", 1, 1)
    (part,) = [line for line in left_out if line["event"] == "crawl.part_given_up"]
    names = ("subreddit", "kind", "item", "reason", "failures")
    assert tuple(part[name] for name in names) == ("python", "tree", "9999", "refused", 1)
    assert part["error"]
    next_look = crawler.value("SELECT next_look_at FROM missing_parts")
    assert part["next_look_at"] == next_look.isoformat()


def test_an_interrupted_crawl_does_not_ask_again_for_a_part_that_it_gave_up(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    """Another request would count as a second failure, and each restart would repeat it."""
    stop = threading.Event()

    def refused_then_stop(_query: dict[str, str]) -> tuple[int, Any]:
        stop.set()
        return 400, {"message": "Bad Request", "error": 400}

    reddit.answers["/comments/9999"] = refused_then_stop
    job_id = crawler.enqueue("python")
    claim = crawler.claim()
    with pytest.raises(crawl_failures.Interrupted):
        crawler.run(claim, stop=stop)
    crawler.release(claim)
    assert crawler.run(crawler.claim()) == "crawled"
    assert reddit.count("/comments/9999") == 2  # the first run made both requests
    assert crawler.value("SELECT failures FROM missing_parts") == 1
    checkpoint = crawler.checkpoint(job_id)
    assert (checkpoint["given_up"], len(checkpoint["missing"])) == (1, 1)


def test_a_part_that_is_broken_for_ever_is_asked_for_ever_more_rarely(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers["/comments/9999"] = broken
    delays = []
    for _ in range(4):
        crawler.crawl("python")
        (row,) = crawler.rows("SELECT failures, next_look_at - now() AS left FROM missing_parts")
        delays.append(round(row.left / timedelta(hours=1)))
        crawler.rows("UPDATE missing_parts SET next_look_at = now() RETURNING kind")
    assert delays == [1, 2, 4, 8]
    crawler.rows("UPDATE missing_parts SET next_look_at = now() + interval '1 h' RETURNING kind")
    asked = reddit.count("/comments/9999")
    crawler.crawl("python")
    assert reddit.count("/comments/9999") == asked
    assert subreddit(crawler).missing_parts == 1


@pytest.mark.parametrize("path", ["/r/python/new?after", "/r/python/comments?after"])
def test_a_page_that_is_broken_for_ever_is_asked_for_ever_more_rarely_and_skips_nothing(
    crawler: Crawler, reddit: ScriptedReddit, path: str
) -> None:
    """New items are stored meanwhile.

    Items below the broken page are stored when the page is sent again.
    """
    reddit.answers[path] = broken
    crawler.crawl("python")
    # After its first failure, the next crawl always requests the part again.
    crawler.crawl("python")
    asked = reddit.count(path)
    for n in range(3):
        reddit.posts.insert(0, post(f"{10_000 + n}"))
        reddit.comments.insert(0, comment(f"d{100 + n}", "9900"))
        crawler.crawl("python")
    assert reddit.count(path) == asked
    kind = "comments" if "comments" in path else "posts"
    count = LISTED if kind == "comments" else "SELECT count(*) FROM posts"
    assert crawler.value(count) == 103
    mark = "high_water_comment" if kind == "comments" else "high_water_post"
    assert getattr(subreddit(crawler), mark) is None
    del reddit.answers[path]
    crawler.rows("UPDATE missing_parts SET next_look_at = now() RETURNING kind")
    crawler.crawl("python")
    assert crawler.value(count) == 253
    assert getattr(subreddit(crawler), mark) is not None
    assert missing(crawler) == []


def test_a_subreddit_is_due_when_its_missing_part_is(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers["/comments/9999"] = broken
    crawler.crawl("python")
    left = crawler.value("SELECT next_crawl_at - now() FROM subreddits WHERE name = 'python'")
    assert timedelta(minutes=59) < left <= timedelta(minutes=60)


def test_a_part_that_no_crawl_asks_for_makes_no_crawl_every_hour(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers["/user/a1/overview"] = broken
    crawler.crawl("python")
    crawler.rows("UPDATE missing_parts SET next_look_at = now() RETURNING kind")
    crawler.settings = replace(crawler.settings, fetch_user_subreddits=False)
    crawler.crawl("python")
    left = crawler.value("SELECT next_crawl_at - now() FROM subreddits WHERE name = 'python'")
    assert timedelta(days=13) < left <= timedelta(days=14)


def test_a_job_lists_the_first_parts_and_counts_all(
    crawler: Crawler, reddit: ScriptedReddit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missing_part, "LISTED_MAX", 2)
    # The status is 400, because several replies of 500 in a row are an outage.
    reddit.answers["/user/"] = FAILURES["400"]
    crawler.crawl("python")
    checkpoint = crawler.checkpoint()
    assert (len(checkpoint["missing"]), checkpoint["given_up"]) == (2, 4)
    assert subreddit(crawler).missing_parts == 4


def test_a_subreddit_keeps_the_parts_that_failed_last(
    crawler: Crawler, reddit: ScriptedReddit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "STORED_MAX", 3)
    # The status is 400, because several replies of 500 in a row are an outage.
    reddit.answers["/user/"] = FAILURES["400"]
    crawler.crawl("python")
    assert subreddit(crawler).missing_parts == 3


def test_names_that_could_not_be_looked_up_are_looked_up_by_the_next_crawl(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    """The crawl looks up the names although it finds nothing new."""
    for n, each in enumerate(reddit.posts[:20]):
        each["data"].update(selftext="see r/rust and r/golang", author=f"author{n}")
    reddit.answers["/api/info"] = lambda query: (
        html_page(query) if "sr_name" in query else (200, scripted_reddit.listing())
    )
    crawler.crawl("python")
    assert missing(crawler) == [("names", "", "trouble")]
    asked = reddit.count("/api/info")
    del reddit.answers["/api/info"]
    crawler.crawl("python")
    assert reddit.count("/api/info") == asked + 1
    assert missing(crawler) == []
