"""Crawls record how far back a subreddit is known, and gaps.

A walk of the whole listing fills gaps.
"""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from crawler_worker.reddit import crawl_failures
from crawljobs.db.database import Database
from crawljobs.repository.content import listing_gaps
from crawljobs.runtime import jitter
from support import scripted_reddit
from support.crawls import DEFAULTS, Crawler
from support.scripted_reddit import ScriptedReddit, comment, post


@pytest.fixture
def reddit() -> ScriptedReddit:
    posts = [post(f"{9999 - n}") for n in range(300)]
    return ScriptedReddit(posts, [comment(f"c{999 - n}", "9900") for n in range(150)])


@pytest.fixture
def crawler(reddit: ScriptedReddit, database: Database) -> Iterator[Crawler]:
    with scripted_reddit.serve(reddit) as url:
        yield Crawler(database, url, replace(DEFAULTS, fetch_user_subreddits=False))


def row(crawler: Crawler) -> Any:
    (found,) = crawler.rows("SELECT * FROM subreddits")
    return found


def gaps(crawler: Crawler) -> list[tuple[str, str, str]]:
    rows = crawler.rows("SELECT listing, from_item, to_item FROM crawl_gaps ORDER BY to_at")
    return [(gap.listing, gap.from_item, gap.to_item) for gap in rows]


def at(thing: Any) -> datetime:
    return datetime.fromtimestamp(thing["data"]["created_utc"]).astimezone()


def ids(crawler: Crawler) -> set[str]:
    return {found.id for found in crawler.rows("SELECT id FROM posts")}


def a_month_later(crawler: Crawler) -> None:
    crawler.rows("UPDATE subreddits SET whole_walk_at = now() - interval '30 days' RETURNING id")


def test_a_listing_that_was_walked_to_its_end_is_known_back_to_the_first_post(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    crawler.crawl("python")
    found = row(crawler)
    assert (found.posts_walk_end, found.gaps) == ("first_item", 0)
    assert (found.oldest_post, found.oldest_post_at) == ("9700", at(reddit.posts[-1]))
    assert (found.oldest_comment, found.oldest_comment_at) == ("c850", at(reddit.comments[-1]))
    assert found.whole_walk_at is not None


@pytest.mark.parametrize(("shown", "end"), [(1_000, "cap"), (899, "first_item")])
def test_a_listing_that_shows_as_many_as_it_can_was_walked_to_the_cap(
    crawler: Crawler, reddit: ScriptedReddit, shown: int, end: str
) -> None:
    reddit.posts[:] = [post(f"{9999 - n}") for n in range(shown)]
    crawler.crawl("python")
    assert row(crawler).posts_walk_end == end


@pytest.mark.parametrize(("limit", "oldest"), [(150, "9850"), (101, "9899"), (1, "9999")])
def test_our_own_limit_is_told_apart_from_the_cap(
    crawler: Crawler, limit: int, oldest: str
) -> None:
    crawler.settings = replace(crawler.settings, max_posts_per_sub=limit)
    crawler.crawl("python")
    assert (row(crawler).posts_walk_end, row(crawler).oldest_post) == ("limit", oldest)


def test_what_a_listing_does_not_show_any_more_is_a_gap_with_its_range(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    crawler.settings = replace(crawler.settings, max_posts_per_sub=200)
    crawler.crawl("python")
    reddit.posts[:0] = [post(f"a{999 - n}") for n in range(300)]
    crawler.crawl("python")
    assert gaps(crawler) == [("posts", "9999", "a800")]
    (gap,) = crawler.rows("SELECT * FROM crawl_gaps")
    assert (gap.from_at, gap.to_at) == (at(reddit.posts[300]), at(reddit.posts[199]))
    assert (row(crawler).gaps, row(crawler).oldest_post) == (1, "9800")
    # A crawl that reads the listing beyond the gap closes the gap.
    crawler.settings = replace(crawler.settings, max_posts_per_sub=1_000)
    a_month_later(crawler)
    crawler.crawl("python")
    assert (gaps(crawler), row(crawler).gaps) == ([], 0)
    assert len(ids(crawler)) == 600


def test_gaps_of_a_subreddit_are_bounded(
    crawler: Crawler, reddit: ScriptedReddit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing_gaps, "GAPS_MAX", 2)
    crawler.settings = replace(crawler.settings, max_posts_per_sub=1)
    for n in range(5):
        reddit.posts[:0] = [post(f"a{n}2"), post(f"a{n}1")]
        crawler.crawl("python")
    assert [from_item for _, from_item, _ in gaps(crawler)] == ["a22", "a32"]


@pytest.mark.parametrize("place", [120, 280, 299, 150])
def test_a_late_approval_below_the_first_page_is_found_by_the_next_whole_walk(
    crawler: Crawler, reddit: ScriptedReddit, place: int
) -> None:
    held_back = reddit.posts.pop(place)
    crawler.crawl("python")
    reddit.posts.insert(place, held_back)
    reddit.posts[:0] = [post(f"a{n}00") for n in range(5, 0, -1)]
    crawler.crawl("python")
    assert held_back["data"]["id"] not in ids(crawler)
    asked = reddit.count("/r/python/new")
    a_month_later(crawler)
    crawler.crawl("python")
    assert held_back["data"]["id"] in ids(crawler)
    assert reddit.count("/r/python/new") - asked == 4
    asked = reddit.count("/r/python/new")
    crawler.crawl("python")
    assert reddit.count("/r/python/new") - asked == 1


def test_a_late_approval_on_the_first_page_needs_no_whole_walk(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    held_back = reddit.posts.pop(10)
    crawler.crawl("python")
    reddit.posts.insert(10, held_back)
    crawler.crawl("python")
    assert held_back["data"]["id"] in ids(crawler)


def test_late_comments_are_found_by_a_whole_walk_too(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    held_back = reddit.comments.pop(140)
    crawler.crawl("python")
    reddit.comments.insert(140, held_back)
    a_month_later(crawler)
    crawler.crawl("python")
    assert crawler.value("SELECT count(*) FROM comments") == 150


@pytest.mark.parametrize(
    ("days", "since", "whole"),
    [(30, 29, False), (30, 31, True), (1, 2, True), (0, 3_000, False)],
)
def test_how_often_a_listing_is_walked_whole_is_a_setting(
    crawler: Crawler, reddit: ScriptedReddit, days: float, since: int, whole: bool
) -> None:
    every = timedelta(days=days) if days else None
    crawler.settings = replace(crawler.settings, walk_whole_every=every)
    crawler.crawl("python")
    crawler.rows(
        "UPDATE subreddits SET whole_walk_at = now() - make_interval(days => :n) RETURNING id",
        n=since,
    )
    asked = reddit.count("/r/python/new")
    crawler.crawl("python")
    assert reddit.count("/r/python/new") - asked == (3 if whole else 1)


@pytest.mark.parametrize(("draw", "whole"), [(0.49, True), (0.51, False)])
def test_subreddits_of_an_older_release_are_walked_whole_little_by_little(
    crawler: Crawler, reddit: ScriptedReddit, monkeypatch: pytest.MonkeyPatch, draw: float,
    whole: bool,
) -> None:  # fmt: skip
    """After half of the interval, half of these subreddits are due for a whole walk."""
    crawler.crawl("python")
    crawler.rows(
        "UPDATE subreddits SET whole_walk_at = NULL, "
        "last_crawled_at = now() - interval '15 days' RETURNING id"
    )
    monkeypatch.setattr(jitter, "uniform", lambda _least, _most: draw)
    asked = reddit.count("/r/python/new")
    crawler.crawl("python")
    assert reddit.count("/r/python/new") - asked == (3 if whole else 1)


def test_a_whole_walk_that_is_interrupted_goes_on_as_one(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    crawler.crawl("python")
    a_month_later(crawler)
    crawler.enqueue("python")
    claim, stop = crawler.claim(), threading.Event()
    first_page = reddit._own("/r/python/new")

    def stopping(query: Any) -> Any:
        stop.set()
        return first_page(query)

    reddit.answers["/r/python/new"] = stopping
    with pytest.raises(crawl_failures.Interrupted):
        crawler.run(claim, stop=stop)
    crawler.release(claim)
    # Another worker continues the whole walk, although its own settings allow none.
    crawler.settings = replace(crawler.settings, walk_whole_every=None)
    crawler.run(crawler.claim())
    assert row(crawler).whole_walk_at > claim.claimed_at
    assert crawler.checkpoint()["posts"] == 300
