"""The requests for comment trees: which are made, in what size, and what they leave missing."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from crawler_worker.crawl import trees
from crawler_worker.reddit import crawl_failures
from crawljobs.db.database import Database
from support import scripted_reddit
from support.crawls import DEFAULTS, Crawler
from support.missing_parts import missing, subreddit
from support.scripted_reddit import Query, ScriptedReddit, always, comment, listing, more, post

REFUSED = always(400, {"message": "Bad Request", "error": 400})


@pytest.fixture
def reddit() -> ScriptedReddit:
    return ScriptedReddit([post("p1", num_comments=2)])


@pytest.fixture
def crawler(reddit: ScriptedReddit, database: Database) -> Iterator[Crawler]:
    with scripted_reddit.serve(reddit) as url:
        yield Crawler(database, url, replace(DEFAULTS, fetch_user_subreddits=False))


def stored(crawler: Crawler) -> list[str]:
    return [row.id for row in crawler.rows("SELECT id FROM comments ORDER BY id")]


@pytest.mark.parametrize(("reported", "requests"), [(2, 0), (3, 1)])
def test_a_tree_is_requested_only_if_the_newest_comments_are_not_all_of_it(
    crawler: Crawler, reddit: ScriptedReddit, reported: int, requests: int
) -> None:
    reddit.posts[0]["data"]["num_comments"] = reported
    reddit.comments = [comment("c2"), comment("c1")]
    crawler.crawl("python")
    assert stored(crawler) == ["c1", "c2"]
    assert reddit.count("/comments/p1") == requests


def test_comments_that_are_too_large_cost_no_others(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.posts[0]["data"]["num_comments"] = 6
    reddit.trees["p1"] = [comment("c0"), more("m1", "m2", "m3", "m4", "m5")]

    def small_ones(query: Query) -> tuple[int, Any]:
        asked = query["children"].split(",")
        if {"m2", "m5"} & set(asked):
            return 413, {}
        return 200, {"json": {"errors": [], "data": {"things": [comment(one) for one in asked]}}}

    reddit.answers["/api/morechildren"] = small_ones
    assert crawler.crawl("python") == "crawled"
    assert stored(crawler) == ["c0", "m1", "m3", "m4"]
    assert missing(crawler) == [("more_children", "p1", "too_large")]
    assert crawler.value("SELECT comments_missing FROM posts") == 2


def test_a_tree_stays_missing_until_all_its_requests_are_made(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers["/comments/p1"] = REFUSED
    crawler.crawl("python")
    assert missing(crawler) == [("tree", "p1", "refused")]
    stop = threading.Event()

    def first_reply(_query: Query) -> tuple[int, Any]:
        stop.set()
        return 200, [listing(*reddit.posts), listing(comment("c0"), more("m1"))]

    reddit.answers["/comments/p1"] = first_reply
    crawler.enqueue("python")
    with pytest.raises(crawl_failures.Interrupted):
        crawler.run(crawler.claim(), stop=stop)
    assert stored(crawler) == ["c0"]
    assert missing(crawler) == [("tree", "p1", "refused")]


def test_a_tree_without_comments_any_more_is_not_missing(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers["/comments/p1"] = REFUSED
    crawler.crawl("python")
    del reddit.answers["/comments/p1"]
    reddit.posts[0]["data"]["num_comments"] = 0
    crawler.crawl("python")
    assert reddit.count("/comments/p1") == 2 + 1
    assert missing(crawler) == []


def test_the_last_place_of_a_crawl_goes_to_a_tree_that_an_earlier_one_left(
    crawler: Crawler, reddit: ScriptedReddit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "MOST", 3)

    def busy(name: str) -> Any:
        reddit.trees[name] = [comment(f"c{name}", name)]
        return post(name, num_comments=1)

    quiet = [post(f"{899 - n}") for n in range(100)]
    reddit.posts = [*quiet, *(busy(f"{500 - n}") for n in range(4))]
    requests = []
    for new in ([], ["999", "998"], []):
        reddit.posts[:0] = [busy(name) for name in new]
        reddit.asked.clear()
        crawler.crawl("python")
        requests.append(reddit.count("/comments/"))
    assert requests == [3, 3, 0]


def test_a_checkpoint_counts_the_replies_and_the_comments_of_trees(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.posts = [post(f"p{n}", num_comments=2) for n in (3, 2, 1)]
    reddit.trees = {f"p{n}": [comment(f"c{n}a", f"p{n}"), comment(f"c{n}b", f"p{n}")]
                    for n in (3, 2, 1)}  # fmt: skip
    stop = threading.Event()
    answer = reddit._tree("p2")

    def stopping(query: Query) -> tuple[int, Any]:
        stop.set()
        return answer(query)

    reddit.answers["/comments/p2"] = stopping
    crawler.enqueue("python")
    with pytest.raises(crawl_failures.Interrupted):
        crawler.run(crawler.claim(), stop=stop)
    at = crawler.checkpoint()
    assert (at["phase"], at["page"], at["comments"]) == ("trees", 2, 4)


def test_a_thread_is_requested_as_deep_as_the_setting_still_allows(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    crawler.settings = replace(crawler.settings, max_comment_depth=6)
    deepest = comment("c2", replies=listing(more(parent="t1_c2", count=0, depth=3)))
    reddit.trees["p1"] = [comment("c0", replies=listing(comment("c1", replies=listing(deepest))))]
    depths: dict[str, str] = {}

    def noting(path: str, answer: scripted_reddit.Answer) -> scripted_reddit.Answer:
        def note(query: Query) -> tuple[int, Any]:
            depths[path] = query["depth"]
            return answer(query)

        return note

    reddit.answers["/comments/p1"] = noting("tree", reddit._tree("p1"))
    reddit.answers["/comments/p1/_/c2"] = noting("thread", always(200, [listing(), listing()]))
    crawler.crawl("python")
    assert depths == {"tree": "6", "thread": "4"}


def test_a_tree_that_fails_in_a_quiet_crawl_is_counted_as_not_whole(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.trees["p1"] = [comment("c1"), comment("c2")]
    crawler.crawl("python")
    reddit.posts[0]["data"]["num_comments"] = 9
    reddit.answers["/comments/p1"] = REFUSED
    counts = [subreddit(crawler)]
    crawler.crawl("python")
    counts.append(subreddit(crawler))
    assert [(row.trees_whole, row.trees_not_whole) for row in counts] == [(1, 0), (0, 1)]
