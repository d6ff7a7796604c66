"""A tree with fewer comments than Reddit reports is missing, but is not requested without end."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from crawljobs.db.database import Database
from support import scripted_reddit
from support.crawls import DEFAULTS, Crawler
from support.scripted_reddit import Answer, ScriptedReddit, always, comment, listing, more, post

TREE = "/comments/p1"
SHOWN = [comment(f"c{n}") for n in range(30)]
NO_POST, EMPTY = listing(), listing()


def counted(number: int) -> Any:
    return listing(post("p1", num_comments=number))


# Valid replies that contain nothing, or almost nothing, of a tree.
SHORT: dict[str, Answer] = {
    "empty": always(200, [counted(30), EMPTY]),
    "empty without the post": always(200, [NO_POST, EMPTY]),
    "empty, and another number": always(200, [counted(0), EMPTY]),
    "404": always(404, {"message": "Not Found", "error": 404}),
    "404 banned": always(404, {"reason": "banned", "message": "Not Found", "error": 404}),
    "451": always(451, {"message": "Unavailable", "error": 451}),
    "cut off": always(200, [counted(30), listing(*SHOWN[:14])]),
    "comments of another shape": always(200, [counted(30), listing(*[{"kind": "t1"}] * 30)]),
    "a stub of nothing": always(200, [counted(30), listing(more(count=0))]),
}


@pytest.fixture
def reddit() -> ScriptedReddit:
    """Return a post with 30 comments. None of them is among the newest comments."""
    reddit = ScriptedReddit([post("p1", num_comments=30)])
    reddit.trees["p1"] = SHOWN
    return reddit


@pytest.fixture
def crawler(reddit: ScriptedReddit, database: Database) -> Iterator[Crawler]:
    with scripted_reddit.serve(reddit) as url:
        yield Crawler(database, url, replace(DEFAULTS, fetch_user_subreddits=False))


def parts(crawler: Crawler) -> list[tuple[str, str, str]]:
    rows = crawler.rows("SELECT kind, item, reason FROM missing_parts ORDER BY item")
    return [(row.kind, row.item, row.reason) for row in rows]


def whole(crawler: Crawler) -> tuple[int, int]:
    (row,) = crawler.rows("SELECT trees_whole, trees_not_whole FROM subreddits")
    return row.trees_whole, row.trees_not_whole


def counts(crawler: Crawler) -> tuple[int, int, int]:
    (row,) = crawler.rows("SELECT * FROM posts WHERE id = 'p1'")
    return row.comments_reported, row.comments_stored, row.comments_missing


def pass_time(crawler: Crawler) -> None:
    crawler.rows("UPDATE missing_parts SET next_look_at = now() RETURNING kind")


@pytest.mark.parametrize("reply", SHORT)
def test_a_tree_that_brings_almost_nothing_is_a_missing_part(
    crawler: Crawler, reddit: ScriptedReddit, reply: str
) -> None:
    reddit.answers[TREE] = SHORT[reply]
    assert crawler.crawl("python") == "crawled"
    stored = 14 if reply == "cut off" else 0
    assert parts(crawler) == [("tree", "p1", "unavailable")]
    assert crawler.value("SELECT incomplete FROM crawl_jobs")
    assert counts(crawler) == (30, stored, 30 - stored)
    # In the case "another number", the tree reports 0 comments and counts as complete.
    assert whole(crawler) == ((1, 0) if "another number" in reply else (0, 1))
    del reddit.answers[TREE]
    crawler.crawl("python")
    assert (parts(crawler), counts(crawler), whole(crawler)) == ([], (30, 30, 0), (1, 0))


@pytest.mark.parametrize("reply", ["empty", "404", "cut off"])
def test_the_third_look_is_believed_and_none_follows_until_the_number_grows(
    crawler: Crawler, reddit: ScriptedReddit, reply: str
) -> None:
    reddit.answers[TREE] = SHORT[reply]
    stored = 14 if reply == "cut off" else 0
    asked = []
    for _ in range(6):
        before = reddit.count(TREE)
        crawler.crawl("python")
        asked.append(reddit.count(TREE) > before)
        pass_time(crawler)
    assert asked == [True] * 3 + [False] * 3
    assert (parts(crawler), whole(crawler)) == ([], (0, 1))
    assert counts(crawler) == (30, stored, 30 - stored)
    assert not crawler.value("SELECT incomplete FROM crawl_jobs ORDER BY id DESC LIMIT 1")
    # The tree is requested again when the post has one more comment.
    reddit.posts[0]["data"]["num_comments"] = 31
    reddit.trees["p1"] = [*SHOWN, comment("d1")]
    del reddit.answers[TREE]
    crawler.crawl("python")
    assert (counts(crawler), whole(crawler)) == ((31, 31, 0), (1, 0))


def test_the_second_look_waits_for_no_time_and_the_third_does(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers[TREE] = SHORT["empty"]
    for _ in range(4):
        crawler.crawl("python")
    assert reddit.count(TREE) == 2


@pytest.mark.parametrize("removed", [1, 2, 15])
def test_comments_that_reddit_counts_and_never_shows_cost_one_request(
    crawler: Crawler, reddit: ScriptedReddit, removed: int
) -> None:
    """An example is removed comments.

    They count as missing, and Reddit seldom lowers the number.
    """
    reddit.trees["p1"] = SHOWN[removed:]
    for _ in range(3):
        crawler.crawl("python")
        pass_time(crawler)
    assert reddit.count(TREE) == 1
    assert parts(crawler) == []
    assert counts(crawler) == (30, 30 - removed, removed)
    assert whole(crawler) == (0, 1)
    # Reddit no longer counts the removed comments.
    reddit.posts[0]["data"]["num_comments"] = 30 - removed
    crawler.settings = replace(crawler.settings, walk_whole_every=crawler.settings.part_retry)
    crawler.rows("UPDATE subreddits SET whole_walk_at = now() - interval '9 d' RETURNING id")
    crawler.crawl("python")
    assert (reddit.count(TREE), whole(crawler)) == (1, (1, 0))


@pytest.mark.parametrize("number", [0, 12, 29])
def test_a_tree_whose_number_differs_from_the_listings_is_not_asked_for_at_each_crawl(
    crawler: Crawler, reddit: ScriptedReddit, number: int
) -> None:
    """The number in the listing or the number in the tree may come from an old cache."""
    reddit.answers[TREE] = always(200, [counted(number), listing(*SHOWN[:20])])
    for _ in range(3):
        crawler.crawl("python")
        pass_time(crawler)
    assert reddit.count(TREE) == 1
    assert counts(crawler) == (30, 20, 10)


def test_what_our_settings_leave_out_makes_no_tree_short(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    crawler.settings = replace(crawler.settings, max_comments_per_post=5, max_comment_depth=2)
    crawler.crawl("python")
    assert (parts(crawler), counts(crawler)) == ([], (30, 5, 25))
    # A chain of replies that is deeper than the setting allows.
    chain = comment("d9")
    for n in range(8, -1, -1):
        chain = comment(f"d{n}", replies=listing(chain))
    reddit.posts[0]["data"]["num_comments"] = 40
    reddit.answers[TREE] = always(200, [counted(40), listing(chain)])
    crawler.settings = replace(crawler.settings, max_comments_per_post=500)
    crawler.crawl("python")
    assert parts(crawler) == []


def test_a_thread_that_is_gone_is_counted(crawler: Crawler, reddit: ScriptedReddit) -> None:
    """The end of a long chain of replies is a stub that has no count and no children."""
    stub = more(parent="t1_c19", count=0, depth=1)
    reddit.answers[TREE] = always(200, [counted(30), listing(*SHOWN[:20], stub)])
    reddit.answers[f"{TREE}/_/c19"] = always(404, {"message": "Not Found", "error": 404})
    crawler.crawl("python")
    assert (counts(crawler), whole(crawler)) == ((30, 20, 10), (0, 1))
