"""A crawl fetches the comments behind stubs as far as Reddit shows them, and counts the others."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from crawljobs.db.database import Database
from support import scripted_reddit
from support.crawls import DEFAULTS, Crawler
from support.scripted_reddit import Query, ScriptedReddit, comment, listing, more, post


@pytest.fixture
def reddit() -> ScriptedReddit:
    return ScriptedReddit([post("p1", num_comments=9)])


@pytest.fixture
def crawler(reddit: ScriptedReddit, database: Database) -> Iterator[Crawler]:
    with scripted_reddit.serve(reddit) as url:
        yield Crawler(database, url, replace(DEFAULTS, fetch_user_subreddits=False))


def tree(reddit: ScriptedReddit, *children: Any) -> None:
    reddit.answers["/comments/p1"] = lambda _q: (200, [listing(*reddit.posts), listing(*children)])


def report(reddit: ScriptedReddit, comments: int) -> None:
    reddit.posts[0]["data"]["num_comments"] = comments


def thread(reddit: ScriptedReddit, of: str, *children: Any) -> None:
    """Define the thread of a comment: the comment `of` with these children below it."""
    top = comment(of, replies=listing(*children))
    answer = [listing(*reddit.posts), listing(top)]
    reddit.answers[f"/comments/p1/_/{of}"] = lambda _q: (200, answer)


def more_children(reddit: ScriptedReddit, *known: Any) -> None:
    """Answer /api/morechildren with the requested comments, as far as they are in `known`."""

    def answer(query: Query) -> tuple[int, Any]:
        asked = query["children"].split(",")
        found = [thing for thing in known if thing["data"]["id"] in asked]
        return 200, {"json": {"errors": [], "data": {"things": found}}}

    reddit.answers["/api/morechildren"] = answer


def stored(crawler: Crawler) -> list[str]:
    return [row.id for row in crawler.rows("SELECT id FROM comments ORDER BY id")]


def counts(crawler: Crawler) -> tuple[int, int, int]:
    (row,) = crawler.rows("SELECT * FROM posts WHERE id = 'p1'")
    assert row.tree_fetched_at is not None
    return row.comments_reported, row.comments_stored, row.comments_missing


def below(parent: str, *ids: str) -> list[Any]:
    return [comment(each, parent_id=f"t1_{parent}") for each in ids]


def test_a_stub_that_counts_0_is_followed_by_the_thread_of_its_parent(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    report(reddit, 3)
    tree(reddit, comment("p"), more("c1", "c2", parent="t1_p", count=0, depth=1))
    thread(reddit, "p", *below("p", "c1", "c2"))
    more_children(reddit)
    crawler.crawl("python")
    assert stored(crawler) == ["c1", "c2", "p"]
    assert counts(crawler) == (3, 3, 0)


def test_children_that_more_children_does_not_bring_are_sought_in_the_thread(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    report(reddit, 4)
    tree(reddit, comment("p"), more("c1", "c2", "c3", parent="t1_p", depth=1))
    more_children(reddit, *below("p", "c1"))
    thread(reddit, "p", *below("p", "c1", "c2", "c3"))
    crawler.crawl("python")
    assert stored(crawler) == ["c1", "c2", "c3", "p"]
    assert counts(crawler) == (4, 4, 0)


def test_stubs_of_several_parents_in_one_request_lead_to_the_right_threads(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    report(reddit, 7)
    tree(
        reddit,
        comment("p"),
        more("c1", "c2", parent="t1_p", depth=1),
        comment("q"),
        more("d1", "d2", parent="t1_q", depth=1),
        more("e1"),
    )
    more_children(reddit, *below("p", "c1", "c2"), comment("e1"), *below("q", "d1"))
    thread(reddit, "q", *below("q", "d1", "d2"))
    crawler.crawl("python")
    assert stored(crawler) == ["c1", "c2", "d1", "d2", "e1", "p", "q"]
    assert reddit.count("/comments/p1/_/p") == 0
    assert counts(crawler) == (7, 7, 0)


def test_children_of_the_post_itself_are_sought_by_their_names(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    """The post's own thread is the tree that named the children.

    Only their names are left to try.
    """
    report(reddit, 5)
    tree(reddit, comment("p"), more("c1", "c2", "c3", count=0))
    more_children(reddit)
    reddit.answers["/api/info"] = lambda _q: (200, listing(comment("c1"), comment("c3")))
    thread(reddit, "c1", *below("c1", "d1"))
    thread(reddit, "c3")
    crawler.crawl("python")
    assert stored(crawler) == ["c1", "c3", "d1", "p"]
    assert counts(crawler) == (5, 4, 1)
    assert reddit.count("/api/info") == 1


def test_so_many_threads_of_children_that_came_by_their_names_are_asked_for(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    names = [f"c{n}" for n in range(10, 60)]
    tree(reddit, comment("p"), more(*names, count=0))
    more_children(reddit)
    reddit.answers["/api/info"] = lambda _q: (200, listing(*map(comment, names)))
    crawler.crawl("python")
    assert len(stored(crawler)) == 51
    assert reddit.count("/comments/p1/_/") == 20
    assert counts(crawler) == (9, 51, 30)


def test_what_no_request_brings_is_counted_as_missing_and_not_asked_for_ever(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    report(reddit, 3)
    stub = more("c1", "c2", parent="t1_p", count=0, depth=1)
    tree(reddit, comment("p"), stub)
    thread(reddit, "p", stub)
    more_children(reddit)
    crawler.crawl("python")
    assert counts(crawler) == (3, 1, 2)
    # The six requests: description, posts, comments, tree, thread, and the children by their names.
    assert len(reddit.asked) == 6
    (row,) = crawler.rows("SELECT trees_whole, trees_not_whole FROM subreddits")
    assert (row.trees_whole, row.trees_not_whole) == (0, 1)
    crawler.crawl("python")
    # The second crawl requests the description, posts and comments. The tree has not changed.
    assert len(reddit.asked) == 9


def test_what_our_settings_leave_out_is_counted_as_missing(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    crawler.settings = replace(crawler.settings, max_comments_per_post=2, max_comment_depth=2)
    deep = comment("a", replies=listing(*below("a", "b")))
    tree(reddit, deep, comment("c"), more("d", "e", count=7), more("f", parent="t1_b", depth=2))
    crawler.crawl("python")
    assert counts(crawler) == (9, 2, 1 + 7 + 1)


def test_a_thread_that_goes_on_is_fetched_once(crawler: Crawler, reddit: ScriptedReddit) -> None:
    on = more(parent="t1_p", count=0, depth=1)
    tree(reddit, comment("p", replies=listing(on)), on)
    thread(reddit, "p", *below("p", "c1"), on)
    crawler.crawl("python")
    assert stored(crawler) == ["c1", "p"]
    assert reddit.count("/comments/p1/_/p") == 1
