"""The crawl of a listing ends at a page with only known items. Each item counts once."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawljobs.db.database import Database
from support import scripted_reddit
from support.crawls import DEFAULTS, Crawler
from support.scripted_reddit import Query, ScriptedReddit, comment, listing, more, post

Turn = Callable[[list[Any], Query], Any]


@pytest.fixture
def reddit() -> ScriptedReddit:
    posts = [post(f"{9999 - n}") for n in range(250)]
    return ScriptedReddit(posts, [comment(f"c{999 - n}", "9900") for n in range(250)])


@pytest.fixture
def crawler(reddit: ScriptedReddit, database: Database) -> Iterator[Crawler]:
    with scripted_reddit.serve(reddit) as url:
        yield Crawler(database, url, replace(DEFAULTS, fetch_user_subreddits=False))


def name(thing: Any) -> str:
    return f"{thing['kind']}_{thing['data']['id']}"


def back_to_the_first(things: list[Any], query: Query) -> Any:
    """Return three pages of 100, 100 and 50 items. The last page has the cursor of the first."""
    page = scripted_reddit.page(things, query)
    page["data"]["after"] = page["data"]["after"] or name(things[99])
    return page


def back_to_the_middle(things: list[Any], query: Query) -> Any:
    page = scripted_reddit.page(things, query)
    page["data"]["after"] = page["data"]["after"] or name(things[149])
    return page


def always_the_first(things: list[Any], query: Query) -> Any:
    """Return always the first page, each time with a new cursor."""
    page = scripted_reddit.page(things, {})
    turn = int(query.get("after", "t3_0").partition("_")[2], 36) + 1
    page["data"]["after"] = f"t3_{turn % 36}" if turn < 36 else "t3_0"
    return page


def that_does_not_move(things: list[Any], query: Query) -> Any:
    page = scripted_reddit.page(things, query)
    page["data"]["after"] = query.get("after") or page["data"]["after"]
    return page


def the_same_items_twice(things: list[Any], query: Query) -> Any:
    """Return pages whose first half repeats the page before. This is no loop."""
    page = scripted_reddit.page(things, query)
    children = page["data"]["children"]
    if page["data"]["after"] is not None:
        page["data"]["after"] = name(children[len(children) // 2])
    return page


@pytest.mark.parametrize("kind", ["posts", "comments"])
@pytest.mark.parametrize(
    ("turn", "stored", "requests", "missing"),
    [
        (back_to_the_first, 250, 4, 1),
        (back_to_the_middle, 250, 4, 1),
        (always_the_first, 100, 2, 1),
        (that_does_not_move, 200, 2, 1),
        (the_same_items_twice, 250, 4, 0),
    ],
)
def test_a_listing_that_turns_back_is_walked_once(
    crawler: Crawler, reddit: ScriptedReddit, kind: str, turn: Turn, stored: int, requests: int,
    missing: int,
) -> None:  # fmt: skip
    """Nothing proves that the listing has shown all items, so that the rest is a missing part."""
    things = reddit.posts if kind == "posts" else reddit.comments
    path = "/r/python/new" if kind == "posts" else "/r/python/comments"
    reddit.answers[path] = lambda query: (200, turn(things, query))
    assert crawler.crawl("python") == "crawled"
    checkpoint = crawler.checkpoint()
    assert checkpoint[kind] == crawler.value(f"SELECT count(*) FROM {kind}") == stored
    assert reddit.count(path) == requests
    assert checkpoint["gap"] is False
    assert crawler.value("SELECT missing_parts FROM subreddits") == missing


def test_comments_of_a_tree_that_the_listing_has_shown_count_once(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.posts[0]["data"]["num_comments"] = 8
    reddit.comments[:0] = [comment(f"d{n}00", "9999") for n in range(1, 6)]
    tree = [comment(f"d{n}00", "9999") for n in range(1, 9)]
    reddit.answers["/comments/9999"] = lambda _query: (200, [listing(), listing(*tree)])
    crawler.crawl("python")
    assert crawler.value("SELECT count(*) FROM comments") == 258
    assert crawler.checkpoint()["comments"] == 258


@pytest.mark.parametrize(
    "endless",
    [
        lambda ids: [more(*ids, parent="t3_9999")],  # the reply names the same children again
        lambda ids: [more(parent="t1_a1", count=0, depth=1)],  # the stub leads to its own thread
        lambda ids: [comment("a1", "9999"), more(*ids, parent="t1_a1", count=0, depth=1)],
        lambda ids: [comment(ids[0], "9999"), more(*ids, "a1", parent="t3_9999")],
    ],
)
def test_stubs_that_lead_back_are_followed_once(
    crawler: Crawler, reddit: ScriptedReddit, endless: Callable[[list[str]], list[Any]]
) -> None:
    """Each reply names the same missing comments again, whatever the crawl requests."""
    reddit.posts[0]["data"]["num_comments"] = 500
    children = endless([f"x{n}" for n in range(10, 40)])
    shown = [comment("a1", "9999"), *children]
    reddit.answers["/comments/9999"] = lambda _query: (200, [listing(), listing(*shown)])
    things = {"json": {"errors": [], "data": {"things": children}}}
    reddit.answers["/api/morechildren"] = lambda _query: (200, things)
    assert crawler.crawl("python") == "crawled"
    assert len(reddit.asked) <= 12
    of_the_tree = crawler.value("SELECT count(*) FROM comments WHERE post_id = '9999'")
    assert crawler.checkpoint()["comments"] == 250 + of_the_tree


def test_a_walk_goes_on_after_a_restart_with_what_it_has_seen(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers["/r/python/comments"] = lambda query: (
        200, back_to_the_first(reddit.comments, query),
    )  # fmt: skip
    crawler.enqueue("python")
    claim = crawler.claim()
    saved = Checkpoint(
        phase="comments", cursor="t1_c800", cursor_at=claim.claimed_at.isoformat(), page=2,
        comments=200, seen=" ".join(f"c{999 - n}" for n in range(200)),
    ).saved()  # fmt: skip
    crawler.run(claim._replace(checkpoint=saved))
    assert reddit.asked == ["/r/python/comments?after=t1_c800", "/r/python/comments?after=t1_c900"]
    assert crawler.checkpoint()["comments"] == 250


@pytest.mark.parametrize("kind", ["posts", "comments"])
def test_pages_without_items_that_lead_on_and_on_end_the_walk(
    crawler: Crawler, reddit: ScriptedReddit, kind: str
) -> None:
    """If Reddit leaves out items, one or two pages may be empty.

    The crawl reads the pages behind them.
    """
    things = reddit.posts if kind == "posts" else reddit.comments
    path = "/r/python/new" if kind == "posts" else "/r/python/comments"
    empty = iter(range(1, 2_000))

    def sometimes(query: Query) -> tuple[int, Any]:
        if reddit.count(path) in (2, 3):
            return 200, listing(after=query["after"][:3] + "e" + query["after"][3:])
        return 200, scripted_reddit.page(things, {"after": query.get("after", "").replace("e", "")})

    reddit.answers[path] = sometimes
    crawler.crawl("python")
    assert crawler.value(f"SELECT count(*) FROM {kind}") == 250
    reddit.asked.clear()
    reddit.answers[path] = lambda _query: (200, listing(after=f"t3_{next(empty)}"))
    assert crawler.crawl("python") == "crawled"
    assert reddit.count(path) == 3


def test_a_walk_of_an_older_release_goes_on_counting(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    """A checkpoint of an older release has no ids of items."""
    crawler.enqueue("python")
    claim = crawler.claim()
    saved = Checkpoint(
        phase="posts", cursor="t3_9900", cursor_at=claim.claimed_at.isoformat(), page=1, posts=100
    ).saved()
    crawler.run(claim._replace(checkpoint=saved))
    assert crawler.checkpoint()["posts"] == 250
