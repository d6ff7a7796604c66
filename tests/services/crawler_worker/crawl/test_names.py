"""One empty reply to a request for names does not make the names unknown for good."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from crawljobs.db.database import Database
from support import scripted_reddit
from support.crawls import DEFAULTS, Crawler
from support.scripted_reddit import ABOUT, HTML, Query, ScriptedReddit, always, listing, post

RUST = {"kind": "t5", "data": {"display_name": "Rust", "subreddit_type": "public", "name": "t5_2"}}


@pytest.fixture
def reddit() -> ScriptedReddit:
    return ScriptedReddit(
        [post(f"{900 - n}", selftext="r/rust, r/golang", author=f"a{n}") for n in range(20)]
    )


@pytest.fixture
def crawler(reddit: ScriptedReddit, database: Database) -> Iterator[Crawler]:
    with scripted_reddit.serve(reddit) as url:
        yield Crawler(database, url, replace(DEFAULTS, user_sub_fetch_limit=0))


def access(crawler: Crawler) -> dict[str, str]:
    rows = crawler.rows("SELECT lower(name) AS name, access FROM subreddits ORDER BY 1")
    return {row.name: row.access for row in rows if row.name != "python"}


def missing(crawler: Crawler) -> list[str]:
    return [row.kind for row in crawler.rows("SELECT kind FROM missing_parts")]


KNOWN = {"golang": "not_found", "rust": "public"}


@pytest.mark.parametrize("shown", [[], [RUST]], ids=["empty", "cut off"])
def test_a_reply_without_the_crawled_community_is_not_believed(
    crawler: Crawler, reddit: ScriptedReddit, shown: list[Any]
) -> None:
    reddit.answers["/api/info"] = always(200, listing(*shown))
    assert crawler.crawl("python") == "crawled"
    assert access(crawler) == {}
    assert missing(crawler) == ["names"]
    assert reddit.count("/api/info") == 2  # the first crawl made both requests
    reddit.answers["/api/info"] = always(200, listing(RUST, ABOUT))
    crawler.crawl("python")
    assert (access(crawler), missing(crawler)) == (KNOWN, [])


def test_one_empty_reply_is_asked_for_again_in_place(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    def first(query: Query) -> tuple[int, Any]:
        assert query["sr_name"].split(",")[-1] == "python"
        reddit.answers["/api/info"] = always(200, listing(ABOUT, RUST))
        return 200, listing()

    reddit.answers["/api/info"] = first
    crawler.crawl("python")
    assert (access(crawler), missing(crawler)) == (KNOWN, [])


def test_of_a_profile_the_second_empty_reply_is_believed(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    """Replies about names never contain profiles.

    A crawled profile cannot prove a reply complete.
    """
    reddit.posts = [
        post(f"{900 - n}", subreddit="u_ada", selftext="r/golang", author=f"a{n}")
        for n in range(20)
    ]
    about = {"kind": "t5", "data": {"display_name": "u_ada", "subreddit_type": "user"}}
    reddit.answers["/r/u_ada/about"] = always(200, about)
    reddit.answers["/r/u_ada/new"] = lambda query: (200, scripted_reddit.page(reddit.posts, query))
    reddit.answers["/r/u_ada/comments"] = always(200, listing())
    assert crawler.crawl("u_ada") == "crawled"
    assert reddit.count("/api/info") == 2
    assert crawler.value("SELECT access FROM subreddits WHERE name = 'golang'") == "not_found"


@pytest.mark.parametrize("failures", [1, 2])
def test_names_that_a_neighbour_has_checked_are_not_missing(
    crawler: Crawler, reddit: ScriptedReddit, failures: int
) -> None:
    reddit.answers["/api/info"] = lambda query: (
        200, HTML if "sr_name" in query else listing()
    )  # fmt: skip
    for _ in range(failures):
        crawler.crawl("python")
    assert missing(crawler) == ["names"]
    del reddit.answers["/api/info"]
    crawler.rows(
        "INSERT INTO subreddits (name, access, access_checked_at) VALUES "
        "('rust', 'public', now()), ('golang', 'not_found', now()) RETURNING id"
    )
    crawler.rows("UPDATE missing_parts SET next_look_at = now() RETURNING kind")
    asked = reddit.count("/api/info")
    crawler.crawl("python")
    assert missing(crawler) == []
    assert crawler.value("SELECT missing_parts FROM subreddits WHERE name = 'python'") == 0
    assert reddit.count("/api/info") == asked
