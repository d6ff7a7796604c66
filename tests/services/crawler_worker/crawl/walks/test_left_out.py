"""Stored items that a listing leaves out are requested by name, to tell a fault from deletions."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from crawljobs.db.database import Database
from support import scripted_reddit
from support.crawls import DEFAULTS, Crawler
from support.missing_parts import missing
from support.scripted_reddit import Query, ScriptedReddit, always, listing, post

NEW, INFO = "/r/python/new", "/api/info"


def posts(many: int) -> list[Any]:
    return [post(f"a{999 - n}") for n in range(many)]


@pytest.fixture
def reddit() -> ScriptedReddit:
    return ScriptedReddit(posts(3))


@pytest.fixture
def crawler(reddit: ScriptedReddit, database: Database) -> Iterator[Crawler]:
    with scripted_reddit.serve(reddit) as url:
        yield Crawler(database, url, replace(DEFAULTS, fetch_user_subreddits=False))


def test_one_request_names_the_hundred_newest_of_them(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.posts[:] = posts(150)
    crawler.crawl("python")
    names: list[str] = []

    def note(query: Query) -> tuple[int, Any]:
        names.extend(query["id"].split(","))
        return 200, listing()

    reddit.answers[INFO] = note
    reddit.answers[NEW] = always(200, listing())
    crawler.crawl("python")
    assert names == [f"t3_a{999 - n}" for n in range(100)]


def test_one_post_that_is_still_shown_proves_that_the_listing_is_broken(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    crawler.crawl("python")
    deleted = {"author": "[deleted]", "selftext": "[deleted]", "removed_by_category": "deleted"}
    gone = [post(each["data"]["id"], **deleted) for each in reddit.posts[1:]]
    reddit.answers[INFO] = always(200, listing(reddit.posts[0], *gone))
    reddit.answers[NEW] = always(200, listing())
    assert crawler.crawl("python") == "crawled"
    assert missing(crawler) == [("posts", "", "trouble")]


def test_an_old_post_that_moved_to_the_top_is_not_left_out(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    crawler.crawl("python")
    reddit.posts.insert(0, reddit.posts.pop())
    crawler.crawl("python")
    assert crawler.checkpoint()["posts_walk"]["end"] == "first_item"
    assert reddit.count(INFO) == 0
